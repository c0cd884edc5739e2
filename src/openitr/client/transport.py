"""Requests with patience: retries where they can do no harm, limits on what comes back, errors by their own names."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from openitr import errors
from openitr.errors import InputError, MissingExtra, OpenITRError, ServerError

if TYPE_CHECKING:
    import httpx

_MIB = 1 << 20
MAX_JSON = 256 * _MIB
MAX_FILE = 1024 * _MIB
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_URN = "urn:openitr:"

Files = Sequence[tuple[str, tuple[str, bytes, str]]]


class Interrupted(ServerError):
    """It went wrong on the way, or the server is busy: trying again later may help."""


class Transport:
    """Connections to one server.

    Args:
        url: Its address, such as ``http://localhost:8000``.
        key: What it asks for; ``OPENITR_API_KEY`` of the environment if None.
        timeout: Seconds without a sign of life after which a request has failed.
        retries: Further tries after one that failed on the way.

    Raises:
        InputError: No address of a server, or one with a password in it.
        MissingExtra: httpx is not installed.
    """

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 60.0, retries: int = 3) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra("Collections on a server", "client") from error
        self.url = checked(url)
        self.retries = max(0, retries)
        key = key or os.environ.get("OPENITR_API_KEY") or None
        if key is not None and not (key.isascii() and key.isprintable()):
            raise InputError("the key cannot be sent", "a key is plain letters, digits and signs, on one line")
        self._httpx = httpx
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            # What is on this machine is not asked for through a proxy, which would see the key.
            trust_env=urlsplit(self.url).hostname not in _LOOPBACK,
        )

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._client.close()

    def json(
        self, method: str, path: str, *, body: Any = None, files: Files = (), params: Any = None, safe: bool = True
    ) -> Any:
        """The JSON that a request is answered with.

        Args:
            method: Of the request.
            path: Below the server's address.
            body: Sent as JSON, or as the field ``query`` where there are files.
            files: Sent as a form.
            params: Query string.
            safe: Whether asking twice does no harm.

        Raises:
            ServerError: It cannot be reached, refuses, or answers something else.
            OpenITRError: What the server raised, by its own class.
        """
        content: dict[str, Any] = {}
        if files:
            content = {"data": {"query": json.dumps(body)}, "files": list(files)}
        elif body is not None:
            content = {"json": body}
        raw = self._bytes(method, path, MAX_JSON, safe, params=params, **content)
        try:
            return json.loads(raw)
        except ValueError as error:
            raise self._stranger(path) from error

    def file(self, path: str, *, params: Any = None) -> bytes:
        """The bytes of a file.

        Raises:
            ServerError, OpenITRError: As :meth:`json` does.
        """
        return self._bytes("GET", path, MAX_FILE, True, params=params)

    @contextmanager
    def stream(self, path: str, *, headers: Mapping[str, str], timeout: float) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on, as they come; one try, ended by :class:`Interrupted` where it breaks."""
        httpx = self._httpx
        try:
            with self._client.stream("GET", path, headers=headers, timeout=httpx.Timeout(timeout)) as response:
                if response.status_code != 200:
                    refusal = problem(response.status_code, _limited(response, MAX_JSON))
                    busy = response.status_code in (429, 503)
                    raise Interrupted(refusal.message, refusal.remedy) if busy else refusal
                yield response.iter_lines()
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _bytes(self, method: str, path: str, limit: int, safe: bool, **content: Any) -> bytes:
        httpx = self._httpx
        for tried in range(self.retries + 1):
            last = tried == self.retries
            try:
                with self._client.stream(method, path, **content) as response:
                    data = _limited(response, limit)
                    if response.status_code < 300:
                        return data
                    # Nothing was done: too many wait, or there are too many requests.
                    if response.status_code not in (429, 503) or last:
                        raise problem(response.status_code, data)
                    pause = _told_to_wait(response)
            except httpx.ConnectError as error:
                if last:
                    raise self._unreachable(error) from error
                pause = None
            except (httpx.TimeoutException, httpx.TransportError) as error:
                # It may have been done; only what does no harm is asked again.
                if last or not safe or isinstance(error, httpx.UnsupportedProtocol):
                    raise self._unreachable(error) from error
                pause = None
            time.sleep(_pause(tried) if pause is None else pause)
        raise AssertionError("the last try returns or raises")

    def _unreachable(self, error: Exception) -> Interrupted:
        said = str(error) or type(error).__name__
        return Interrupted(
            f"{self.url} does not answer: {said}", "is it running (openitr serve), and is this its address?"
        )

    def _stranger(self, path: str) -> ServerError:
        return ServerError(f"{self.url}{path} answered something else than OpenITR would", "check the address")


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Make an answer without the expected parts a ``ServerError`` that says so."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, OpenITRError):
            raise
        remedy = "is the server of another version than this client?"
        raise ServerError(f"the answer for {what} cannot be understood: {error!r}", remedy) from error


def checked(url: str) -> str:
    """An address in the form that requests begin with.

    Raises:
        InputError: It is no http(s) address, or holds a user name or password.

    >>> checked("http://localhost:8000/"), checked("https://pictures.example/team")
    ('http://localhost:8000', 'https://pictures.example/team')
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment or any(c.isspace() for c in url):
        raise InputError(f"{url!r} is no address of a server", "write it like http://localhost:8000")
    if parts.username is not None or parts.password is not None:
        raise InputError("an address with a password in it ends up in logs", "give the key as OPENITR_API_KEY or key=")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def problem(status: int, data: bytes) -> OpenITRError:
    """The error that an answer stands for: by its type where that is one of ours, else by its status.

    >>> problem(422, b'{"type": "urn:openitr:FilterError", "detail": "there is no field x", "remedy": "use y"}')
    FilterError('there is no field x')
    >>> problem(502, b"<html>")
    ServerError('the server answered 502')
    """
    try:
        document = json.loads(data)
        detail, remedy = str(document["detail"]), str(document.get("remedy", ""))
        name = str(document.get("type", "")).removeprefix(_URN)
    except (ValueError, KeyError, TypeError, AttributeError):
        detail, remedy, name = f"the server answered {status}", "", ""
    kind = vars(errors).get(name)
    if isinstance(kind, type) and issubclass(kind, OpenITRError) and kind is not MissingExtra:
        return kind(detail, remedy) if kind is not errors.UnreadableImage else kind(detail, remedy=remedy)
    if status == 401:
        return ServerError(detail, "give its key as OPENITR_API_KEY, or as key= of openitr.Client")
    if status in (404, 413, 415, 422):
        return InputError(detail, remedy)
    return errors.CollectionBusy(detail, remedy) if status == 409 else ServerError(detail, remedy)


def _limited(response: httpx.Response, limit: int) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > limit:
            raise ServerError(f"the answer of {response.url} is larger than {limit:,} bytes", "ask for less at a time")
        parts.append(part)
    return b"".join(parts)


def _told_to_wait(response: httpx.Response) -> float | None:
    said = response.headers.get("retry-after", "")
    return min(float(said), _LONGEST_PAUSE) if said.isascii() and said.isdecimal() else None


def _pause(tried: int) -> float:
    """Seconds, growing, and drawn by chance so that many clients do not come back together."""
    return random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (tried + 1)))
