"""A hit as text and metadata, the same for every framework: plain values, none missing, nothing without an id."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from openitr.errors import InputError, OpenITRError
from openitr.library import Library
from openitr.media.formats import HEAD, sniff
from openitr.types import Hit, Item

MinBucket: TypeAlias = Literal["likely", "maybe", "rest"]
_ORDER = ("likely", "maybe", "rest")


def opened(library: Library | str) -> Library:
    """A library, or the one that a name, a directory or a server's address means."""
    if isinstance(library, Library):
        return library
    from openitr.library import open

    return open(library)


def ask(
    library: Library,
    words: str | None,
    *,
    images: Sequence[Any] = (),
    k: int,
    where: Any = (),
    min_bucket: str = "maybe",
    run: str | None = None,
) -> list[Hit]:
    """Hits that are likely enough; an empty list is an honest answer.

    Args:
        library: To ask.
        words: What to look for; blank is none where there are pictures.
        images: Pictures to look like.
        k: At most so many.
        where: Filter.
        min_bucket: The least likely bucket that counts.
        run: Which run; the active one if None.

    Raises:
        InputError: An unknown bucket.
        QueryError: Neither words nor pictures.
    """
    if min_bucket not in _ORDER:
        raise InputError(f"there is no bucket {min_bucket!r}", "use likely, maybe or rest")
    if words is not None and not words.strip() and images:
        words = None
    enough = _ORDER[: _ORDER.index(min_bucket) + 1]
    return [hit for hit in library.search(words, images=images, k=k, where=where, run=run) if hit.bucket in enough]


def text_of(item: Item) -> str:
    """What a picture says in words: its captions, else its path without the ending.

    >>> text_of(Item(1, 1, "holidays/red_boat.jpg", "", 0, 0, 1, 1, "jpeg"))
    'holidays/red_boat'
    """
    captions = [caption.strip() for caption in item.captions if caption.strip()]
    if captions:
        return "\n".join(captions)
    stem, dot, _ = item.path.rpartition(".")
    return _valid(stem if dot and not stem.endswith("/") else item.path)


def metadata_of(hit: Hit) -> dict[str, Any]:
    """What is known of a hit, as plain values; what the user says of a picture is under "metadata"."""
    item = hit.item
    known: dict[str, Any] = {
        "id": item.id,
        "path": _valid(item.path),
        "bucket": hit.bucket,
        "probability": round(float(hit.probability), 4),
        "score": round(float(hit.score), 6),
        "width": item.width,
        "height": item.height,
    }
    if taken := item.facts.get("taken_at"):
        known["taken_at"] = taken
    if item.metadata:
        known["metadata"] = {
            name: value if isinstance(value, str | int | float) else list(value)
            for name, value in item.metadata.items()
        }
    return known


def small_picture(library: Library, item: Item) -> tuple[str, str] | None:
    """A small copy as media type and base64, or None where it cannot be had any more."""
    try:
        data = library.thumbnail(item.id)
    except OpenITRError:
        return None
    kind = sniff(data[:HEAD])
    return None if kind is None else (f"image/{kind}", base64.b64encode(data).decode("ascii"))


def name_of(library: Library) -> str:
    """How ids of a library are told apart from those of another."""
    name = getattr(library, "name", None)
    return str(name) if name else library.path.name


def _valid(path: str) -> str:
    """A path as text that every framework can store; what is no valid text becomes a question mark."""
    return path.encode("utf-8", "replace").decode("utf-8")
