"""What unrelated texts score with the pictures of a collection: the same whatever is asked, so it is kept.

Judging hits against hundreds of usual words costs a good part of finding them. A process that answers many queries
meets the same pictures again and again, and three numbers each are all that the evidence needs, or six where a part of
the model is heard by itself.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats, Ints
from openitr.index.base import Index
from openitr.search.background import Background, first, leveled
from openitr.search.evidence import WORDS, Scores, Usual

# At most 24 bytes an id; above it nothing is kept.
_HIGHEST_ID = 8_000_000
_AT_ONCE = 512
# Numbers that are kept of a picture for one model: middle, unit and best.
_WHOLE = 3
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
        self._background = background
        self._short = _Kept(index, background.beside(1), background.alone)
        self._long = _Kept(index, background.beside(WORDS + 1), background.alone)

    def of(self, ids: Ints, words: int = 1) -> Usual:
        """What is usual at each picture, in the order of ``ids``; an unknown id is a KeyError.

        Args:
            ids: Of the pictures.
            words: How many the query has; 0 for a picture.
        """
        return _usual((self._short if words <= WORDS else self._long).of(ids)[:, :_WHOLE])

    def alone(self, query: Embeddings, ids: Ints, words: int = 1) -> npt.NDArray[np.float64]:
        """(m,) how far the first part of a model stands above the texts that fit each picture best by that part.

        Zeros for a model that is one whole (:attr:`openitr.search.background.Background.alone`).

        Args:
            query: One row.
            ids: Of the pictures.
            words: Of the query; 0 for a picture.
        """
        count = self._background.alone
        if not count:
            return np.zeros(len(ids))
        others = _usual((self._short if words <= WORDS else self._long).of(ids)[:, _WHOLE:])
        return others.rivals(first(_vectors(self.index, ids), count) @ self._background.apart(query)[0])

    def shown(self, ids: Ints, words: int = 1) -> Scores:
        """(m, t) what each unrelated text scores with each picture of a page; pages have many in common."""
        return (self._short if words <= WORDS else self._long).shown(ids)

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        self._short.forget()
        self._long.forget()


class _Kept:
    """The same for one list of texts, and for the first ``alone`` numbers of all vectors."""

    def __init__(self, index: Index, unrelated: Embeddings, alone: int) -> None:
        self.index, self._unrelated, self._alone = index, unrelated, alone
        self._lock = threading.Lock()
        self._mark: Any = None
        self._width = 2 * _WHOLE if alone else _WHOLE
        self._kept = _unknown(1024, self._width)
        self._shown: dict[int, Scores] = {}

    def of(self, ids: Ints) -> Floats:
        """(m, 3 or 6) the parts of :class:`~openitr.search.evidence.Usual`, of the whole and of its first part."""
        mark = getattr(self.index, "mark", None)
        if not len(ids) or int(ids.max()) > _HIGHEST_ID:
            return self._found(ids)
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
        return rows

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        with self._lock:
            self._kept, self._shown, self._mark = _unknown(1024, self._width), {}, None

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
        if isinstance(self._unrelated, DenseEmbeddings):
            return np.asarray(_vectors(self.index, ids) @ self._unrelated.values.T, np.float32)
        return leveled(self._unrelated, self.index.vectors(ids)).T

    def _found(self, ids: Ints) -> Floats:
        found = np.empty((len(ids), self._width), np.float32)
        for start in range(0, len(ids), _AT_ONCE):
            block = slice(start, start + _AT_ONCE)
            every = self._both(ids[block]) if self._alone else (self.scores(ids[block]),)
            usual = [Usual.of(scores) for scores in every]
            found[block] = np.column_stack([column for one in usual for column in (one.middle, one.unit, one.best)])
        return found

    def _both(self, ids: Ints) -> tuple[Scores, Scores]:
        """(m, t) scores of the whole and cosines of the first part, whose products are taken once."""
        assert isinstance(self._unrelated, DenseEmbeddings)
        pictures, texts, count = _vectors(self.index, ids), self._unrelated.values, self._alone
        part = pictures[:, :count] @ texts[:, :count].T
        whole = part + pictures[:, count:] @ texts[:, count:].T
        lengths = [np.maximum(np.linalg.norm(rows[:, :count], axis=1), 1e-9) for rows in (pictures, texts)]
        part /= lengths[0][:, None]
        part /= lengths[1]
        return whole, part

    def _follow(self, mark: Any) -> None:
        """Forget what was found in another state of the vectors."""
        if mark != self._mark:
            self._kept, self._shown, self._mark = _unknown(1024, self._width), {}, mark

    def _holds(self, mark: Any) -> bool:
        return bool(mark == self._mark and getattr(self.index, "mark", None) == mark)

    def _reach(self, highest: int) -> None:
        if highest >= len(self._kept):
            grown = _unknown(max(highest + 1, 2 * len(self._kept)), self._width)
            grown[: len(self._kept)] = self._kept
            self._kept = grown


def _vectors(index: Index, ids: Ints) -> Floats:
    """(m, d) of dense pictures, as they lie in the store where it gives them so: they were looked at when they came."""
    raw = getattr(index, "raw", None)
    if raw is not None:
        return np.asarray(raw(ids), np.float32)
    stored = index.vectors(ids)
    assert isinstance(stored, DenseEmbeddings)
    return stored.values


def _unknown(count: int, width: int) -> Floats:
    return np.full((count, width), np.nan, np.float32)


def _usual(rows: Floats) -> Usual:
    return Usual(*np.ascontiguousarray(rows.T, np.float64))
