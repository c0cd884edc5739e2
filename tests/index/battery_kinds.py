"""What an index of any of the three kinds must do: the same checks, the in-memory index as the oracle.

class TestMine(KindBattery):
    def make(self, folder, kind): return MyIndex(folder, kind, width(kind))
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings, Embeddings, Kind, LexiconEmbeddings, TokenEmbeddings
from openitr.errors import ShapeError
from openitr.index import Index, MemoryIndex

KINDS: tuple[Kind, ...] = ("dense", "lexicon", "late")
DIM, TERMS = 16, 60
# Sums of at most 64 float32 products below 1, in another order.
TOLERANCE = 5e-6


def width(kind: Kind) -> int:
    return TERMS if kind == "lexicon" else DIM


def some(kind: Kind, count: int, seed: int = 0) -> Embeddings:
    """Random embeddings: unit vectors, six Zipf-like terms, or two to five unit tokens an item."""
    rng = np.random.default_rng(seed)
    if kind == "dense":
        return DenseEmbeddings.normalise(rng.standard_normal((count, DIM)))
    if kind == "late":
        lengths = rng.integers(2, 6, count)
        values = DenseEmbeddings.normalise(rng.standard_normal((int(lengths.sum()), DIM))).values
        return TokenEmbeddings(values, np.concatenate([[0], np.cumsum(lengths)]))
    from scipy.sparse import csr_matrix

    share = 1 / np.arange(1, TERMS + 1)
    table = np.zeros((count, TERMS), np.float32)
    for row in table:
        row[rng.choice(TERMS, 6, replace=False, p=share / share.sum())] = rng.gamma(1.0, 0.3, 6)
    return LexiconEmbeddings(csr_matrix(table))


def plain(embeddings: Embeddings) -> list[np.ndarray]:
    """Each item as an array, for comparing."""
    if isinstance(embeddings, DenseEmbeddings):
        return list(embeddings.values)
    if isinstance(embeddings, TokenEmbeddings):
        return [embeddings.values[a:b] for a, b in zip(embeddings.offsets[:-1], embeddings.offsets[1:], strict=True)]
    return list(np.asarray(embeddings.matrix.todense()))


def ids_of(*values: int) -> Any:
    return np.array(values, np.int64)


@pytest.mark.parametrize("kind", KINDS)
class KindBattery:
    """Checks of an engine for every kind of embeddings it takes."""

    persistent = True

    def make(self, folder: Path, kind: Kind) -> Index:
        """An empty index, or the one that is in the folder."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, tmp_path: Path, kind: Kind) -> Any:
        index = self.make(tmp_path / "index", kind)
        yield index
        index.close()

    @pytest.fixture
    def reference(self, kind: Kind) -> Any:
        return MemoryIndex(kind, width(kind))

    def same(self, index: Index, reference: Index, queries: Embeddings, k: int, allowed: Any = None) -> None:
        """The same ids and scores as the reference; where scores are as good as equal, in any order."""
        wanted = reference.search(queries, k, allowed)
        for found, true in zip(index.search(queries, k, allowed), wanted, strict=True):
            assert len(found) == len(true)
            np.testing.assert_allclose(found.scores, true.scores, atol=TOLERANCE)
            far = np.ones(len(true), bool)
            close = np.flatnonzero(-np.diff(true.scores) <= TOLERANCE)
            far[close] = far[close + 1] = False
            far[-1:] &= len(true) < k  # the last one may tie with one that was cut off
            assert found.ids[far].tolist() == true.ids[far].tolist()

    def test_it_is_an_index_of_its_kind(self, index: Index, kind: Kind) -> None:
        assert isinstance(index, Index) and index.kind == kind and index.dim == width(kind)
        assert len(index) == 0 and index.ids().tolist() == []
        assert [len(r) for r in index.search(some(kind, 2), 5)] == [0, 0]
        assert [len(r) for r in index.search(some(kind, 1), 5, ids_of(1, 2))] == [0]

    def test_it_ranks_as_the_reference_does(self, index: Index, reference: Index, kind: Kind) -> None:
        data, queries = some(kind, 120), some(kind, 4, 1)
        ids = np.random.default_rng(2).permutation(1000)[:120].astype(np.int64)
        for one in (index, reference):
            one.add(ids[:70], data[:70])
            one.add(ids[70:], data[70:])
        for k in (1, 10, 120, 10_000):
            self.same(index, reference, queries, k)

    def test_changes_are_seen_at_once(self, index: Index, reference: Index, kind: Kind) -> None:
        data, other, queries = some(kind, 40), some(kind, 5, 8), some(kind, 3, 1)
        for one in (index, reference):
            one.add(np.arange(40), data)
            one.add(np.arange(10, 15), other)
            one.remove(ids_of(3, 4, 99))
        assert index.ids().tolist() == reference.ids().tolist() and len(index) == 38
        self.same(index, reference, queries, 38)
        with pytest.raises(KeyError):
            index.vectors(ids_of(3))

    @pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
    def test_a_filter_loses_nothing(self, index: Index, reference: Index, kind: Kind, share: float) -> None:
        data, queries = some(kind, 100), some(kind, 2, 1)
        allowed = np.concatenate([np.random.default_rng(7).permutation(100)[: int(100 * share)], [0, 5000]])
        for one in (index, reference):
            one.add(np.arange(100), data)
            one.remove(ids_of(0))
        for k in (1, 10, 1000):
            self.same(index, reference, queries, k, allowed)
        assert len(index.search(queries, 5, ids_of())[0]) == 0

    def test_equal_items_go_by_id_also_at_the_cut(self, index: Index, kind: Kind) -> None:
        one = some(kind, 1)
        order = np.random.default_rng(5).permutation(40).astype(np.int64)
        index.add(order, one[np.zeros(40, np.int64)])
        index.add(ids_of(100, 101), some(kind, 2, 8))
        for k in (1, 7, 39):
            ranking = index.search(one, k)[0]
            assert ranking.ids.tolist() == list(range(k)) and len(set(ranking.scores.tolist())) == 1

    def test_embeddings_come_back_as_they_were(self, index: Index, kind: Kind) -> None:
        data = some(kind, 20)
        index.add(np.arange(20), data)
        asked = ids_of(7, 3, 7, 0)
        back = index.vectors(asked)
        assert back.kind == kind and back.dim == width(kind)
        for found, true in zip(plain(back), plain(data[asked]), strict=True):
            np.testing.assert_allclose(found, true, atol=1e-7)

    def test_what_does_not_fit_is_refused(self, index: Index, kind: Kind) -> None:
        index.add(ids_of(1), some(kind, 1))
        wrong = [other for other in KINDS if other != kind]
        for other in wrong:
            with pytest.raises(ShapeError):
                index.add(ids_of(2), some(other, 1))
            with pytest.raises(ShapeError):
                index.search(some(other, 1), 1)
        for ids, embeddings in ((ids_of(2, 3), some(kind, 1)), (ids_of(-1), some(kind, 1))):
            with pytest.raises(ShapeError):
                index.add(ids, embeddings)
        with pytest.raises(ShapeError):
            index.search(some(kind, 1), 0)
        assert index.ids().tolist() == [1]

    def test_answers_stay_right_while_others_add_and_remove(self, index: Index, reference: Index, kind: Kind) -> None:
        """Items 0 to 29 stay throughout: whatever else comes and goes, they keep their order among themselves."""
        base, queries = some(kind, 30), some(kind, 1, 1)
        index.add(np.arange(30), base)
        reference.add(np.arange(30), base)
        wanted = reference.search(queries, 30)[0].ids.tolist()
        faults: list[str] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                found = index.search(queries, 10_000)[0]
                stayed = [id for id in found.ids.tolist() if id < 30]
                if stayed != wanted or (np.diff(found.scores) > 0).any() or len(set(found.ids.tolist())) != len(found):
                    faults.append(f"{len(found)} hits, {stayed[:5]}")

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for step in range(6):
            first = 1000 + 20 * step
            index.add(np.arange(first, first + 20), some(kind, 20, 10 + step))
            index.remove(np.arange(first, first + 5))
        stop.set()
        for thread in threads:
            thread.join()
        assert faults == [] and len(index) == 30 + 6 * 15

    def test_what_was_flushed_is_there_after_closing(self, tmp_path: Path, kind: Kind) -> None:
        if not self.persistent:
            pytest.skip("memory keeps nothing")
        index, data = self.make(tmp_path / "kept", kind), some(kind, 12)
        index.add(np.arange(12), data)
        index.remove(ids_of(7))
        index.flush()
        index.close()
        index.close()
        index = self.make(tmp_path / "kept", kind)
        assert index.ids().tolist() == [i for i in range(12) if i != 7]
        for found, true in zip(plain(index.vectors(ids_of(8))), plain(data[[8]]), strict=True):
            np.testing.assert_allclose(found, true, atol=1e-7)
        assert index.stats()["count"] == 11
        index.close()
