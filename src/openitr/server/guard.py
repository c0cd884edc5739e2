"""What every request passes before any route sees it, and every answer before it leaves.

Host        known names only, so that no foreign name can be pointed at this machine (DNS rebinding)
origin      no other site may change anything or make the server work
key         where there is one
rate        where there is a limit
body        received whole, within a size and a time (:mod:`openitr.server.bodies`)
headers     strict content security policy on everything, whatever the answer
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import math
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openitr.server.bodies import Bodies
from openitr.server.connections import HEAD
from openitr.server.metrics import Metrics
from openitr.server.problems import Problem, problem_of
from openitr.server.rates import Rates
from openitr.server.sessions import Sessions
from openitr.server.settings import Settings

log = logging.getLogger("openitr.server")

_HEADERS = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        b"font-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Needed to sign in, and to see that the server is up.
_OPEN = frozenset({"/", "/healthz", "/favicon.ico", "/openapi.json", "/v1/session"})
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_WILDCARD = ("0.0.0.0", "::", "")


class _SlowReaderError(Exception):
    """A client left its answer unread for too long."""


class Guard:
    """The outermost layer of the app.

    Args:
        app: What is guarded.
        settings: What is allowed.
        sessions: Who may ask.
        metrics: Where answers are counted.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, sessions: Sessions, metrics: Metrics) -> None:
        self.app, self.settings, self.sessions, self.metrics = app, settings, sessions, metrics
        self.bodies = Bodies(settings)
        self.hosts = {*_LOOPBACK, *(host.lower() for host in settings.allow_hosts)}
        self.wildcard = settings.host in _WILDCARD
        if not self.wildcard:
            self.hosts.add(settings.host.lower())
        limit = settings.rate_limit
        self.rates = Rates(limit, max(2 * limit, 1.0)) if limit > 0 else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        start, status = time.perf_counter(), 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _complete(message)
            # A client that does not read holds nothing but its own connection, and that not for ever.
            try:
                async with asyncio.timeout(self.settings.write_seconds):
                    await send(message)
            except TimeoutError as error:
                raise _SlowReaderError from error

        try:
            await self._pass(scope, receive, guarded)
        except _SlowReaderError:
            log.info("%s %s: the client did not read its answer", scope["method"], scope["path"])
        except Exception as error:
            if status:
                raise
            problem = problem_of(error)
            if problem.status == 413:
                await self.bodies.drain(dict(scope["headers"]), receive)
            if problem.status == 500:
                log.exception("%s %s failed", scope["method"], scope["path"])
            await problem.response()(scope, receive, guarded)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.answered(scope["method"], route, status, time.perf_counter() - start)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope["query_string"]) > HEAD:
            raise Problem(431, "the head of this request is too large", "send less in headers and address")
        self._check_host(scope, headers)
        self._check_origin(scope, headers)
        path: str = scope["path"]
        if path not in _OPEN and not path.startswith("/static/") and not self.sessions.holds(scope):
            raise Problem(
                401, "this server asks for a key", "send Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"}
            )
        self._check_rate(scope)
        async with self.bodies.received(scope, headers, receive) as replayed:
            await self.app(scope, replayed, send)

    def _check_host(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        given = headers.get(b"host", b"").decode("latin-1")
        name = _name_of(given)
        if name in self.hosts or (self.wildcard and name and _same_address(name, scope.get("server"))):
            return
        raise Problem(403, f"this server does not answer to the name {given!r}", "start it with --allow-host NAME")

    def _check_origin(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        if scope["method"] in _SAFE:
            return
        site = headers.get(b"sec-fetch-site", b"none")
        origin = headers.get(b"origin")
        foreign = site not in (b"same-origin", b"none")
        if origin is not None:
            place = _place_of(origin.decode("latin-1"))
            foreign = foreign or not place or place != headers.get(b"host", b"").decode("latin-1").lower()
        if foreign:
            raise Problem(403, "another site may not use this server", "use the page that this server serves")

    def _check_rate(self, scope: Scope) -> None:
        # Small copies come by the screenful and cost next to nothing.
        if self.rates is None or not scope["path"].startswith(("/v1/", "/mcp")) or scope["path"].endswith("/thumbnail"):
            return
        client = (scope.get("client") or ("",))[0]
        if wait := self.rates.wait(client):
            raise Problem(429, "too many requests", f"wait {wait:.0f} s", {"Retry-After": str(math.ceil(wait))})
        self.rates.spend(client)


def _complete(message: Message) -> None:
    """Add what every answer carries; what a route has said itself stays."""
    present = {name.lower() for name, _ in message.get("headers", ())}
    added = [(name, value) for name, value in _HEADERS.items() if name not in present]
    if b"cache-control" not in present:
        added.append((b"cache-control", b"no-store"))
    message["headers"] = [*message.get("headers", ()), *added]


def _name_of(host: str) -> str:
    """The name in a ``Host`` header, without its port; "" when it cannot be read.

    >>> _name_of("LocalHost:8000"), _name_of("[::1]:8000"), _name_of("a@b"), _name_of("")
    ('localhost', '::1', '', '')
    """
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018  a port that is no number is refused here
        name = parts.hostname or ""
    except ValueError:
        return ""
    return "" if parts.username is not None or parts.path or parts.query else name.rstrip(".").lower()


def _place_of(origin: str) -> str:
    """Name and port in an ``Origin`` header; "" when it has none, as in "null"."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _same_address(name: str, server: tuple[str, int | None] | None) -> bool:
    """Whether a name is the numeric address that the connection came to: an address cannot be rebound."""
    try:
        return server is not None and ipaddress.ip_address(name) == ipaddress.ip_address(server[0])
    except ValueError:
        return False
