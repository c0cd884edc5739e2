"""Whether anything was committed since one last looked, so that what is costly to find out can be kept until then."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from openitr.collection.store import Store

T = TypeVar("T")


class Changes:
    """Counts the states of a collection that this process has seen; safe to ask from several threads.

    Args:
        store: Of the collection.

    >>> import tempfile
    >>> from openitr.collection import Collection
    >>> with tempfile.TemporaryDirectory() as folder, Collection.create(folder + "/photos") as collection:
    ...     changes = Changes(collection.store)
    ...     first, again = changes.state(), changes.state()
    ...     changes.close()
    >>> first == again
    True
    """

    def __init__(self, store: Store) -> None:
        # SQLite's data_version speaks of what others did since, as one connection sees it: this one asks nothing else.
        self._db = store.connect_aside()
        self._lock = threading.Lock()
        self._seen = self._state = 0

    def state(self) -> int:
        """A number that is higher after every commit, whoever made it."""
        with self._lock:
            version = self._db.execute("PRAGMA data_version").fetchone()[0]
            if version != self._seen:
                self._seen = version
                self._state += 1
            return self._state

    def close(self) -> None:
        """Release the connection; idempotent."""
        with self._lock:
            self._db.close()


class Kept:
    """Answers that hold for one state of a collection: worked out once, however many ask at the same time.

    Args:
        changes: Of the collection.
        room: How many answers are kept; the one not asked for longest goes first.
    """

    def __init__(self, changes: Changes, room: int = 16) -> None:
        self._changes, self._room = changes, room
        self._answers: OrderedDict[Hashable, tuple[int, Future[Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def now(self, key: Hashable) -> Any:
        """The answer to a question if it is known in the present state, else None; nobody is waited for."""
        state = self._changes.state()
        with self._lock:
            held = self._answers.get(key)
        if held is None or held[0] != state or not held[1].done() or held[1].exception() is not None:
            return None
        return held[1].result()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer to a question in the present state; ``make`` finds it, in the thread of the first who asks."""
        state = self._changes.state()
        with self._lock:
            held = self._answers.get(key)
            mine = held is None or held[0] != state
            future: Future[Any] = Future() if mine or held is None else held[1]
            if mine:
                self._answers[key] = (state, future)
            self._answers.move_to_end(key)
            while len(self._answers) > self._room:
                self._answers.popitem(last=False)
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
                with self._lock:
                    if self._answers.get(key) == (state, future):
                        del self._answers[key]
        return cast(T, future.result())
