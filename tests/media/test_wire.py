from __future__ import annotations

import io
import json
import os
import struct
from threading import Thread

import pytest

from openitr.media import wire


def test_messages_come_out_as_they_went_in() -> None:
    reading, writing = os.pipe()
    big = os.urandom(3_000_000)
    header = {"path": os.fsdecode(b"odd \xff name"), "n": [1, 2]}

    def write() -> None:
        wire.send(writing, header, b"ab", memoryview(big))
        wire.send(writing, {})
        os.close(writing)

    thread = Thread(target=write)
    thread.start()
    with io.FileIO(reading) as file:
        assert wire.receive(file) == (header, 2 + len(big))
        assert wire.fill(file, bytearray(2)) == b"ab"
        assert wire.fill(file, bytearray(len(big))) == big
        assert wire.receive(file) == ({}, 0)
        with pytest.raises(wire.Broken, match="end of file"):
            wire.receive(file)
    thread.join()


@pytest.mark.parametrize(
    "raw",
    [b"", b"abc", struct.pack("<IQ", 2**31, 0), struct.pack("<IQ", 2, 2**60) + b"{}"]
    + [struct.pack("<IQ", len(t), 0) + t for t in (b"{", b"[1]", b"\xff\xfe")],
)
def test_nonsense_is_broken(raw: bytes) -> None:
    with pytest.raises(wire.Broken):
        wire.receive(io.BytesIO(raw))  # type: ignore[arg-type]


def test_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(wire.Broken):
        wire.send(writing, {"a": 1})
    os.close(writing)


def test_headers_are_plain_ascii_json() -> None:
    reading, writing = os.pipe()
    wire.send(writing, {"reason": "größer"})
    raw = os.read(reading, 1000)
    assert json.loads(raw[12:].decode("ascii")) == {"reason": "größer"}
    os.close(reading)
    os.close(writing)
