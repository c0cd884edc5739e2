"""What unrelated queries score with the pictures of a collection: the same whatever is asked, so it is kept.

Judging a thousand hits against two hundred unrelated texts costs more than finding them. A process that answers many
queries meets the same pictures again and again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.index.base import Index
from openitr.search.background import Background
from openitr.search.evidence import Rivals
from openitr.search.retrieve import dense

_ROOM = 32_768
_HIGHEST_ID = 20_000_000


class KeptRivals:
    """Scores of unrelated queries with pictures, found when first asked for; safe to use from several threads.

    Args:
        index: Of the collection; when it changes, all is forgotten.
        unrelated: (t, d) embeddings of the unrelated queries.
        room: Of how many pictures at most; when they are more, all is forgotten and begun again.
    """

    def __init__(self, index: Index, unrelated: Floats, room: int = _ROOM) -> None:
        self.index, self._unrelated, self._room = index, unrelated, room
        self._lock = threading.Lock()
        self._mark: Any = None
        self._forget()

    def of(self, ids: Ints) -> Rivals:
        """Rivals of pictures, in the order of ``ids``; an unknown id is a KeyError."""
        mark = getattr(self.index, "mark", None)
        if len(ids) > self._room or not len(ids) or int(ids.max()) > _HIGHEST_ID:
            return self._found(ids)
        with self._lock:
            if mark != self._mark:
                self._forget()
                self._mark = mark
            self._reach(int(ids.max()))
            missing = ids[self._slots[ids] < 0]
            if not len(missing):
                return self._kept.take(self._slots[ids])
        found = self._found(missing)
        # Vectors that changed meanwhile may be of either state: they are used once and not kept.
        if getattr(self.index, "mark", None) == mark and self._keep(mark, missing, found):
            return self.of(ids)
        return self._found(ids)

    def _found(self, ids: Ints) -> Rivals:
        return Rivals.of(dense(self.index.vectors(ids)) @ self._unrelated.T)

    def _keep(self, mark: Any, ids: Ints, found: Rivals) -> bool:
        """Store what was found; False when the collection moved on."""
        with self._lock:
            if mark != self._mark:
                return False
            if self._used + len(ids) > self._room:
                self._forget()
            self._reach(int(ids.max()))
            rows = np.arange(self._used, self._used + len(ids))
            for kept, new in zip(self._arrays(self._kept), self._arrays(found), strict=True):
                kept[rows] = new
            self._slots[ids] = rows
            self._used += len(ids)
            return True

    def _forget(self) -> None:
        self._slots = np.full(1024, -1, np.int32)
        self._used = 0
        room, count = self._room, len(self._unrelated)
        # Memory that is not written to is not taken.
        numbers = [np.empty(room) for _ in range(3)]
        self._kept = Rivals(np.empty((room, count), np.float32), np.arange(room), *numbers)

    def _reach(self, highest: int) -> None:
        if highest >= len(self._slots):
            grown = np.full(max(highest + 1, 2 * len(self._slots)), -1, np.int32)
            grown[: len(self._slots)] = self._slots
            self._slots = grown

    @staticmethod
    def _arrays(rivals: Rivals) -> tuple[Any, ...]:
        return rivals.scores, rivals.middle, rivals.unit, rivals.strongest


RivalsOf: TypeAlias = Mapping[str, KeptRivals]


def rivals_for(index: Index, background: Background) -> RivalsOf:
    """Those of texts ("text": other texts) and of pictures ("image": other pictures)."""
    return {"text": KeptRivals(index, background.texts), "image": KeptRivals(index, background.images)}
