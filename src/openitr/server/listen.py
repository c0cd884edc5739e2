"""Serve an app on an address until somebody stops it."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from openitr.errors import InputError, OpenITRError
from openitr.library import Library
from openitr.server.settings import Settings

_BACKLOG = 2048


def listen(settings: Settings) -> socket.socket:
    """A socket on the address that was asked for; port 0 takes a free one.

    Raises:
        InputError: No such address on this machine.
        OpenITRError: Something listens there already, or it is not allowed.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named TCP, as asyncio looks for that before it sends without delay: else each answer waits 40 ms for the client's
    # kernel to confirm its headers.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if socket.has_ipv6 and settings.host == "::":
        found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((settings.host, settings.port))
        found.listen(_BACKLOG)
    except socket.gaierror as error:
        found.close()
        raise InputError(
            f"{settings.host} is no address of this machine", "use 127.0.0.1, or 0.0.0.0 for all"
        ) from error
    except (OSError, OverflowError) as error:
        found.close()
        what = (
            f"{settings.host} port {settings.port} cannot be listened on: {getattr(error, 'strerror', None) or error}"
        )
        raise OpenITRError(what, "choose another with --port, or stop what listens there") from error
    return found


class _Announced(uvicorn.Server):
    """Says when connections are taken; being told to stop is a calm end, not an error."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            # What is loaded by now stays: the collector need not look through it again and again.
            gc.collect()
            gc.freeze()
            self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    libraries: Mapping[str, Library],
    settings: Settings | None = None,
    *,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve libraries until Ctrl-C or SIGTERM; answers under way are finished.

    Args:
        libraries: By name, the first is the default.
        settings: What is allowed, and where to listen.
        ready: Called with the address once connections are taken.

    Raises:
        OpenITRError: The address cannot be listened on.
    """
    from openitr.server.app import create_app
    from openitr.server.connections import protocol

    # Set here, so that no library that is loaded later chooses for us.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = settings or Settings()
    listener = listen(settings)
    try:
        app = create_app(libraries, settings)
        config = uvicorn.Config(
            app,
            http=protocol(settings),
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=5,
            limit_concurrency=settings.max_connections,
            backlog=_BACKLOG,
        )
        address = Settings(host=settings.host, port=listener.getsockname()[1]).base
        _Announced(config, lambda: ready(address) if ready else None).run([listener])
    finally:
        listener.close()
