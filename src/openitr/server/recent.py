"""What was made lately, found again by what it was made of: moving a slider asks no model and decodes nothing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

from openitr.embeddings import DenseEmbeddings, Embeddings, LexiconEmbeddings, joined

T = TypeVar("T")
_MIB = 1 << 20


class Recent(Generic[T]):
    """Things by a key, as many as fit; the one not asked for longest goes first. Safe to use from several threads.

    Args:
        room: Bytes of all of them together.

    >>> kept: Recent[str] = Recent(room=10)
    >>> kept.put("a", "first", 6)
    >>> kept.put("b", "second", 6)
    >>> kept.get("a"), kept.get("b")
    (None, 'second')
    """

    def __init__(self, room: int) -> None:
        self.room, self.held = room, 0
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> T | None:
        """What is kept under a key, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, made: T, size: int) -> None:
        """Keep a thing of so many bytes; one that is larger than the whole room is not kept."""
        if size > self.room:
            return
        with self._lock:
            self.held -= self._kept.pop(key, (None, 0))[1]
            self._kept[key] = made, size
            self.held += size
            while self.held > self.room:
                self.held -= self._kept.popitem(last=False)[1][1]


class Encoding(Protocol):
    """What turns rows into embeddings some time later."""

    def submit(self, rows: Sequence[Any]) -> Future[Embeddings]:
        """Queue rows, at least one; the future gives their embeddings, in order."""
        ...


class Recalled:
    """Rows that were encoded lately are taken from memory; only the others go on to the model.

    Args:
        encoding: Where the others go.
        key: What a row is known by: the same for the same content, and for no other.
        room: Bytes of embeddings that are kept.

    >>> import numpy as np
    >>> from openitr.server.batching import Batcher
    >>> batcher = Batcher("example", lambda rows: DenseEmbeddings(np.ones((len(rows), 1), np.float32)))
    >>> recalled = Recalled(batcher, key=str)
    >>> len(recalled.submit(["a", "b", "a"]).result())
    3
    >>> batcher.close()
    """

    def __init__(self, encoding: Encoding, key: Callable[[Any], Hashable], room: int = 16 * _MIB) -> None:
        self.encoding, self.key = encoding, key
        self.recent: Recent[Embeddings] = Recent(room)

    def submit(self, rows: Sequence[Any]) -> Future[Embeddings]:
        """Queue rows, at least one; the future gives their embeddings, in order.

        Raises:
            Problem: 503, when too many rows are waiting.
        """
        keys = [self.key(row) for row in rows]
        known = {key: kept for key in set(keys) if (kept := self.recent.get(key)) is not None}
        missing = {key: row for key, row in zip(keys, rows, strict=True) if key not in known}
        future: Future[Embeddings] = Future()
        if not missing:
            future.set_result(joined([known[key] for key in keys]))
            return future

        def told(done: Future[Embeddings]) -> None:
            wanted = future.set_running_or_notify_cancel()
            if error := done.exception():
                if wanted:
                    future.set_exception(error)
                return
            made = done.result()
            for place, key in enumerate(missing):
                known[key] = row = _alone(made, place)
                self.recent.put(key, row, _size(row))
            if wanted:
                future.set_result(joined([known[key] for key in keys]))

        self.encoding.submit(list(missing.values())).add_done_callback(told)
        return future


def _alone(made: Embeddings, place: int) -> Embeddings:
    """One row that does not hold on to the others of its batch."""
    if isinstance(made, DenseEmbeddings):
        return DenseEmbeddings(made.values[place : place + 1].copy())
    return made[place : place + 1]


def _size(row: Embeddings) -> int:
    """Bytes of its numbers."""
    if isinstance(row, LexiconEmbeddings):
        return int(row.matrix.data.nbytes + row.matrix.indices.nbytes + row.matrix.indptr.nbytes)
    return int(row.values.nbytes)
