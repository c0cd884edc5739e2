"""Suggestions over a world in which a word is an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import InputError, LMMError, QueryError, ShapeError
from openitr.search.suggest import (
    CaptionMemory,
    Clusterer,
    Discriminative,
    GroupCap,
    QuerySuggester,
    least_change,
    lmm_merger,
)
from openitr.search.suggest.naming import apart, told, within
from openitr.search.suggest.phrases import added_words, edited, spoken
from tests.search.fakes import TermEncoder
from tests.search.suggest.worlds import ENCODER, groups_of, results, vocabulary

COLOURS = ["red"] * 8 + ["green"] * 6 + ["blue"] * 4


def suggester(**how: Any) -> QuerySuggester:
    return QuerySuggester(ENCODER, namer=Discriminative(ENCODER, vocabulary()), **how)


def test_every_group_is_named_by_its_colour() -> None:
    found = results(*COLOURS)
    made = suggester().suggest("circle", found.ids, found.vectors)
    assert [one.query for one in made] == ["red circle", "green circle", "circle, blue"] or [
        one.added for one in made
    ] == [("red",), ("green",), ("blue",)]
    assert [len(one.ids) for one in made] == [8, 6, 4]
    assert [one.share for one in made] == pytest.approx([8 / 18, 6 / 18, 4 / 18])
    assert all(one.found == 1.0 for one in made)


def test_a_stub_that_adds_nothing_fails_what_suggestions_pass() -> None:
    # The check above is one that the query itself does not pass: it finds a group by its share only.
    found = results(*COLOURS)
    scores = found.vectors @ ENCODER.encode_texts(["circle"]).values[0]
    assert np.mean([within(scores, rows) for rows in groups_of(COLOURS)]) < 0.7


def test_what_is_written_is_tried_and_said() -> None:
    texts = [["dark by the harbour"] if colour == "red" else ["by the wood"] for colour in COLOURS]
    found = results(*[f"{colour} dark" if colour == "red" else colour for colour in COLOURS], texts=texts)
    one = suggester().suggest("thing", found.ids, found.vectors, texts=texts)[0]
    assert one.added in (("dark",), ("red",))
    assert told(found, groups_of(COLOURS), 0)[0] in ("by the harbour", "dark", "harbour")


def test_told_counts_pictures_and_not_words() -> None:
    texts = [["sun sun sun sun"], ["sea"], ["sea"], ["hill"], ["hill"]]
    found = results("red", "red", "red", "blue", "blue", texts=texts)
    assert told(found, [np.arange(3), np.arange(3, 5)], 0) == ["sea"]


def test_no_phrase_names_two_groups_and_none_is_forced() -> None:
    found = results(*["red"] * 6, *["red"] * 6)
    made = suggester().name("circle", found, [np.arange(6), np.arange(6, 12)])
    named = [one.added for one in made if one.added]
    assert len(set(named)) == len(named)
    nothing = [one for one in made if not one.added]
    assert all(one.query == "circle" and one.notes for one in nothing)


def test_a_word_of_the_query_is_no_addition() -> None:
    found = results(*COLOURS)
    made = suggester().suggest("red circles", found.ids, found.vectors)
    assert all("red" not in one.added for one in made)


def test_few_results_are_not_narrowed_down() -> None:
    found = results("red", "blue", "green")
    assert suggester().suggest("circle", found.ids, found.vectors) == []


def test_one_group_stays_with_the_query() -> None:
    found = results(*COLOURS)
    made = suggester(clusterer=Clusterer(1)).suggest("circle", found.ids, found.vectors)
    assert [(one.query, one.added, one.share) for one in made] == [("circle", (), 1.0)]


@pytest.mark.parametrize(
    ("query", "ids", "vectors", "texts", "error"),
    [
        ("  ", 3, 3, 0, QueryError),
        ("x", 3, 2, 0, InputError),
        ("x", 3, 3, 2, InputError),
    ],
)
def test_senseless_calls(query: str, ids: int, vectors: int, texts: int, error: type[Exception]) -> None:
    found = results(*["red"] * 3)
    with pytest.raises(error):
        suggester().suggest(query, found.ids[:ids], found.vectors[:vectors], texts=[[]] * texts)


def test_an_empty_group_and_a_lexicon_model_are_refused() -> None:
    found = results(*COLOURS)
    with pytest.raises(InputError):
        suggester().name("circle", found, [np.arange(3), np.arange(0)])
    with pytest.raises(ShapeError):
        QuerySuggester(TermEncoder(), namer=Discriminative(TermEncoder(), vocabulary())).suggest(
            "circle", found.ids, found.vectors
        )


def test_apart_and_within_equal_plain_loops() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(12, 3)).astype(np.float32)
    rows = np.array([1, 4, 7, 8])
    others = [at for at in range(12) if at not in rows]
    for column in range(3):
        values = scores[:, column].astype(np.float64)
        spread = np.sqrt(np.mean([(value - values.mean()) ** 2 for value in values]))
        assert apart(scores, rows)[column] == pytest.approx((values[rows].mean() - values[others].mean()) / spread)
        first = sorted(range(12), key=lambda at: (-values[at], at in rows))[: len(rows)]
        assert within(scores[:, column], rows) == sum(at in rows for at in first) / 4


def captions(id: int) -> str:
    return ["a red circle in the snow", "one red circle", "the red circle", "a circle"][id % 4]


def test_group_cap_merges_and_its_ablation_does_not() -> None:
    found = results(*["red"] * 8, *["blue"] * 8)
    groups = [np.arange(8), np.arange(8, 16)]

    def look(id: int) -> str:
        return captions(id) if id < 108 else "two blue circles"

    merged = GroupCap(look, least_change)("circle", found, groups)
    whole = GroupCap(look, None)("circle", found, groups)
    assert [one.query for one in merged] == ["red circle", "blue circle"]
    assert merged[0].added == ("red",)
    assert whole[1].query == "two blue circles"


class Model:
    """A language model that answers as it is told to, and remembers what it was asked."""

    name = "double"

    def __init__(self, *replies: Any) -> None:
        self.replies, self.asked = list(replies), list[str]()

    def generate(self, messages: Sequence[Any], **how: Any) -> Any:
        from openitr.encoders.lmm import Reply

        self.asked.append(messages[-1].text)
        reply = self.replies.pop(0) if self.replies else LMMError("it is down")
        if isinstance(reply, Exception):
            raise reply
        return Reply(str(reply), {"query": reply})


def test_a_language_model_words_the_suggestion() -> None:
    found = results(*["red"] * 8, *["blue"] * 8)
    model = Model("a red circle", "circle")
    made = GroupCap(captions, lmm_merger(model))("circle", found, [np.arange(8), np.arange(8, 16)])
    assert made[0].query == "a red circle" and made[0].added == ("red",)
    assert made[1].notes == ("nothing was added",)
    assert "circle" in model.asked[0] and "red circle" in model.asked[0]


@pytest.mark.parametrize("fallback", [True, False])
def test_a_language_model_that_is_down_leaves_a_note(fallback: bool) -> None:
    found = results(*["red"] * 8, *["blue"] * 8)
    other = Discriminative(ENCODER, vocabulary()) if fallback else None
    namer = GroupCap(captions, lmm_merger(Model(LMMError("it is down"))), fallback=other)
    made = QuerySuggester(ENCODER, namer=namer).name("circle", found, [np.arange(8), np.arange(8, 16)])
    assert all("it is down" in one.notes[-1] for one in made)
    assert [one.added for one in made] == ([("red",), ("blue",)] if fallback else [(), ()])


def test_a_reply_without_end_is_cut_and_a_blank_one_is_the_query() -> None:
    found = results(*["red"] * 8, *["blue"] * 8)
    made = GroupCap(captions, lmm_merger(Model("x" * 5000, "   ")))("circle", found, [np.arange(8), np.arange(8, 16)])
    assert len(made[0].query) == 200 and made[1].query == "circle"


def test_memory_projects_onto_the_texts() -> None:
    memory = CaptionMemory(vocabulary(), tau=0.05)
    vectors = results("red", "blue").vectors
    by_hand = []
    for vector in vectors:
        weights = np.exp([float(vector @ text) / 0.05 for text in memory.texts.vectors])
        total = sum(w * t for w, t in zip(weights / weights.sum(), memory.texts.vectors, strict=True))
        by_hand.append(total / np.linalg.norm(total))
    np.testing.assert_allclose(memory.project(vectors), by_hand, atol=1e-5)
    found = results(*["red"] * 4, *["blue"] * 4)
    assert [one.query for one in memory("circle", found, [np.arange(4), np.arange(4, 8)])] == ["red", "blue"]


def test_least_change_has_nothing_to_add() -> None:
    assert least_change("circle", ["a circle"], []) == "circle"
    assert least_change("circle", ["a red circle"], ["a red circle"]) == "circle"


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=60)
def test_phrases_of_any_text(query: str, text: str) -> None:
    for phrase in spoken([text]):
        assert phrase.split()
        assert phrase.split()[-1] in edited(query or "x", phrase)
    added_words(query, text)
