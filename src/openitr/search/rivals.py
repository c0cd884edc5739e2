"""What unrelated texts score with the pictures of a collection: the same whatever is asked, so it is kept.

Judging hits against two hundred unrelated texts costs a good part of finding them. A process that answers many queries
meets the same pictures again and again, and two numbers each are all that the evidence needs.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats, Ints
from openitr.index.base import Index
from openitr.search.background import leveled
from openitr.search.evidence import Scores, Usual, usual

# Eight bytes an id; above it nothing is kept.
_HIGHEST_ID = 8_000_000
_AT_ONCE = 512


class KeptRivals:
    """How unrelated texts score with pictures, found when first asked for; safe to use from several threads.

    Args:
        index: Of the collection; when it changes, all is forgotten.
        unrelated: Embeddings of the unrelated texts.
    """

    def __init__(self, index: Index, unrelated: Embeddings) -> None:
        self.index, self._unrelated = index, unrelated
        self._lock = threading.Lock()
        self._mark: Any = None
        self._kept = _unknown(1024)

    def of(self, ids: Ints) -> Usual:
        """Mean and standard deviation at each picture, in the order of ``ids``; an unknown id is a KeyError."""
        mark = getattr(self.index, "mark", None)
        if not len(ids) or int(ids.max()) > _HIGHEST_ID:
            return _usual(self._found(ids))
        with self._lock:
            if mark != self._mark:
                self._kept, self._mark = _unknown(1024), mark
            self._reach(int(ids.max()))
            rows = self._kept[ids]
        missing = np.flatnonzero(np.isnan(rows[:, 0]))
        if len(missing):
            rows[missing] = found = self._found(ids[missing])
            with self._lock:
                # Vectors that changed meanwhile may be of either state: they are used once and not kept.
                if mark == self._mark and getattr(self.index, "mark", None) == mark:
                    self._reach(int(ids.max()))
                    self._kept[ids[missing]] = found
        return _usual(rows)

    def scores(self, ids: Ints) -> Scores:
        """(m, t) what each unrelated text scores with each picture."""
        raw = getattr(self.index, "raw", None)
        if raw is not None and isinstance(self._unrelated, DenseEmbeddings):
            # Vectors as they lie in the store: they were looked at when they came in.
            return np.asarray(raw(ids) @ self._unrelated.values.T, np.float32)
        return leveled(self._unrelated, self.index.vectors(ids)).T

    def _found(self, ids: Ints) -> Floats:
        """(m, 2) mean and standard deviation."""
        found = np.empty((len(ids), 2), np.float32)
        for start in range(0, len(ids), _AT_ONCE):
            block = slice(start, start + _AT_ONCE)
            found[block] = np.column_stack(usual(self.scores(ids[block])))
        return found

    def _reach(self, highest: int) -> None:
        if highest >= len(self._kept):
            grown = _unknown(max(highest + 1, 2 * len(self._kept)))
            grown[: len(self._kept)] = self._kept
            self._kept = grown


def _unknown(count: int) -> Floats:
    return np.full((count, 2), np.nan, np.float32)


def _usual(rows: Floats) -> Usual:
    return Usual(rows[:, 0].astype(np.float64), rows[:, 1].astype(np.float64))
