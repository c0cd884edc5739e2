"""Fusion of parts against a sum written out, and what is loaded for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import TokenEmbeddings, nothing
from openitr.errors import QueryError
from openitr.index.memory import MemoryIndex
from openitr.search.background import Background
from openitr.search.pipeline import Candidates
from openitr.search.retrieve import Retrieve, combine
from openitr.types import Part, Query
from tests.search.fakes import ColourEncoder, unit

NONE = Candidates(np.empty(0, np.int64), np.empty(0, np.float32))


def painted(colours: list[tuple[int, int, int]], encoder: ColourEncoder) -> MemoryIndex:
    index = MemoryIndex("dense", 5)
    pictures = [np.full((4, 4, 3), c, np.uint8) for c in colours]
    index.add(np.arange(len(colours)), encoder.encode_images(pictures))
    return index


@given(
    st.lists(st.floats(0.1, 5), min_size=2, max_size=4),
    st.lists(st.floats(0.05, 2), min_size=4, max_size=4),
    st.integers(0, 99),
)
def test_one_vector_ranks_like_the_sum_of_standardised_scores(
    weights: list[float], spreads: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parts = unit(rng.normal(size=(len(weights), 6))).values
    items = unit(rng.normal(size=(30, 6))).values
    fused = items @ combine(parts, weights, spreads[: len(weights)])[0]
    slow = np.zeros(30)
    for row, weight in enumerate(weights):
        scores = [float(np.dot(x, parts[row])) for x in items]
        middle = sum(scores) / len(scores)
        for i, score in enumerate(scores):
            slow[i] += weight * (score - middle) / spreads[row]
    # Ranks agree where the sums differ by more than float32 can blur.
    order = np.argsort(-fused)
    assert (np.diff(slow[order]) < 1e-3 * np.abs(slow).max()).all()


def test_parts_that_cancel_out_are_refused() -> None:
    same = np.array([[1, 0], [1, 0]], np.float32)
    with pytest.raises(QueryError, match="cancel"):
        combine(same, [1, -1], [0.3, 0.3])


def test_a_picture_does_not_drown_the_words() -> None:
    """With a modality gap picture-picture cosines are spread less or more; standardised, both parts have a say."""
    encoder = ColourEncoder(gap=3.0)
    rng = np.random.default_rng(0)
    colours = [tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(60)]
    colours += [(250, 250, 0), (250, 0, 0), (0, 250, 0)]
    index = painted(colours, encoder)  # type: ignore[arg-type]
    query = Query([Part(text="green"), Part(image=np.full((4, 4, 3), (255, 0, 0), np.uint8))])
    found = Retrieve(index, encoder)(query, NONE)  # type: ignore[arg-type]
    assert 60 in found.ids[:5].tolist()  # yellow: red and green


def test_weights_below_zero_push_away_and_single_parts_keep_their_cosine() -> None:
    encoder = ColourEncoder()
    index = painted([(255, 0, 0), (0, 255, 0), (0, 0, 255)], encoder)
    plain = Retrieve(index, encoder)(Query([Part(text="red", weight=7)]), NONE)  # type: ignore[arg-type]
    assert plain.ids[0] == 0
    expected = index.search(encoder.encode_texts(["red"]), 1)[0].scores[0]
    assert plain.scores[0] == pytest.approx(expected)
    away = Retrieve(index, encoder)(Query([Part(text="red", weight=-1)]), NONE)  # type: ignore[arg-type]
    assert away.ids[-1] == 0


def test_words_never_load_the_image_tower_and_an_empty_filter_loads_nothing() -> None:
    encoder = ColourEncoder()
    index = painted([(255, 0, 0)], encoder)
    encoder.asked.clear()
    Retrieve(index, encoder)(Query([Part(text="red")], negatives=[Part(text="blue")]), NONE)  # type: ignore[arg-type]
    assert encoder.asked == ["text"]
    encoder.asked.clear()
    nothing = Retrieve(index, encoder, allowed=np.empty(0, np.int64))  # type: ignore[arg-type]
    assert len(nothing(Query([Part(text="red")]), NONE)) == 0
    assert encoder.asked == []


def test_the_filter_comes_before_the_vectors() -> None:
    encoder = ColourEncoder()
    index = painted([(255, 0, 0)] * 50 + [(0, 0, 255)], encoder)
    found = Retrieve(index, encoder, allowed=np.array([50]), pool=5)(Query([Part(text="red")]), NONE)  # type: ignore[arg-type]
    assert found.ids.tolist() == [50]
    assert found.total == 1


class Tokens:
    """A late-interaction encoder: one token per word, an axis each."""

    kind, dim, spec, fingerprint = "late", 3, "tokens", "tokens-1"
    words = ("red", "green", "blue")

    def encode_texts(self, texts: list[str]) -> TokenEmbeddings:
        rows = [np.eye(3, dtype=np.float32)[[self.words.index(w) for w in t.split()]] for t in texts]
        return TokenEmbeddings(np.concatenate(rows), np.cumsum([0, *map(len, rows)]))


def test_token_embeddings_are_added_by_score() -> None:
    encoder = Tokens()
    index = MemoryIndex("late", 3)
    index.add(np.arange(4), encoder.encode_texts(["red", "green", "red green", "blue"]))
    found = Retrieve(index, encoder)(Query([Part(text="red"), Part(text="green")]), NONE)  # type: ignore[arg-type]
    assert found.ids[0] == 2
    assert found.ids[-1] == 3


def test_a_background_weighs_parts_by_their_spread() -> None:
    images = unit(np.array([[1, 0, 0], [0.9, 0.1, 0], [0.8, 0.2, 0.1], [1, 0, 0.4]]))
    background = Background(images, nothing("dense", 3), "test")
    vector = np.array([0, 0, 1], np.float32)
    scores = [float(row @ vector) for row in images.values]
    middle = sum(scores) / 4
    assert background.spread(vector) == pytest.approx((sum((s - middle) ** 2 for s in scores) / 4) ** 0.5, rel=1e-5)
