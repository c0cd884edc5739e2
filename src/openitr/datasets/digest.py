"""A hash of what a dataset holds, so that a number can be had again from the same data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from openitr.datasets.pair import Pair
from openitr.errors import UnreadableImage


def digest(pairs: Iterable[Pair], stamps: Iterable[str]) -> str:
    """SHA-256 (hex) over id, split, texts by language and picture stamp of every pair, whatever their order.

    Metadata does not count. Lengths are written before values, so that no two datasets can be spelled alike.

    Args:
        pairs: The rows.
        stamps: One per row: what stands for the bytes of its picture.
    """
    rows = []
    for pair, stamp in zip(pairs, stamps, strict=True):
        row = hashlib.sha256()
        for piece in _pieces(pair, stamp):
            data = piece.encode("utf-8", "surrogatepass")
            row.update(len(data).to_bytes(8, "big") + data)
        rows.append(row.digest())
    return hashlib.sha256(b"".join(sorted(rows))).hexdigest()


def size_stamp(pair: Pair) -> str:
    """The size of the picture's file: cheap, and blind to an edit that keeps the size."""
    return f"size {pair.source.size}"


def content_stamp(data: bytes | None) -> str:
    """SHA-256 of the picture's bytes; one fixed word where they cannot be read."""
    return "unreadable" if data is None else "sha256 " + hashlib.sha256(data).hexdigest()


def read_or_none(pair: Pair) -> bytes | None:
    """The picture's bytes, None where they cannot be had."""
    try:
        return pair.read()
    except UnreadableImage:
        return None


def _pieces(pair: Pair, stamp: str) -> Iterator[str]:
    yield from (pair.id, pair.split, stamp)
    for lang in sorted(pair.texts):
        yield from (lang, str(len(pair.texts[lang])), *pair.texts[lang])
