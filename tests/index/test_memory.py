"""The reference index: the battery, and the two kinds that only it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from openitr.embeddings import LexiconEmbeddings, TokenEmbeddings
from openitr.errors import ShapeError
from openitr.index import Index, MemoryIndex, padded
from tests.index.battery import DIM, Battery, ids_of, unit


class TestMemory(Battery):
    persistent = False

    def make(self, folder: Path, dim: int = DIM) -> Index:
        return MemoryIndex("dense", dim)


def bags(lengths: list[int], seed: int) -> TokenEmbeddings:
    return TokenEmbeddings(unit(sum(lengths), seed).values, np.concatenate([[0], np.cumsum(lengths)]))


def test_late_interaction_is_the_sum_of_best_matches() -> None:
    items, queries = bags([3, 1, 4, 2, 5], 0), bags([2, 3], 1)
    index = MemoryIndex("late", DIM)
    index.add(ids_of(10, 20, 30), items[:3])
    index.add(ids_of(40, 50), items[3:])
    index.add(ids_of(20), items[4:])
    held = {10: 0, 20: 4, 30: 2, 40: 3, 50: 4}
    for row, ranking in enumerate(index.search(queries, 9)):
        query = queries[[row]].values
        expected = {
            id: sum(max(float(q @ t) for t in items[[place]].values) for q in query) for id, place in held.items()
        }
        assert ranking.ids.tolist() == sorted(expected, key=lambda i: (-expected[i], i))
        np.testing.assert_allclose(ranking.scores, sorted(expected.values(), reverse=True), atol=1e-5)
    index.remove(ids_of(10, 20, 30, 40, 50))
    assert len(index) == 0 and len(index.vectors(ids_of())) == 0


def test_lexicon_is_a_dot_product_over_terms() -> None:
    rng = np.random.default_rng(0)
    dense = rng.random((30, 12)).astype(np.float32) * (rng.random((30, 12)) < 0.3)
    index = MemoryIndex("lexicon", 12)
    index.add(np.arange(15), LexiconEmbeddings(csr_matrix(dense[:15])))
    index.add(np.arange(15, 30), LexiconEmbeddings(csr_matrix(dense[15:])))
    query = LexiconEmbeddings(csr_matrix(dense[[4]]))
    allowed = np.arange(0, 30, 2)
    ranking = index.search(query, 5, allowed)[0]
    expected = sorted((-float(dense[i] @ dense[4]), i) for i in allowed.tolist())[:5]
    assert ranking.ids.tolist() == [i for _, i in expected]
    assert len(index.vectors(ids_of(3, 1))) == 2
    with pytest.raises(ShapeError):
        index.add(ids_of(1), unit(1))


def test_short_rankings_are_padded() -> None:
    index = MemoryIndex("dense", DIM)
    index.add(ids_of(1), unit(1))
    ids, scores = padded(index.search(unit(2), 3), 3)
    assert ids[:, 1:].tolist() == [[-1, -1], [-1, -1]] and np.isneginf(scores[:, 1:]).all()
