"""Connections with limits: who opens one and sends no whole request head, or one without end, is not waited for.

uvicorn times idle connections only after their first answer, so that a few hundred clients who send one byte a minute
(slowloris) could hold all there are; and its compiled protocol takes heads of any length.
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Any

from openitr.server.settings import Settings

HEAD = 1 << 16
"""Bytes that the head of a request may have."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def protocol(settings: Settings) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, the compiled one where it is installed, with limits for the head of a request."""
    base: Any
    if find_spec("httptools") is not None:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as base
    else:
        from uvicorn.protocols.http.h11_impl import H11Protocol as base

    class Timed(base):  # type: ignore[misc]
        _deadline: asyncio.TimerHandle | None = None
        _head = 0

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()
            self._head = self._head + len(data) if self._deadline is not None else 0
            if self._head > HEAD and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()

        def connection_lost(self, error: Exception | None) -> None:
            self._unwatch()
            super().connection_lost(error)

        def _watch(self) -> None:
            """Count down while a head is incomplete; every further byte of it is within the same time."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._unwatch()
            elif self._deadline is None:
                self._deadline = self.loop.call_later(settings.header_seconds, self._overdue)

        def _unwatch(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _overdue(self) -> None:
            self._deadline = None
            # A request may have been answered meanwhile, within one piece of data; then idleness is timed by uvicorn.
            if self.transport is not None and not self.transport.is_closing():
                self.transport.close()

    return Timed
