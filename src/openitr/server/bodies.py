"""Bodies of requests, received whole before a route is asked: within a size, a time, and a share of memory.

A route never waits for a slow client, and chunked bodies without a length are counted as they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from starlette.types import Message, Receive, Scope

from openitr.server.problems import Problem, busy
from openitr.server.settings import Settings

_DRAINED, _DRAIN_SECONDS = 256 << 20, 3.0


def after(first: Message, receive: Receive) -> Receive:
    """What gives a message that was received already, and then what comes after it."""
    waiting = [first]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received


class Bodies:
    """What is being received.

    Args:
        settings: Its limits.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.held = 0

    @asynccontextmanager
    async def received(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> AsyncIterator[Receive]:
        """The body, to be received again by the app from memory.

        Raises:
            Problem: 400, 408, 413 or 503: no length, too slow, too large, or too much at a time.
        """
        self._check_length(headers.get(b"content-length"))
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                await self._fill(parts, receive)
        except TimeoutError as error:
            self.held -= sum(map(len, parts))
            raise Problem(408, "the request did not arrive in time", "send it faster, or smaller") from error
        except BaseException:
            self.held -= sum(map(len, parts))
            raise
        body = b"".join(parts)
        parts.clear()
        try:
            yield after({"type": "http.request", "body": body, "more_body": False}, receive)
        finally:
            self.held -= len(body)

    async def drain(self, headers: Mapping[bytes, bytes], receive: Receive) -> None:
        """Read on for a moment what is too large: a client that is still sending would not see the answer."""
        if b"expect" in headers:
            return
        left = _DRAINED
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return

    def _check_length(self, length: bytes | None) -> None:
        if length is None:
            return
        if not length.isdigit():
            raise Problem(400, "the length of the body is no number")
        if int(length) > self.settings.max_body:
            raise self._too_large()

    async def _fill(self, parts: list[bytes], receive: Receive) -> None:
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Problem(400, "the client went away")
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > self.settings.max_body:
                raise self._too_large()
            if self.held + len(piece) > self.settings.max_bodies:
                raise busy("too much is being uploaded at once", 2)
            self.held += len(piece)
            parts.append(piece)
            if not message.get("more_body", False):
                return

    def _too_large(self) -> Problem:
        return Problem(413, f"a request may hold {self.settings.max_body:,} bytes", "send less, or a smaller picture")
