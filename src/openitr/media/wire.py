"""Messages between the pool and its workers: a JSON header and raw bytes, each with its length in front.

Nothing is pickled: what a damaged worker sends is at worst a senseless number, never code.
"""

from __future__ import annotations

import io
import json
import os
import struct
from typing import Any

_LENGTHS = struct.Struct("<IQ")
_MAX_HEADER = 8 << 20
_MAX_PAYLOAD = 4 << 30

Buffer = bytes | bytearray | memoryview


class Broken(Exception):
    """The other end is gone, or what it sends makes no sense."""


def send(handle: int, header: dict[str, Any], *payload: Buffer) -> None:
    """Write one message to a file descriptor; one system call where the pipe has room.

    Raises:
        Broken: Nobody reads any more.
    """
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    parts = [
        memoryview(_LENGTHS.pack(len(text), sum(map(len, payload))) + text),
        *(memoryview(part) for part in payload),
    ]
    try:
        if not hasattr(os, "writev"):
            parts = [memoryview(b"".join(parts))]
        while parts:
            done = os.writev(handle, parts) if len(parts) > 1 else os.write(handle, parts[0])
            while parts and done >= len(parts[0]):
                done -= len(parts.pop(0))
            if done:
                parts[0] = parts[0][done:]
    except OSError as error:
        raise Broken(str(error)) from error


def receive(file: io.RawIOBase | io.FileIO) -> tuple[dict[str, Any], int]:
    """Read the header of one message; its payload, of the length returned, is still to be read with :func:`fill`.

    Raises:
        Broken: End of file, or not a message.
    """
    header_size, payload_size = _LENGTHS.unpack(fill(file, bytearray(_LENGTHS.size)))
    if header_size > _MAX_HEADER or payload_size > _MAX_PAYLOAD:
        raise Broken("a message of absurd size")
    try:
        header = json.loads(fill(file, bytearray(header_size)))
    except ValueError as error:
        raise Broken("a header that is no JSON") from error
    if not isinstance(header, dict):
        raise Broken("a header that is no object")
    return header, payload_size


def fill(file: io.RawIOBase | io.FileIO, buffer: bytearray) -> bytearray:
    """Read until the buffer is full."""
    into(file, memoryview(buffer))
    return buffer


def into(file: io.RawIOBase | io.FileIO, view: memoryview) -> None:
    """Read until the view is full, straight into it.

    Raises:
        Broken: The end came first.
    """
    while len(view):
        try:
            got = file.readinto(view)
        except (OSError, ValueError) as error:
            raise Broken(str(error)) from error
        if not got:
            raise Broken("end of file")
        view = view[got:]
