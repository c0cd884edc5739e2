"""The reference index: everything in memory, every score computed."""

from __future__ import annotations

import threading
from typing import Any, cast

import numpy as np

from openitr.embeddings import Embeddings, Floats, Ints, Kind, joined, nothing
from openitr.index.base import Ranking
from openitr.index.ranking import as_ids, best, check_batch, check_k, check_kind

_CELLS = 16_000_000  # scores held at once, 64 MB
_NEAR = 1e-6


class MemoryIndex:
    """Exact search over any of the three kinds by ``Embeddings.score``; nothing is written to disk.

    Args:
        kind: "dense", "lexicon" or "late".
        dim: Width of the embeddings.

    When to use: up to some 100,000 items that are loaded anyway, evaluation, and as the oracle of another engine.

    >>> from openitr.embeddings import DenseEmbeddings
    >>> index = MemoryIndex("dense", 2)
    >>> index.add(np.array([7, 3]), DenseEmbeddings(np.eye(2, dtype=np.float32)))
    >>> index.search(DenseEmbeddings(np.array([[0.6, 0.8]], np.float32)), k=5)[0].ids.tolist()
    [3, 7]
    """

    def __init__(self, kind: Kind, dim: int) -> None:
        self.kind: Kind = kind
        self.dim = dim
        self._lock = threading.RLock()
        self._ids: Ints = np.zeros(0, np.int64)
        self._stored: Embeddings | None = None

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already."""
        unique, rows = check_batch(ids, embeddings, self.kind, self.dim)
        if not len(unique):
            return
        fresh = embeddings[rows]
        with self._lock:
            stays = np.flatnonzero(~np.isin(self._ids, unique))
            if self._stored is None or not len(stays):
                self._ids, self._stored = unique, fresh
                return
            all_ids = np.concatenate([self._ids[stays], unique])
            order = np.argsort(all_ids, kind="stable")
            self._ids, self._stored = all_ids[order], joined([self._stored[stays], fresh])[order]

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        with self._lock:
            stays = np.flatnonzero(~np.isin(self._ids, as_ids(ids)))
            if self._stored is not None and len(stays) < len(self._ids):
                self._stored = self._stored[stays] if len(stays) else None
                self._ids = self._ids[stays]

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all)."""
        check_kind(queries, self.kind, self.dim)
        check_k(k)
        with self._lock:
            ids, stored = self._ids, self._stored
        if stored is not None and allowed is not None:
            rows = np.flatnonzero(np.isin(ids, as_ids(allowed)))
            ids, stored = ids[rows], stored[rows] if len(rows) else None
        if stored is None:
            return [Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in range(len(queries))]
        found: list[Ranking] = []
        step = max(1, _CELLS // len(ids))
        for start in range(0, len(queries), step):
            part = queries[start : start + step]
            for place, scores in enumerate(_score(part, stored)):
                rows, near = best(np.arange(len(ids)), scores, k, slack=_NEAR)
                near = _told_apart(part[[place]], stored, rows, near)
                found.append(Ranking(*best(ids[rows], near, k)))
        return found

    def vectors(self, ids: Ints) -> Embeddings:
        """Stored embeddings of ids, in that order; an unknown id is a KeyError."""
        wanted = as_ids(ids)
        with self._lock:
            held, stored = self._ids, self._stored
        rows = np.searchsorted(held, wanted)
        known = (rows < len(held)) & (held[np.minimum(rows, max(len(held) - 1, 0))] == wanted if len(held) else False)
        if not np.all(known):
            raise KeyError(int(wanted[~np.broadcast_to(known, wanted.shape)][0]))
        if stored is None:
            return nothing(self.kind, self.dim)
        return stored[rows]

    def ids(self) -> Ints:
        """All ids, ascending."""
        return self._ids.copy()

    def __len__(self) -> int:
        return len(self._ids)

    def flush(self) -> None:
        """Nothing to do: memory does not survive a power cut."""

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._ids, self._stored = np.zeros(0, np.int64), None

    def stats(self) -> dict[str, Any]:
        """Count, bytes on disk (none), engine, exactness."""
        return {"engine": "memory", "kind": self.kind, "dim": self.dim, "count": len(self), "bytes": 0, "exact": True}


def _told_apart(query: Embeddings, stored: Embeddings, rows: Ints, scores: Floats) -> Floats:
    """Near ties scored one by one: a matrix product rounds equal items differently by where they stand."""
    close = np.flatnonzero(np.diff(scores) >= -_NEAR)
    scores = scores.copy()
    for place in np.union1d(close, close + 1):
        scores[place] = _score(query, stored[rows[[place]]])[0, 0]
    return scores


def _score(queries: Embeddings, stored: Embeddings) -> Floats:
    return cast(Any, queries).score(stored)  # type: ignore[no-any-return]
