"""What every index must do, ours or a user's: a class of checks that takes a way to make the index.

class TestMine(Battery):
    def make(self, folder, dim): return MyIndex(folder, dim)
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings, TokenEmbeddings
from openitr.errors import ShapeError
from openitr.index import Index, Ranking

DIM = 16
# Engines sum in float32 in different orders; 16 products of numbers below 1 differ by less than this.
TOLERANCE = 2e-6


def unit(count: int, seed: int = 0, dim: int = DIM) -> DenseEmbeddings:
    """Random unit vectors."""
    return DenseEmbeddings.normalise(np.random.default_rng(seed).standard_normal((count, dim)))


def ids_of(*values: int) -> Any:
    """Ids as an index wants them."""
    return np.array(values, np.int64)


def by_hand(
    stored: dict[int, np.ndarray], query: np.ndarray, k: int, allowed: set[int] | None = None
) -> list[tuple[int, float]]:
    """The k best in plain Python."""
    scored = []
    for id, vector in stored.items():
        if allowed is None or id in allowed:
            scored.append((-sum(float(a) * float(b) for a, b in zip(vector, query, strict=True)), id))
    return [(id, -score) for score, id in sorted(scored)[:k]]


def same(ranking: Ranking, expected: list[tuple[int, float]]) -> None:
    """Ids and scores as expected."""
    assert ranking.ids.dtype == np.int64 and ranking.scores.dtype == np.float32
    assert ranking.ids.tolist() == [id for id, _ in expected]
    np.testing.assert_allclose(ranking.scores, [score for _, score in expected], atol=TOLERANCE)


class Battery:
    """Checks of one dense index."""

    persistent = True

    def make(self, folder: Path, dim: int = DIM) -> Index:
        """An empty index, or the one that is in the folder."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, tmp_path: Path) -> Any:
        index = self.make(tmp_path / "index")
        yield index
        index.close()

    def test_it_is_an_index(self, index: Index) -> None:
        assert isinstance(index, Index)
        assert index.kind == "dense" and index.dim == DIM

    def test_an_empty_index_answers_nothing(self, index: Index) -> None:
        assert len(index) == 0 and index.ids().tolist() == []
        assert [len(r) for r in index.search(unit(2), 5)] == [0, 0]
        assert [len(r) for r in index.search(unit(1), 5, ids_of(1, 2))] == [0]
        assert len(index.vectors(ids_of())) == 0
        index.remove(ids_of(1))

    def test_scores_are_exact_and_in_order(self, index: Index) -> None:
        data, queries = unit(300), unit(5, 1)
        ids = np.random.default_rng(2).permutation(1000)[:300].astype(np.int64)
        index.add(ids, data)
        stored = dict(zip(ids.tolist(), data.values, strict=True))
        for query, ranking in zip(queries.values, index.search(queries, 20), strict=True):
            same(ranking, by_hand(stored, query, 20))

    def test_adding_in_parts_is_adding_at_once(self, index: Index) -> None:
        data = unit(100)
        for start in range(0, 100, 7):
            index.add(np.arange(start, min(100, start + 7)), data[start : start + 7])
        same(index.search(unit(1, 3), 100)[0], by_hand(dict(enumerate(data.values)), unit(1, 3).values[0], 100))

    def test_a_known_id_is_replaced(self, index: Index) -> None:
        index.add(ids_of(1, 2), unit(2))
        other = unit(1, 9)
        index.add(ids_of(2), other)
        assert len(index) == 2
        np.testing.assert_allclose(index.vectors(ids_of(2)).values, other.values, atol=1e-7)
        assert index.search(other, 1)[0].ids.tolist() == [2]

    def test_the_last_of_repeated_ids_counts(self, index: Index) -> None:
        data = unit(3)
        index.add(ids_of(5, 6, 5), data)
        assert index.ids().tolist() == [5, 6]
        np.testing.assert_allclose(index.vectors(ids_of(5)).values[0], data.values[2], atol=1e-7)

    def test_removed_ids_are_gone_and_may_come_back(self, index: Index) -> None:
        data = unit(10)
        index.add(np.arange(10), data)
        index.remove(ids_of(3, 4, 99))
        index.remove(ids_of())
        assert index.ids().tolist() == [0, 1, 2, 5, 6, 7, 8, 9] and len(index) == 8
        assert 3 not in index.search(data[[3]], 10)[0].ids
        with pytest.raises(KeyError):
            index.vectors(ids_of(1, 3))
        index.add(ids_of(3), data[[3]])
        assert index.search(data[[3]], 1)[0].ids.tolist() == [3]

    def test_ties_go_by_id_also_at_the_cut(self, index: Index) -> None:
        data = DenseEmbeddings(np.repeat(unit(1).values, 60, axis=0))
        order = np.random.default_rng(5).permutation(60)
        index.add(order.astype(np.int64), data)
        index.add(ids_of(100), unit(1, 8))
        for k in (1, 7, 59):
            ranking = index.search(data[[0]], k)[0]
            assert ranking.ids.tolist() == list(range(k))
            assert len(set(ranking.scores.tolist())) == 1

    def test_k_may_exceed_the_count(self, index: Index) -> None:
        index.add(np.arange(5), unit(5))
        assert [len(r) for r in index.search(unit(3, 1), 10_000)] == [5, 5, 5]

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 1.0])
    def test_a_filter_loses_nothing(self, index: Index, share: float) -> None:
        data, query = unit(400), unit(1, 1)
        index.add(np.arange(400), data)
        index.remove(ids_of(0, 1, 2))
        rng = np.random.default_rng(7)
        chosen = rng.permutation(400)[: round(400 * share)].astype(np.int64)
        allowed = np.concatenate([chosen, ids_of(0, 5000)])  # a removed one and one that never was
        stored = {id: data.values[id] for id in range(3, 400)}
        for k in (1, 10, 1000):
            same(index.search(query, k, allowed)[0], by_hand(stored, query.values[0], k, set(chosen.tolist())))

    def test_an_empty_filter_is_not_no_filter(self, index: Index) -> None:
        index.add(np.arange(5), unit(5))
        assert len(index.search(unit(1), 3, ids_of())[0]) == 0
        assert len(index.search(unit(1), 3, None)[0]) == 3

    def test_what_does_not_fit_is_refused_and_changes_nothing(self, index: Index) -> None:
        index.add(ids_of(1), unit(1))
        tokens = TokenEmbeddings(unit(2).values, np.array([0, 1, 2]))
        wrong: list[tuple[Any, Any]] = [
            (ids_of(2, 3), tokens),
            (ids_of(2), unit(1, dim=DIM + 1)),
            (ids_of(2, 3), unit(1)),
            (ids_of(-1), unit(1)),
            (np.array([1.5]), unit(1)),
            (np.array([[2]]), unit(1)),
        ]
        for ids, embeddings in wrong:
            with pytest.raises(ShapeError):
                index.add(ids, embeddings)
        for query in (tokens, unit(1, dim=DIM - 1)):
            with pytest.raises(ShapeError):
                index.search(query, 1)
        with pytest.raises(ShapeError):
            index.search(unit(1), 0)
        with pytest.raises(ShapeError):
            index.add(ids_of(2), DenseEmbeddings(np.full((1, DIM), np.nan, np.float32)))
        assert index.ids().tolist() == [1]

    def test_vectors_come_back_in_the_order_asked_for(self, index: Index) -> None:
        data = unit(20)
        index.add(np.arange(20), data)
        asked = ids_of(7, 3, 7, 0)
        back = index.vectors(asked)
        np.testing.assert_allclose(back.values, data.values[asked], atol=1e-7)  # type: ignore[union-attr]

    def test_searching_goes_on_while_another_thread_adds(self, index: Index) -> None:
        base = unit(200)
        index.add(np.arange(200), base)
        faults: list[str] = []
        stop = threading.Event()

        def search() -> None:
            while not stop.is_set():
                ranking = index.search(base[[0]], 50)[0]
                if len(ranking) != 50 or ranking.ids[0] != 0 or (np.diff(ranking.scores) > 0).any():
                    faults.append(f"{len(ranking)} hits, {ranking.ids[:3]}")

        threads = [threading.Thread(target=search) for _ in range(3)]
        for thread in threads:
            thread.start()
        for step in range(20):
            first = 1000 + 50 * step
            index.add(np.arange(first, first + 50), unit(50, 10 + step))
            index.remove(np.arange(first, first + 10))
            index.flush()
        stop.set()
        for thread in threads:
            thread.join()
        assert faults == []
        assert len(index) == 200 + 20 * 40

    def test_what_was_flushed_is_there_after_closing(self, tmp_path: Path) -> None:
        if not self.persistent:
            pytest.skip("memory keeps nothing")
        data = unit(50)
        index = self.make(tmp_path / "kept")
        index.add(np.arange(50), data)
        index.remove(ids_of(7))
        index.add(ids_of(8), unit(1, 4))
        index.flush()
        index.close()
        index.close()
        index = self.make(tmp_path / "kept")
        assert index.ids().tolist() == [i for i in range(50) if i != 7]
        np.testing.assert_allclose(index.vectors(ids_of(8)).values, unit(1, 4).values, atol=1e-7)  # type: ignore[union-attr]
        stats = index.stats()
        assert stats["count"] == 49 and stats["bytes"] > 49 * DIM * 4
        index.close()

    def test_another_width_is_refused_on_opening(self, tmp_path: Path) -> None:
        if not self.persistent:
            pytest.skip("memory keeps nothing")
        self.make(tmp_path / "kept").close()
        with pytest.raises(ShapeError, match="dimensions"):
            self.make(tmp_path / "kept", DIM + 1)
        self.make(tmp_path / "kept").close()
