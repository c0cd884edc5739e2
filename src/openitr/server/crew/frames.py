"""What the server and its crew send each other over pipes: frames of a known length, many under way at a time.

    length of the body, number, status, length of the headers   (big endian; 4, 8, 2 and 2 bytes)
    headers, as JSON; none in most answers
    body

A question has a number and a body, its answer the same number. Number 0 is no question: the server begins with what
is to be served, and the process says with it that it is ready.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_HEAD = struct.Struct("!IQHH")


class Frame(NamedTuple):
    """A question, or the answer to the question of that number, which has a status.

    Args:
        number: What both are known by.
        body: JSON as clients send and get it.
        status: Of an answer, 200 to 599.
        headers: Of an answer that says more than its type.
    """

    number: int
    body: bytes
    status: int = 0
    headers: Mapping[str, str] = {}

    def packed(self) -> bytes:
        """As bytes."""
        headers = json.dumps(dict(self.headers)).encode("ascii") if self.headers else b""
        return _HEAD.pack(len(self.body), self.number, self.status, len(headers)) + headers + self.body


class Frames:
    """Puts frames together again out of the pieces that a pipe gives.

    >>> frames, sent = Frames(), Frame(7, b"{}").packed() + Frame(8, b"[]", 503, {"Retry-After": "1"}).packed()
    >>> list(frames.fed(sent[:20])), list(frames.fed(sent[20:]))
    ([Frame(number=7, body=b'{}', status=0, headers={})], \
[Frame(number=8, body=b'[]', status=503, headers={'Retry-After': '1'})])
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def fed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole with these further bytes."""
        self._held += data
        held = self._held
        while len(held) >= _HEAD.size:
            size, number, status, more = _HEAD.unpack_from(held)
            start, end = _HEAD.size + more, _HEAD.size + more + size
            if len(held) < end:
                return
            headers = json.loads(held[_HEAD.size : start]) if more else {}
            body = bytes(held[start:end])
            del held[:end]
            yield Frame(number, body, status, headers)
