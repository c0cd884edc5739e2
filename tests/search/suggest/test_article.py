"""Key phrases, aggregated rankings, feedback, pictures for paragraphs."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import InputError
from openitr.search.suggest import Document, Illustrator, aggregate_ranks, rankers_for, rocchio
from openitr.search.suggest.keyphrases import caption_likelihood, ordered, phrases_in, position, text_rank, tf_idf
from tests.search.suggest.worlds import ENCODER, results

RANKINGS = st.lists(st.permutations(["a", "b", "c", "d"]), min_size=1, max_size=5)


def disagreements(order: list[str], lists: list[list[str]]) -> int:
    return sum(one.index(first) > one.index(second) for one in lists for first, second in combinations(order, 2))


@given(RANKINGS)
@settings(max_examples=60)
def test_borda_and_rrf_equal_plain_loops(lists: list[list[str]]) -> None:
    borda = {name: sum(len(one) - (one.index(name) + 1) for one in lists) for name in "abcd"}
    rrf = {name: sum(1 / (60 + one.index(name) + 1) for one in lists) for name in "abcd"}
    for rule, points in (("borda", borda), ("rrf", rrf)):
        got = [round(points[name], 9) for name in aggregate_ranks(lists, rule)]  # type: ignore[arg-type]
        assert got == sorted(got, reverse=True)


@given(RANKINGS)
@settings(max_examples=40)
def test_kemeny_pleases_no_fewer_than_borda_and_is_locally_best(lists: list[list[str]]) -> None:
    order = aggregate_ranks(lists, "kemeny")
    mine = disagreements(order, lists)
    assert mine <= disagreements(aggregate_ranks(lists, "borda"), lists)
    for at in range(3):
        swapped = [*order]
        swapped[at], swapped[at + 1] = swapped[at + 1], swapped[at]
        assert mine <= disagreements(swapped, lists)


def test_kemeny_finds_a_majority_that_borda_misses() -> None:
    lists = [["a", "b", "c"]] * 3 + [["b", "c", "a"]] * 2
    best = min(permutations("abc"), key=lambda order: disagreements(list(order), lists))
    assert aggregate_ranks(lists, "kemeny") == list(best) == ["a", "b", "c"]
    assert aggregate_ranks(lists, "borda")[0] == "b"


def test_what_a_list_leaves_out_stands_behind() -> None:
    assert aggregate_ranks([["a"], ["b", "a"]], "rrf")[0] == "a"
    assert aggregate_ranks([]) == []


def test_senseless_rankings_are_refused() -> None:
    with pytest.raises(InputError):
        aggregate_ranks([["a", "a"]])
    with pytest.raises(InputError):
        aggregate_ranks([["a"]], "plurality")  # type: ignore[arg-type]


DOCUMENT = Document.read(
    "Boats in the harbour\n\nThe fishing boats lie in the old harbour. Fishing boats are red.\n\nA man reads the paper."
)


def test_a_document_is_read() -> None:
    assert DOCUMENT.title == "Boats in the harbour" and len(DOCUMENT.paragraphs) == 2
    assert Document.read("One sentence.\n\nAnother one.").title == ""
    assert Document.read("just words").paragraphs == ("just words",)
    with pytest.raises(InputError):
        Document.read(" \n\n ... ")


@given(st.text(max_size=200))
@settings(max_examples=60)
def test_phrases_begin_and_end_with_a_word_that_says_something(text: str) -> None:
    for phrase in phrases_in([text]):
        words = phrase.split()
        assert words and len(words) <= 6


def test_rankers_send_back_what_says_nothing() -> None:
    phrases = phrases_in([DOCUMENT.title, *DOCUMENT.paragraphs])
    captions = ["a red boat", "boats in a harbour", "a man"]
    by = {
        "tf-idf": tf_idf(
            {"man": 50, "paper": 40, "read": 40, "red": 40, "lie": 40, "old": 50, "boat": 5, "fishing": 3}, 100
        ),
        "TextRank": text_rank,
        "captions": caption_likelihood(captions),
    }
    for name, rank in by.items():
        scores = dict(zip(phrases, rank(DOCUMENT, phrases), strict=True))
        assert scores["boats"] > scores["paper"], name
    first = ordered(phrases, position(DOCUMENT, phrases))
    assert first[0].startswith("boats")


def test_text_rank_is_page_rank() -> None:
    # On a line of three words the middle one has twice the links: solved by hand with damping d.
    document, d = Document("", ("one two three",)), 0.85
    scores = text_rank(Document("", ("alpha beta gamma",)), ["alpha", "beta", "gamma"], window=2, damping=d)
    end = (0.05 + d * 0.05 / 2) / (1 - d * d)
    assert scores[0] == pytest.approx(end, rel=1e-3)
    assert scores[1] == pytest.approx(0.05 + 2 * d * end, rel=1e-3)
    assert text_rank(document, []).shape == (0,)


def test_rocchio_equals_the_formula() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    query = rows[0]
    order = sorted(range(40), key=lambda at: -float(rows[at] @ query))
    by_hand = query + 0.5 * sum(rows[at] for at in order[:3]) / 3 - 0.2 * sum(rows[at] for at in order[-5:]) / 5
    np.testing.assert_allclose(
        rocchio(query, rows, 0.5, 0.2, relevant=3, wrong=5), by_hand / np.linalg.norm(by_hand), atol=1e-6
    )
    np.testing.assert_array_equal(rocchio(query, rows[:0], 0.5, 0.2), query)


COLOURS = ["red"] * 5 + ["green"] * 5 + ["blue"] * 5


def illustrator(**how: object) -> Illustrator:
    found = results(*COLOURS)
    return Illustrator(ENCODER, found.ids, found.vectors, rankers_for(ENCODER, found.vectors, ["a red thing"]), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_paragraphs_get_their_pictures(rounds: int) -> None:
    document = Document("", ("The house is red today.", "Later it was green again.", "Nobody came."))
    made = illustrator(rounds=rounds).illustrate(document, each=2, per_paragraph=1)
    picked = [{COLOURS[id - 100] for id in one.ids} for one in made]
    assert picked[0] == {"red"} or "red" not in made[0].phrases[0]
    assert len({id for one in made for id in one.ids}) == sum(len(one.ids) for one in made)
    assert [one.text for one in made] == list(document.paragraphs)


def test_the_phrase_that_can_be_shown_is_found() -> None:
    made = illustrator().illustrate(Document("Red", ("It was red, red and red.",)), each=3, per_paragraph=1)
    assert made[0].phrases == ("red",)
    assert {COLOURS[id - 100] for id in made[0].ids} == {"red"}


def test_no_pictures_and_no_phrases() -> None:
    document = Document("", ("It is what it is.", "red"))
    made = illustrator().illustrate(document)
    assert made[0].ids == () and made[0].phrases == ()
    empty = Illustrator(ENCODER, np.empty(0, np.int64), np.empty((0, 5), np.float32), {"position": position})
    assert empty.illustrate(document)[1].ids == ()
    assert illustrator().best(Document("", ("It is what it is.",))) == []


def test_senseless_calls() -> None:
    found = results(*COLOURS)
    with pytest.raises(InputError):
        Illustrator(ENCODER, found.ids, found.vectors, {})
    with pytest.raises(InputError):
        Illustrator(ENCODER, found.ids[:2], found.vectors, {"position": position})
    with pytest.raises(InputError):
        illustrator().illustrate(DOCUMENT, each=0)
