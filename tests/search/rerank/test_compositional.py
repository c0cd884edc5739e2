"""ComCLIP against its formula in loops; black is black; what has no parts scores as without it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import InputError, QueryError, ShapeError
from openitr.search import Rerank
from openitr.search.pipeline import Candidates
from openitr.search.rerank import ComCLIPReranker, GridGrounder
from openitr.search.rerank.grounding import only
from openitr.search.rerank.sentences import Triple, parse_sentence
from openitr.types import ImageArray, Part, Query
from tests.search.fakes import ColourEncoder, TermEncoder

ENCODER = ColourEncoder()
RED, BLUE, GREEN = (250, 10, 10), (10, 10, 250), (10, 250, 10)
LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)


def halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> ImageArray:
    picture = np.empty((8, 8, 3), np.uint8)
    picture[:, :4], picture[:, 4:] = left, right
    return picture


def grounder(word: str, image: ImageArray) -> list[tuple[float, float, float, float]]:
    return [LEFT] if "red" in word else [RIGHT] if "blue" in word else []


def test_against_the_formula_in_loops() -> None:
    text, picture = "red next to blue", halves(RED, BLUE)
    got = ComCLIPReranker(ENCODER, grounder=grounder).score(text, [picture, halves(GREEN, GREEN)])
    for score, image in zip(got, (picture, halves(GREEN, GREEN)), strict=True):
        whole = ENCODER.encode_images([image]).values[0].astype(float)
        parts = [only(image, [LEFT]), only(image, [RIGHT]), only(image, [LEFT, RIGHT])]
        r, seen = [], []
        for word, part in zip(("red", "blue", "next to"), parts, strict=True):
            seen.append(ENCODER.encode_images([part]).values[0].astype(float))
            r.append(max(0.0, float(ENCODER.encode_texts([word]).values[0].astype(float) @ seen[-1])))
        made = whole.copy()
        for share, part in zip(r, seen, strict=True):
            made += share / sum(r) * part
        expected = made @ ENCODER.encode_texts([text]).values[0].astype(float) / np.linalg.norm(made)
        assert score == pytest.approx(expected, abs=1e-5)


def test_without_grounded_parts_it_is_the_plain_cosine() -> None:
    nowhere = ComCLIPReranker(ENCODER, grounder=lambda word, image: [])
    pictures = [halves(RED, BLUE), halves(GREEN, BLUE)]
    for text in ("red next to blue", "red"):
        plain = ENCODER.encode_images(pictures).values @ ENCODER.encode_texts([text]).values[0]
        np.testing.assert_allclose(nowhere.score(text, pictures), plain, atol=1e-6)


def test_the_order_of_parts_does_not_matter() -> None:
    def told(first: str, second: str) -> float:
        made = ComCLIPReranker(ENCODER, grounder=grounder, parser=lambda text: Triple(first, "next to", second))
        return float(made.score("red blue", [halves(RED, BLUE)])[0])

    assert told("red", "blue") == pytest.approx(told("blue", "red"), abs=1e-6)


def test_softmax_and_words_that_fit_nothing() -> None:
    for weights in ("sum", "softmax"):
        made = ComCLIPReranker(ENCODER, grounder=grounder, weights=weights)  # type: ignore[arg-type]
        assert np.isclose(made._shares(np.array([0.2, 0.5, -0.1])).sum(), 1)
    np.testing.assert_allclose(ComCLIPReranker(ENCODER)._shares(np.array([-0.2, -0.1])), [0.5, 0.5])


@given(
    st.integers(1, 9), st.integers(1, 9), st.floats(0, 0.95), st.floats(0, 0.95), st.floats(0.05, 1), st.floats(0.05, 1)
)
def test_outside_the_boxes_it_is_black(h: int, w: int, x: float, y: float, dx: float, dy: float) -> None:
    box = (x, y, min(1.0, x + dx), min(1.0, y + dy))
    picture = np.full((h, w, 3), 200, np.uint8)
    seen = only(picture, [box])
    assert set(np.unique(seen)) <= {0, 200} and (seen == 200).any()
    rows, columns = (np.arange(n) + 0.5 for n in (h, w))
    outside = (rows[:, None] / h < box[1] - 1 / h) | (rows[:, None] / h > box[3] + 1 / h)
    outside = outside | (columns / w < box[0] - 1 / w) | (columns / w > box[2] + 1 / w)
    assert not seen[outside].any()
    assert only(picture, []) is picture


def test_boxes_are_checked_and_united() -> None:
    seen = only(halves(RED, BLUE), [(0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)])
    assert (seen[:4, :4] == RED).all() and (seen[4:, 4:] == BLUE).all()
    assert not seen[:4, 4:].any() and not seen[4:, :4].any()
    for box in ((0.5, 0, 0.5, 1), (0, 0, 2, 1), (-0.1, 0, 1, 1)):
        with pytest.raises(InputError, match="is no box"):
            only(halves(RED, BLUE), [box])


def test_the_grid_finds_what_fits_better_than_the_whole() -> None:
    ground = GridGrounder(ENCODER, side=2, share=0.5)
    picture = np.full((8, 8, 3), BLUE, np.uint8)
    picture[:4, 4:] = RED
    assert ground("red", picture) == [(0.5, 0.0, 1.0, 0.5)]
    assert ground("red", np.full((8, 8, 3), RED, np.uint8)) == [], "no window shows more of it than the whole"
    before = len(ENCODER.asked)
    ground("blue", picture), ground("red", picture)
    assert ENCODER.asked[before:].count("image") == 1, "one picture's windows are encoded once"
    for kind in (GridGrounder, ComCLIPReranker):
        with pytest.raises(ShapeError, match="dense"):
            kind(TermEncoder())  # type: ignore[arg-type]


def test_what_is_to_be_avoided_counts_against() -> None:
    pictures = [halves(RED, BLUE), halves(RED, GREEN)]
    made = ComCLIPReranker(ENCODER, pictures.__getitem__, grounder=grounder)
    found = Candidates(np.arange(2), np.array([1.0, 0.5]))
    got = made(Query([Part("red", weight=2)], [Part("blue", weight=0.5)]), [0, 1], found)
    expected = (2 * made.score("red", pictures) - 0.5 * made.score("blue", pictures)) / 2
    np.testing.assert_allclose(got, expected, atol=1e-12)
    assert got[1] > got[0]


def test_only_the_first_k_change_places_and_the_stage_agrees() -> None:
    pictures = [halves(GREEN, GREEN), halves(RED, GREEN), halves(RED, BLUE), halves(BLUE, BLUE), halves(RED, BLUE)]
    made = ComCLIPReranker(ENCODER, pictures.__getitem__, grounder=grounder)
    order = made.rerank("red next to blue", pictures, k=3)
    assert sorted(order[:3]) == [0, 1, 2] and order[3:] == [3, 4] and order[0] == 2
    stage = Rerank(made, top=3, deadline_ms=None)
    found = Candidates(np.arange(5), np.linspace(1, 0, 5))
    assert stage(Query([Part("red next to blue")]), found).ids.tolist() == order
    for wrong in (made, ComCLIPReranker(ENCODER)):
        with pytest.raises(QueryError, match="ask in words"):
            wrong(Query([Part(image=pictures[0])]), [0], found.take(np.arange(1)))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("A black dog is chasing a ball on the grass", ("black dog", "is chasing", "ball")),
        ("a red circle to the left of a blue square.", ("red circle", "to the left of", "blue square")),
        ("A man riding a horse", ("man", "riding", "horse")),
        ("the cat sits on the mat", ("cat", "sits on", "mat")),
        ("two children with a red ball", ("two children", "with", "red ball")),
        ("a woman holds an umbrella, in the rain", ("woman", "holds", "umbrella")),
        ("a ring on a finger", ("ring", "on", "finger")),
        ("two dogs", ("two dogs", "", "")),
        ("running dogs", ("running dogs", "", "")),
        ("", ("", "", "")),
    ],
)
def test_sentences_have_parts(text: str, parts: tuple[str, str, str]) -> None:
    assert parse_sentence(text) == Triple(*parts)


@given(st.text(max_size=80))
def test_any_sentence_is_read(text: str) -> None:
    made = parse_sentence(text)
    assert made.subject or not made.object or made.predicate
