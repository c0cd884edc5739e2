"""What an OpenAI-compatible server sends, read with suspicion: whole answers, streams, complaints."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from openitr.encoders.lmm import Reply
from openitr.errors import LMMError

MAX_ANSWER = 16 << 20


class NoAnswer(LMMError):
    """Bytes that are no answer of this protocol."""


class TooSlow(Exception):
    """The time is over and the body is not."""


def limited(pieces: Iterable[bytes], until: float) -> Iterator[bytes]:
    """Pass pieces on until ``time.monotonic()`` is past ``until``, or they are larger than any answer.

    Raises:
        TooSlow: The time is over.
        LMMError: Too many bytes.
    """
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_ANSWER:
            raise LMMError(f"the answer is larger than {MAX_ANSWER:,} bytes", "is this a language model?")
        if time.monotonic() > until:
            raise TooSlow
        yield piece


def reply(body: bytes) -> Reply:
    """A whole answer.

    Raises:
        NoAnswer: Anything else.

    >>> reply(b'{"choices": [{"message": {"content": "a dog"}}], "usage": {"prompt_tokens": 7}}').tokens_in
    7
    >>> reply(b"<html>")
    Traceback (most recent call last):
    openitr.encoders.lmm_wire.NoAnswer: the server's answer is no JSON
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoAnswer("the server's answer is no JSON") from error
    try:
        choice = document["choices"][0]
        text = _words(choice["message"].get("content"))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        said = complaint(body)
        raise NoAnswer(f"the server's answer has no reply in it{': ' + said if said else ''}") from error
    if not text.strip():
        said = choice["message"].get("refusal")
        raise NoAnswer(f"the model refuses: {str(said)[:200]}" if said else "the model's reply is empty")
    notes = ["the reply was cut at max_tokens"] if choice.get("finish_reason") == "length" else []
    usage = document.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    cost = usage.get("cost")
    return Reply(
        text,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        cost=float(cost) if isinstance(cost, (int, float)) and 0 <= cost < float("inf") else None,
        notes=notes,
    )


def spoken(pieces: Iterable[bytes]) -> Iterator[str]:
    """The words of a stream of server-sent events.

    Raises:
        LMMError: It says so, makes no sense, or ends before its end.
    """
    for line in lines(pieces):
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        try:
            document = json.loads(data)
            choice = (document["choices"] or [{}])[0]
            text = _words((choice.get("delta") or {}).get("content"))
        except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError) as error:
            said = complaint(data)
            raise LMMError(f"the stream makes no sense{': ' + said if said else ''}", "ask again") from error
        if text:
            yield text
        if choice.get("finish_reason"):
            return
    raise LMMError("the answer broke off", "ask again")


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines out of pieces cut anywhere.

    >>> list(lines([b"da", b"ta: 1\\r\\n\\nda", b"ta: 2"]))
    [b'data: 1', b'', b'data: 2']
    """
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.rstrip(b"\r") for line in whole)
    if rest:
        yield rest


def complaint(body: bytes) -> str:
    """What a server says went wrong, in at most 200 characters; "" where it cannot be read.

    >>> complaint(b'{"error": {"message": "no such model"}}')
    'no such model'
    """
    try:
        document = json.loads(body)
        said = document["error"]
        said = said["message"] if isinstance(said, Mapping) else said
    except (ValueError, RecursionError, KeyError, TypeError, IndexError):
        return ""
    return " ".join(str(said).split())[:200]


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The field that asks a server to keep to a schema."""
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema)}}}


def _words(content: Any) -> str:
    """A reply's words: a string, or a list of typed parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
