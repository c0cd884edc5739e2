"""Work that is cheaper in company: calls that come while one is running are done together, next.

Going through all vectors of a collection costs the same for one query as for several: what takes the time is fetching
the vectors, not multiplying them. A call that comes alone runs at once, in the thread it came from.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

X = TypeVar("X")
Y = TypeVar("Y")


class _Call(Generic[X, Y]):
    """One caller's piece of work, and how it comes back."""

    def __init__(self, what: X) -> None:
        self.what = what
        self.ready = threading.Event()
        self.leads = False
        self.found: list[Y] = []
        self.error: BaseException | None = None


class Together(Generic[X, Y]):
    """Collects concurrent calls into one; safe to call from several threads.

    Args:
        work: Many pieces to as many results; an error is raised in every caller of that round.
        most: At most so many at once.

    >>> doubled = Together(lambda many: [2 * one for one in many])
    >>> doubled(21)
    42
    """

    def __init__(self, work: Callable[[Sequence[X]], Sequence[Y]], most: int = 32) -> None:
        self._work, self._most = work, most
        self._waiting: deque[_Call[X, Y]] = deque()
        self._busy = False
        self._lock = threading.Lock()

    def __call__(self, what: X) -> Y:
        """The result for one piece, had alone or in company."""
        call: _Call[X, Y] = _Call(what)
        with self._lock:
            self._waiting.append(call)
            call.leads = not self._busy
            self._busy = True
        if not call.leads:
            call.ready.wait()
        if call.leads:
            self._lead(call)
        if call.error is not None:
            raise call.error
        return call.found[0]

    def _lead(self, own: _Call[X, Y]) -> None:
        """Work for all who wait, this caller first among them; then hand over to who came meanwhile."""
        with self._lock:
            round = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        try:
            for call, result in zip(round, self._work([call.what for call in round]), strict=True):
                call.found = [result]
        except BaseException as error:
            for call in round:
                call.error = error
        with self._lock:
            next = self._waiting[0] if self._waiting else None
            self._busy = next is not None
            if next is not None:
                next.leads = True
        for call in [*round[1:], *([] if next is None else [next])]:
            call.ready.set()
