"""A composed query in the weighted parts that every search understands: command line, server, any kind of index."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from openitr.errors import QueryError
from openitr.search.compose.base import MAX_STRENGTH, asked
from openitr.search.parts import parse_weight
from openitr.types import MAX_K, Hits, Part, Query

_PLAIN = "a photo"
_SHARE = 0.5
# A picture may lie in a collection several times.
_COPIES = 8


def edit_parts(text: str, strength: float = 1.0) -> list[Part]:
    """What the words change, as two parts to add to a picture: "a photo, TEXT" and, taken away, "a photo".

    That is PDV's image query v + a (t1 - t0) (:class:`~openitr.search.compose.DirectionalQuery`), in the scale of
    weighted parts, where every part's scores are divided by their spread over unrelated pictures. Strength 1 weighs
    them by a half, chosen on the val split of fashion triplets (same garment, other colour).

    Args:
        text: What should be different.
        strength: 0 to 4; 0 adds nothing.

    Raises:
        QueryError: A blank text, or a strength out of range.

    >>> [str(part) for part in edit_parts("in red")]
    ['0.5:a photo, in red', '-0.5:a photo']
    """
    text = asked(text)
    if not 0 <= strength <= MAX_STRENGTH:
        raise QueryError(f"strength {strength} is out of range", f"use 0 to {MAX_STRENGTH:g}; 1 is usual")
    if strength == 0:
        return []
    return [Part(f"{_PLAIN}, {text}", weight=_SHARE * strength), Part(_PLAIN, weight=-_SHARE * strength)]


def edited(query: Query, text: str, strength: float = 1.0) -> Query:
    """The query with what should be different about its picture.

    Raises:
        QueryError: It has no picture.
    """
    if all(part.image is None for part in query.parts):
        raise QueryError(f"“{text}” changes a picture, and there is none", "give one with --image")
    return replace(query, parts=[*query.parts, *edit_parts(text, strength)])


def digests(images: Iterable[object]) -> set[str]:
    """SHA-256 (hex) of pictures given as bytes or by their files, weights in front left aside.

    >>> len(digests([b"the bytes of a picture", "nowhere.jpg"]))
    1
    """
    found = set()
    for image in images:
        if isinstance(image, bytes | bytearray | memoryview):
            found.add(hashlib.sha256(image).hexdigest())
        if not isinstance(image, str | Path):
            continue
        name = str(image) if Path(image).is_file() else parse_weight(str(image))[1]
        try:
            with Path(name).expanduser().open("rb") as file:
                found.add(hashlib.file_digest(file, "sha256").hexdigest())
        except OSError:
            continue
    return found


def leaving_out(query: Query, shown: Collection[str], ask: Callable[[Query], Hits]) -> Hits:
    """What a query finds without the pictures it was asked with; pages stay whole and meet without a gap.

    Args:
        query: With the page that is wanted.
        shown: SHA-256 (hex) of the pictures; nothing is left out when there are none.
        ask: Answers a query.

    Raises:
        QueryError: The page ends beyond the hits that can be had.
    """
    if not shown:
        return ask(query)
    end = query.offset + query.k
    if end > MAX_K:
        raise QueryError(
            f"hits {query.offset} to {end} of a picture that is changed",
            f"only the first {MAX_K} can be had: take a smaller offset or k",
        )
    hits = ask(replace(query, offset=0, k=min(MAX_K, end + _COPIES * len(shown))))
    kept = [hit for hit in hits if hit.item.sha256 not in shown]
    return replace(hits, hits=kept[query.offset : end], query=replace(hits.query, offset=query.offset, k=query.k))
