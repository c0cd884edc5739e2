"""What unrelated texts score with the pictures of a collection: the same whatever is asked, so it is kept.

Judging hits against hundreds of usual words costs a good part of finding them. A process that answers many queries
meets the same pictures again and again, and three numbers each are all that the evidence needs.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats, Ints
from openitr.index.base import Index
from openitr.search.background import Background, leveled
from openitr.search.evidence import WORDS, Scores, Usual

# Eight bytes an id; above it nothing is kept.
_HIGHEST_ID = 8_000_000
_AT_ONCE = 512
# Bytes of the scores with each single text that are kept; when there are more, all are forgotten.
_SHOWN = 1 << 23


class KeptRivals:
    """How unrelated texts score with pictures, found when first asked for; safe to use from several threads.

    Args:
        index: Of the collection; when it changes, all is forgotten.
        background: With the unrelated texts: words, and sentences.
    """

    def __init__(self, index: Index, background: Background) -> None:
        self.index = index
        self._short = _Kept(index, background.beside(1))
        self._long = _Kept(index, background.beside(WORDS + 1))

    def of(self, ids: Ints, words: int = 1) -> Usual:
        """What is usual at each picture, in the order of ``ids``; an unknown id is a KeyError.

        Args:
            ids: Of the pictures.
            words: How many the query has; 0 for a picture.
        """
        return (self._short if words <= WORDS else self._long).of(ids)

    def shown(self, ids: Ints, words: int = 1) -> Scores:
        """(m, t) what each unrelated text scores with each picture of a page; pages have many in common."""
        return (self._short if words <= WORDS else self._long).shown(ids)

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        self._short.forget()
        self._long.forget()


class _Kept:
    """The same for one list of texts."""

    def __init__(self, index: Index, unrelated: Embeddings) -> None:
        self.index, self._unrelated = index, unrelated
        self._lock = threading.Lock()
        self._mark: Any = None
        self._kept = _unknown(1024)
        self._shown: dict[int, Scores] = {}

    def of(self, ids: Ints) -> Usual:
        mark = getattr(self.index, "mark", None)
        if not len(ids) or int(ids.max()) > _HIGHEST_ID:
            return _usual(self._found(ids))
        with self._lock:
            self._follow(mark)
            self._reach(int(ids.max()))
            rows = self._kept[ids]
        missing = np.flatnonzero(np.isnan(rows[:, 0]))
        if len(missing):
            rows[missing] = found = self._found(ids[missing])
            with self._lock:
                # Vectors that changed meanwhile may be of either state: they are used once and not kept.
                if self._holds(mark):
                    self._reach(int(ids.max()))
                    self._kept[ids[missing]] = found
        return _usual(rows)

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        with self._lock:
            self._kept, self._shown, self._mark = _unknown(1024), {}, None

    def shown(self, ids: Ints) -> Scores:
        mark, wanted = getattr(self.index, "mark", None), ids.tolist()
        with self._lock:
            self._follow(mark)
            known = {id: row for id in wanted if (row := self._shown.get(id)) is not None}
        missing = [id for id in wanted if id not in known]
        if missing:
            found = dict(zip(missing, self.scores(np.array(missing, np.int64)), strict=True))
            known |= found
            with self._lock:
                if self._holds(mark):
                    if (len(self._shown) + len(found)) * len(self._unrelated) * 4 > _SHOWN:
                        self._shown = {}
                    self._shown |= found
        return np.stack([known[id] for id in wanted])

    def scores(self, ids: Ints) -> Scores:
        """(m, t) what each unrelated text scores with each picture."""
        raw = getattr(self.index, "raw", None)
        if raw is not None and isinstance(self._unrelated, DenseEmbeddings):
            # Vectors as they lie in the store: they were looked at when they came in.
            return np.asarray(raw(ids) @ self._unrelated.values.T, np.float32)
        return leveled(self._unrelated, self.index.vectors(ids)).T

    def _found(self, ids: Ints) -> Floats:
        """(m, 3) the parts of :class:`~openitr.search.evidence.Usual`."""
        found = np.empty((len(ids), 3), np.float32)
        for start in range(0, len(ids), _AT_ONCE):
            block = slice(start, start + _AT_ONCE)
            one = Usual.of(self.scores(ids[block]))
            found[block] = np.column_stack([one.middle, one.unit, one.best])
        return found

    def _follow(self, mark: Any) -> None:
        """Forget what was found in another state of the vectors."""
        if mark != self._mark:
            self._kept, self._shown, self._mark = _unknown(1024), {}, mark

    def _holds(self, mark: Any) -> bool:
        return bool(mark == self._mark and getattr(self.index, "mark", None) == mark)

    def _reach(self, highest: int) -> None:
        if highest >= len(self._kept):
            grown = _unknown(max(highest + 1, 2 * len(self._kept)))
            grown[: len(self._kept)] = self._kept
            self._kept = grown


def _unknown(count: int) -> Floats:
    return np.full((count, 3), np.nan, np.float32)


def _usual(rows: Floats) -> Usual:
    return Usual(*np.ascontiguousarray(rows.T, np.float64))
