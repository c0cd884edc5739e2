"""Two stages against brute force; life cycle through the battery of the token index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openitr.embeddings import TokenEmbeddings
from openitr.errors import InputError
from openitr.index import Index, MemoryIndex
from openitr.index.tokens.index import TokenIndex
from openitr.index.tokens.prefetch import PooledPrefetch
from tests.index.battery import Battery
from tests.index.tokens.test_index import DIM, AsDense, bags


class TestBattery(Battery):
    def make(self, folder: Path, dim: int = DIM) -> Index:
        return AsDense(PooledPrefetch(folder, dim))  # type: ignore[arg-type, return-value]


def exact(data: TokenEmbeddings, queries: TokenEmbeddings, k: int) -> list[list[int]]:
    reference = MemoryIndex("late", data.dim)
    reference.add(np.arange(len(data)), data)
    return [ranking.ids.tolist() for ranking in reference.search(queries, k)]


def test_prefetching_all_is_brute_force(tmp_path: Path) -> None:
    data, queries = bags(300, most=9), bags(6, 1)
    index = PooledPrefetch(tmp_path, DIM, prefetch=300, pool=1)
    index.add(np.arange(300), data)
    assert isinstance(index, Index)
    assert [ranking.ids.tolist() for ranking in index.search(queries, 20)] == exact(data, queries, 20)


def test_a_small_prefetch_finds_most_of_the_best_with_their_exact_scores(tmp_path: Path) -> None:
    data, queries = bags(1000, most=9), bags(25, 1)
    index = PooledPrefetch(tmp_path, DIM, prefetch=75, pool=4)
    index.add(np.arange(1000), data)
    index.flush()
    assert not index.stats()["exact"]
    found = index.search(queries, 10)
    truth = exact(data, queries, 10)
    shared = [len(set(ranking.ids.tolist()) & set(best)) / 10 for ranking, best in zip(found, truth, strict=True)]
    assert np.mean(shared) > 0.95
    for row, ranking in enumerate(found):
        np.testing.assert_allclose(ranking.scores, queries[[row]].score(data[ranking.ids])[0], atol=5e-6)


def test_ids_that_one_stage_lost_are_gone(tmp_path: Path) -> None:
    index = PooledPrefetch(tmp_path, DIM)
    index.add(np.arange(5), bags(5))
    index.flush()
    index.close()
    torn = TokenIndex(tmp_path / "tokens")
    torn.add(np.array([9]), bags(1, 3))
    torn.flush()
    torn.close()
    index = PooledPrefetch(tmp_path)
    assert index.ids().tolist() == [0, 1, 2, 3, 4] and len(index.search(bags(1, 1), 100)[0]) == 5


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    for bad in ({"prefetch": 0}, {"oversampling": 0.5}, {"pool": 0}):
        with pytest.raises(InputError):
            PooledPrefetch(tmp_path, DIM, **bad)  # type: ignore[arg-type]
