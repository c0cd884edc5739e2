"""How often a client may do something: a bucket of tokens per client, filled again with time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_CLIENTS = 10_000


class Rates:
    """Token buckets, one per client.

    Args:
        per_second: Tokens that come back per second.
        burst: Tokens of a client who was not seen for long.
        clock: Seconds that only grow.

    >>> rates = Rates(1, 2, clock=lambda: 0.0)
    >>> [rates.wait("ann") or rates.spend("ann") or 0.0 for _ in range(3)]
    [0.0, 0.0, 1.0]
    """

    def __init__(self, per_second: float, burst: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second, self.burst = per_second, burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, client: str) -> float:
        """Seconds until the client has a token, at least 1; 0 when there is one now."""
        with self._lock:
            left = self._filled(client)
        return 0.0 if left >= 1 else max(1.0, (1 - left) / self.per_second)

    def spend(self, client: str) -> None:
        """Take a token, even where there is none: a debt is waited for as well, up to one burst."""
        with self._lock:
            left = max(self._filled(client) - 1, -self.burst)
            self._left[client] = (left, self._clock())
            self._left.move_to_end(client)
            while len(self._left) > _CLIENTS:
                self._left.popitem(last=False)

    def _filled(self, client: str) -> float:
        left, seen = self._left.get(client, (self.burst, self._clock()))
        return min(self.burst, left + (self._clock() - seen) * self.per_second)
