"""Sentences of captions: what is an end, what is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.datasets import PairDataset
from openitr.datasets.pair import Pair
from openitr.train.sentences import sample, sentences, split


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("  a dog  ", ["a dog"]),
        ("J. Smith runs. He is 3.5 m tall.", ["J. Smith runs.", "He is 3.5 m tall."]),
        ("Who?! Me.", ["Who?!", "Me."]),
        ("一只狗。 两只猫！三", ["一只狗。", "两只猫！", "三"]),
    ],
)
def test_ends(text: str, pieces: list[str]) -> None:
    assert sentences(text) == pieces


@given(st.text(max_size=80))
def test_no_word_is_lost(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_draws_are_without_repeats_as_long_as_there_are_enough() -> None:
    texts = ["A. B. C.", "D e."]
    drawn = sample(["a one. b two. c three.", "d four."], 4, np.random.default_rng(0))
    assert sorted(drawn) == ["a one.", "b two.", "c three.", "d four."]
    assert len(sample(texts, 7, np.random.default_rng(1))) == 7
    assert sample([""], 3, np.random.default_rng(0)) == []


def test_only_one_language_is_split() -> None:
    data = PairDataset([Pair("a", b"", {"en": ["One. Two."], "de": ["Eins. Zwei."]}, "val", {"k": 1})], "n")
    made = split(data, "en")[0]
    assert made.texts == {"en": ("One.", "Two."), "de": ("Eins. Zwei.",)}
    assert (made.split, dict(made.metadata)) == ("val", {"k": 1})
