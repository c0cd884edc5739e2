"""Text triplets: one word changes, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.datasets.text_triplets import TextTriplets
from openitr.errors import DatasetError, InputError

COLOURS, THINGS = ("red", "blue", "dark blue"), ("dog", "cat")


@given(
    st.lists(st.tuples(st.sampled_from(COLOURS), st.sampled_from(THINGS)), min_size=1, max_size=5), st.integers(0, 9)
)
def test_a_target_is_the_caption_with_the_word_of_the_change(drawn, seed):
    captions = [f"a {colour} {thing} on grass" for colour, thing in drawn]
    made = TextTriplets.from_templates(captions, [COLOURS, THINGS], each=9, seed=seed)
    assert len(made) == len(captions) * (2 + 1)
    for before, change, after in zip(made.references, made.changes, made.targets, strict=True):
        new = change.removeprefix("is ")
        own = COLOURS if new in COLOURS else THINGS
        old = next(word for word in sorted(own, key=len, reverse=True) if re.search(rf"\b{word}\b", before))
        assert after == before.replace(old, new) and old != new


def test_captions_with_none_or_several_words_of_a_class_are_left_alone():
    made = TextTriplets.from_templates(["a red dog and a blue cat", "the sky", "Redder than RED"], [COLOURS])
    assert list(made.references) == ["Redder than RED"] and made.targets[0] in (
        "Redder than blue",
        "Redder than dark blue",
    )


def test_the_draw_is_the_seeds():
    captions = [f"a red dog {n}" for n in range(20)]
    one, same, other = (TextTriplets.from_templates(captions, [COLOURS], seed=seed) for seed in (1, 1, 2))
    assert one == same and one != other


def test_the_wording_is_ones_own():
    made = TextTriplets.from_templates(["a red dog"], [("red", "blue")], wording="make it {}, please")
    assert list(made.changes) == ["make it blue, please"]


def test_senseless_calls():
    for swaps, wording, each, said in (
        ([("red",)], "is {}", 1, "class"),
        ([("red", "")], "is {}", 1, "class"),
        ([COLOURS], "is", 1, "wording"),
        ([COLOURS], "is {}", 0, "triplets"),
    ):
        with pytest.raises(InputError, match=said):
            TextTriplets.from_templates(["a red dog"], swaps, wording=wording, each=each)
    with pytest.raises(DatasetError, match="no caption"):
        TextTriplets.from_templates(["a sky"], [COLOURS])
    with pytest.raises(DatasetError, match="of each"):
        TextTriplets(["a"], [], ["b"])
    with pytest.raises(DatasetError, match="no triplets"):
        TextTriplets([], [], [])
