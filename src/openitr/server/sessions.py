"""The key: in a header, or once and then as a cookie. Compared in constant time; guessing is slowed down."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from openitr.server.problems import Problem
from openitr.server.rates import Rates

COOKIE = "openitr_session"
_SESSIONS = 1000
_GUESSES_PER_SECOND, _GUESSES = 1 / 6, 10.0


class Sessions:
    """Who may ask.

    Args:
        key: What must be given; None lets everybody in.
        seconds: How long a session lasts.
        clock: Seconds that only grow.

    >>> sessions = Sessions("open sesame")
    >>> sessions.sign_in("open says me", {"client": ("::1", 1)}) is None
    True
    """

    def __init__(
        self, key: str | None, *, seconds: int = 30 * 86400, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._key = None if key is None else _digest(key)
        self._clock = clock
        self._open: OrderedDict[bytes, float] = OrderedDict()
        self._guesses = Rates(_GUESSES_PER_SECOND, _GUESSES, clock=clock)
        self._lock = threading.Lock()

    @property
    def key_needed(self) -> bool:
        """Whether there is a key at all."""
        return self._key is not None

    def holds(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether a request carries the key or a session.

        Raises:
            Problem: 429, too many wrong keys from this client.
        """
        if self._key is None:
            return True
        headers = {
            name: value for name, value in scope["headers"] if name in (b"authorization", b"x-api-key", b"cookie")
        }
        given = headers.get(b"x-api-key", b"")
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            given = given or token.strip()
        if given:
            return self._is_key(given, scope)
        return self._has_session(headers.get(b"cookie", b""))

    def sign_in(self, key: str, scope: MutableMapping[str, Any]) -> str | None:
        """A token for the right key, None for a wrong one.

        Raises:
            Problem: 429, too many wrong keys from this client.
        """
        if self._key is not None and not self._is_key(key.encode("utf-8", "surrogatepass"), scope):
            return None
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_digest(token)] = self._clock() + self.seconds
            while len(self._open) > _SESSIONS:
                self._open.popitem(last=False)
        return token

    def sign_out(self, token: str) -> None:
        """Forget a session; an unknown one is no mistake."""
        with self._lock:
            self._open.pop(_digest(token), None)

    def _is_key(self, given: bytes, scope: MutableMapping[str, Any]) -> bool:
        assert self._key is not None
        client = (scope.get("client") or ("",))[0]
        if wait := self._guesses.wait(client):
            raise Problem(429, "too many wrong keys", f"wait {wait:.0f} s", {"Retry-After": f"{wait:.0f}"})
        # Digests have one length, so that not even the key's length shows in the time it takes.
        right = hmac.compare_digest(_digest(given), self._key)
        if not right:
            self._guesses.spend(client)
        return right

    def _has_session(self, cookie: bytes) -> bool:
        try:
            found = SimpleCookie(cookie.decode("latin-1")).get(COOKIE)
        except CookieError:
            return False
        if found is None:
            return False
        with self._lock:
            ends = self._open.get(_digest(found.value))
        return ends is not None and ends > self._clock()


def _digest(text: str | bytes) -> bytes:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return hashlib.sha256(data).digest()
