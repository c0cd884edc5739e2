"""Several vectors per item over any dense engine: the item's best vector counts.

An engine knows one vector per id. Here each vector gets an id of its own, ``item * slots + place``, and search puts
items together again. With one vector per query the score is ``max_r q . e_r`` (SORCE, arXiv:2505.24441); with several
it is MaxSim, their sum (FILIP). Both are exact over an exact engine: each query vector brings its nearest vectors, and
an item that none of them brought cannot score above the sum of the last scores brought (the threshold algorithm of
Fagin, Lotem and Naor 2001, "Optimal aggregation algorithms for middleware"). More are fetched until that settles it.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats, Ints, Kind, TokenEmbeddings
from openitr.errors import ShapeError
from openitr.index.base import Index, Ranking
from openitr.index.ranking import SLACK, as_ids, best, check_batch, check_k, check_kind


class ManyIndex:
    """Bags of vectors in a dense index: the late kind, for bags of a few vectors.

    Args:
        inner: A dense index, empty or one that this class filled; in memory or on disk.
        slots: Most vectors of one item. It belongs to the stored ids: open an index with the number it was made with.

    Raises:
        ShapeError: ``inner`` is not dense, or slots below 1.

    When to use:
        :class:`openitr.encoders.regions.Regions` and other encoders with up to some dozens of vectors per picture,
        where an engine for single vectors is at hand. An item is replaced by adding its new vectors first and taking
        away surplus old ones after that; a process killed in between leaves the surplus.

    >>> from openitr.index import MemoryIndex
    >>> index = ManyIndex(MemoryIndex("dense", 2), slots=4)
    >>> eye = np.eye(2, dtype=np.float32)
    >>> index.add(np.array([7, 3]), TokenEmbeddings(eye[[0, 1, 1]], np.array([0, 2, 3])))
    >>> index.search(TokenEmbeddings(eye[[0]], np.array([0, 1])), k=5)[0].ids.tolist()
    [7, 3]
    """

    def __init__(self, inner: Index, slots: int = 64) -> None:
        if inner.kind != "dense":
            raise ShapeError(f"an index of {inner.kind} embeddings keeps no single vectors", "give a dense one")
        if slots < 1:
            raise ShapeError(f"slots is {slots}", "allow one vector per item at least")
        self.inner, self.slots = inner, slots
        self.kind: Kind = "late"
        self.dim = inner.dim
        self._lock = threading.RLock()

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already; all vectors of an item come together.

        Raises:
            ShapeError: Not late embeddings, another width, or more vectors than there are slots.
        """
        unique, rows = check_batch(ids, embeddings, "late", self.dim)
        if not len(unique):
            return
        fresh = embeddings[rows]
        assert isinstance(fresh, TokenEmbeddings)
        sizes = np.diff(fresh.offsets)
        if sizes.max() > self.slots:
            raise ShapeError(
                f"item {unique[sizes.argmax()]} has {sizes.max()} vectors for {self.slots} slots", "make more slots"
            )
        places = np.arange(len(fresh.values)) - np.repeat(fresh.offsets[:-1], sizes)
        single = np.repeat(unique, sizes) * self.slots + places
        unit = DenseEmbeddings(fresh.values)
        with self._lock:
            old = self._singles(unique)
            self.inner.add(single, unit)
            self.inner.remove(old[~np.isin(old, single)])

    def remove(self, ids: Ints) -> None:
        """Forget items with all their vectors; unknown ones are ignored."""
        with self._lock:
            self.inner.remove(self._singles(as_ids(ids)))

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best items per query among ``allowed`` (None: all)."""
        check_kind(queries, "late", self.dim)
        check_k(k)
        assert isinstance(queries, TokenEmbeddings)
        singles = None if allowed is None else self._singles(as_ids(allowed))
        return [self._one(queries[[row]], k, singles) for row in range(len(queries))]

    def vectors(self, ids: Ints) -> TokenEmbeddings:
        """All vectors of items, in that order; an unknown id is a KeyError."""
        wanted = as_ids(ids)
        held = self.inner.ids()
        first = np.searchsorted(held, wanted * self.slots)
        last = np.searchsorted(held, (wanted + 1) * self.slots)
        if (empty := first == last).any():
            raise KeyError(int(wanted[empty][0]))
        rows = [held[a:b] for a, b in zip(first, last, strict=True)]
        stored = self.inner.vectors(np.concatenate(rows) if rows else np.zeros(0, np.int64))
        assert isinstance(stored, DenseEmbeddings)
        return TokenEmbeddings(stored.values, np.concatenate([[0], np.cumsum(last - first)]).astype(np.int64))

    def ids(self) -> Ints:
        """All items, ascending."""
        return np.unique(self.inner.ids() // self.slots)

    def __len__(self) -> int:
        return len(self.ids())

    def flush(self) -> None:
        """Return only when everything added so far would survive a power cut."""
        self.inner.flush()

    def close(self) -> None:
        """Release files and memory; idempotent."""
        self.inner.close()

    def stats(self) -> dict[str, Any]:
        """Those of the engine, with the number of items and of their vectors."""
        inner = self.inner.stats()
        return {**inner, "kind": self.kind, "count": len(self), "vectors": len(self.inner)}

    def _singles(self, items: Ints) -> Ints:
        """Ids of all stored vectors of some items, ascending."""
        held = self.inner.ids()
        return held[np.isin(held // self.slots, items)]

    def _one(self, query: TokenEmbeddings, k: int, allowed: Ints | None) -> Ranking:
        asked = DenseEmbeddings(query.values)
        # So many vectors hold k items even where every item fills its slots; few do, so less is tried first.
        fetch, there = 2 * k + 16, len(self.inner) if allowed is None else len(allowed)
        while True:
            found = self.inner.search(asked, fetch, allowed)
            all_of_them = fetch >= there
            items = np.unique(np.concatenate([ranking.ids for ranking in found]) // self.slots)
            if not len(items):
                return Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32))
            ranking = Ranking(*best(items, self._scores(query, found, items), k))
            unseen = sum(float(r.scores[-1]) for r in found)
            if all_of_them or (len(ranking) >= k and ranking.scores[k - 1] > unseen + SLACK * len(found)):
                return ranking
            fetch *= 4

    def _scores(self, query: TokenEmbeddings, found: list[Ranking], items: Ints) -> Floats:
        """MaxSim of one query with items."""
        if len(found) == 1:
            # The first vector of an item in a descending list is its best one.
            owners, first = np.unique(found[0].ids // self.slots, return_index=True)
            return found[0].scores[first[np.searchsorted(owners, items)]]
        scores: Floats = query.score(self.vectors(items))[0]
        return scores
