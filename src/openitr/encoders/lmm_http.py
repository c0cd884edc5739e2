"""Models behind an OpenAI-compatible address: vLLM, Ollama, llama.cpp, hosted services.

Untested here against a hosted service; tested against a server of this protocol that is slow, wrong, rude and down.
"""

from __future__ import annotations

import base64
import io
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from openitr.encoders import lmm_wire as wire
from openitr.encoders.lmm import Message, Reply
from openitr.encoders.lmm_structured import structured
from openitr.errors import InputError, LMMError, MissingExtra
from openitr.types import ImageArray

if TYPE_CHECKING:
    import httpx

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0
_AGAIN = frozenset({408, 409, 425, 429})


class _Passing(LMMError):
    """It may be gone when asked again; ``pause`` is how long the server asked to be left alone."""

    def __init__(self, message: str, remedy: str = "", pause: float | None = None) -> None:
        super().__init__(message, remedy)
        self.pause = pause


class _Unwilling(LMMError):
    """The server cannot take the request as it is (400, 422)."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a model has cost so far.

    Args:
        calls: Answered requests.
        tokens_in, tokens_out: As the server counts them.
        cost: In the currency of the prices, or as the server says; 0 where neither is known.
    """

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


class HttpLMM:
    """A model of a server that speaks the protocol of OpenAI's ``/chat/completions``.

    A request that failed on the way (no connection, too slow, 408, 429, 5xx, an answer that is no answer) is sent again
    after a pause drawn by chance, longer each time; one that was refused is not. Redirects are not followed, since
    they could lead anywhere, also into a private network. Threads may share one object.

    Args:
        url: Up to and with ``/v1``.
        model: As the server calls it.
        key: Sent as a bearer token; shown in no message.
        timeout: Seconds without a byte, and for the whole of one answer's body, after which a try has failed.
        retries: Further tries.
        concurrency: Most requests on the way at once; further callers wait.
        prices: Of a million tokens read and written, for ``cost``; None takes what the server says, if it does.
        side: Pictures are sent no larger than this, pixels.

    Raises:
        InputError: No address, or a password in it.
        MissingExtra: httpx is not installed.

    >>> lmm = HttpLMM("http://localhost:11434/v1", "qwen2.5vl")                        # doctest: +SKIP
    >>> lmm.generate([Message("user", "Two words on this", [picture])]).text          # doctest: +SKIP
    'brown dog'
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        retries: int = 2,
        concurrency: int = 4,
        prices: tuple[float, float] | None = None,
        side: int = 768,
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra("language models on a server", "lmm") from error
        if key and not (key.isascii() and key.isprintable()):
            raise InputError("the key cannot be sent", "a key is plain letters, digits and signs, on one line")
        if concurrency < 1 or timeout <= 0:
            raise InputError(f"concurrency {concurrency}, timeout {timeout}", "use 1 or more, and more than 0 seconds")
        self.url, self.name = _checked(url), model
        self.timeout, self.retries, self.prices, self.side = timeout, max(0, retries), prices, side
        self._key, self._httpx = key or "", httpx
        self._slots = threading.BoundedSemaphore(concurrency)
        self._lock = threading.Lock()
        self._spent = Spent()
        self._knows_schemas = True
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            follow_redirects=False,
            # What is on this machine is not asked for through a proxy, which would see the pictures.
            trust_env=urlsplit(self.url).hostname not in _LOOPBACK,
        )

    def __repr__(self) -> str:
        return f"HttpLMM({self.url}, {self.name})"

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._client.close()

    @property
    def spent(self) -> Spent:
        """Tokens and cost of everything asked so far."""
        with self._lock:
            return self._spent

    def generate(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
    ) -> Reply:
        """Answer the last message; see :meth:`openitr.encoders.lmm.LMM.generate`."""

        def say(asked: Sequence[Message]) -> Reply:
            return self._patiently(self._body(asked, max_tokens, temperature), schema)

        return say(messages) if schema is None else structured(say, messages, schema)

    def stream(self, messages: Sequence[Message], *, max_tokens: int = 512, temperature: float = 0.0) -> Iterator[str]:
        """The words as they come, one try; an answer that breaks off raises after the words that came.

        Raises:
            LMMError: As :meth:`generate` does; "broke off" when the end never came.
        """
        body = {**self._body(messages, max_tokens, temperature), "stream": True}
        with self._answer(body) as pieces:
            yield from wire.spoken(pieces)

    def _patiently(self, body: dict[str, Any], schema: Mapping[str, Any] | None) -> Reply:
        tried, refused = 0, not self._knows_schemas
        while True:
            form = {} if schema is None or refused else wire.response_format(schema)
            try:
                with self._answer({**body, **form}) as pieces:
                    made = wire.reply(b"".join(pieces))
                # Remembered once the same went through without it: another fault is not blamed on the schema.
                self._knows_schemas = self._knows_schemas and not refused
                return self._paid(made)
            except wire.NoAnswer as error:
                passing = _Passing(str(error), "is this the address of a language model?")
            except _Passing as error:
                passing = error
            except _Unwilling:
                # Servers that have no response_format refuse the whole request; the schema is in the words as well.
                if not form:
                    raise
                refused = True
                continue
            if tried == self.retries:
                tries = f"after {tried + 1} tries: " if tried else ""
                raise LMMError(tries + passing.message, passing.remedy) from passing
            time.sleep(_pause(tried) if passing.pause is None else passing.pause)
            tried += 1

    @contextmanager
    def _answer(self, body: dict[str, Any]) -> Iterator[Iterator[bytes]]:
        """The pieces of a good answer's body; everything else is raised."""
        httpx, until = self._httpx, time.monotonic() + self.timeout
        if not self._slots.acquire(timeout=self.timeout):
            raise LMMError(f"{self.name}: too many requests wait", "raise concurrency, or ask less at a time")
        try:
            with self._client.stream("POST", f"{self.url}/chat/completions", json=body) as response:
                if response.status_code != 200:
                    raise self._refused(response, until)
                yield wire.limited(response.iter_bytes(), until)
        except httpx.TimeoutException as error:
            raise _Passing(f"{self.name} was silent for {self.timeout:g} s", "give it more time") from error
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            remedy = "is it running, and is OPENITR_LMM_URL its address?"
            raise _Passing(f"{self.url} does not answer: {said}", remedy) from error
        except httpx.HTTPError as error:
            raise _Passing(f"{self.url} answers nonsense: {error}") from error
        except wire.TooSlow as error:
            raise _Passing(f"{self.name} took longer than {self.timeout:g} s", "give it more time") from error
        finally:
            self._slots.release()

    def _refused(self, response: httpx.Response, until: float) -> LMMError:
        status = response.status_code
        if 300 <= status < 400:
            return LMMError(f"{self.url} redirects, which is not followed", "give the address it redirects to")
        said = wire.complaint(b"".join(wire.limited(response.iter_bytes(), until)))
        said = said.replace(self._key, "***") if self._key else said
        what = f"{self.name} answered {status}" + (f": {said}" if said else "")
        if status in _AGAIN or status >= 500:
            return _Passing(what, "try again later", _told_to_wait(response))
        if status in (401, 403):
            return LMMError(what, "set OPENITR_LMM_KEY")
        remedy = "check OPENITR_LMM_URL and OPENITR_LMM_MODEL" if status == 404 else "see what the model can take"
        return _Unwilling(what, remedy) if status in (400, 422) else LMMError(what, remedy)

    def _body(self, messages: Sequence[Message], max_tokens: int, temperature: float) -> dict[str, Any]:
        if not messages:
            raise InputError("nothing was asked", "give at least one message")
        told = [_told(message, self.side) for message in messages]
        return {"model": self.name, "messages": told, "max_tokens": max_tokens, "temperature": temperature}

    def _paid(self, reply: Reply) -> Reply:
        if self.prices is not None:
            cost = (reply.tokens_in * self.prices[0] + reply.tokens_out * self.prices[1]) / 1e6
            reply = replace(reply, cost=cost)
        with self._lock:
            was = self._spent
            self._spent = Spent(
                was.calls + 1,
                was.tokens_in + reply.tokens_in,
                was.tokens_out + reply.tokens_out,
                was.cost + (reply.cost or 0.0),
            )
        return reply


def data_url(image: ImageArray, side: int) -> str:
    """A picture as a JPEG in a data URL, no side longer than ``side``.

    >>> import numpy as np
    >>> data_url(np.zeros((4, 4, 3), np.uint8), 64)[:23]
    'data:image/jpeg;base64,'
    """
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((side, side))
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(packed.getvalue()).decode("ascii")


def _told(message: Message, side: int) -> dict[str, Any]:
    if not len(message.images):
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": data_url(image, side)}} for image in message.images
    ]
    if message.text:
        parts.append({"type": "text", "text": message.text})
    return {"role": message.role, "content": parts}


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment or any(c.isspace() for c in url):
        raise InputError(f"{url!r} is no address of a server", "write it like http://localhost:11434/v1")
    if parts.username is not None or parts.password is not None:
        raise InputError("an address with a password in it ends up in logs", "give the key as OPENITR_LMM_KEY")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}".removesuffix("/chat/completions")


def _told_to_wait(response: httpx.Response) -> float | None:
    said = response.headers.get("retry-after", "")
    return min(float(said), _LONGEST_PAUSE) if said.isascii() and said.isdecimal() else None


def _pause(tried: int) -> float:
    return random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (tried + 1)))
