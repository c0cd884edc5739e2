"""What comes back from the decoding pool."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from openitr.media import wire
from openitr.types import ImageArray, Scalar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Decoded(Generic[K]):
    """A picture that was read: what the model, the hit list and the collection need of it.

    Args:
        key: As it was submitted.
        path: The file, or None for bytes.
        array: (size, size, 3) uint8, prepared for the model.
        width, height: Pixels of the original, upright.
        format, facts, notes: As in :class:`openitr.media.images.Picture`.
        sha256, size, mtime_ns: Of the very bytes that were decoded.
        phash: See :func:`openitr.media.likeness.perceptual_hash`.
        thumbnail: A file that browsers show.
    """

    key: K
    path: Path | None
    array: ImageArray
    width: int
    height: int
    format: str
    facts: Mapping[str, Scalar]
    notes: tuple[str, ...]
    sha256: str
    size: int
    mtime_ns: int
    phash: int
    thumbnail: bytes


@dataclass(frozen=True)
class Hashed(Generic[K]):
    """A file whose bytes were only hashed."""

    key: K
    path: Path | None
    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Failed(Generic[K]):
    """A file that was skipped, and why; the hash is "" where its bytes could not be had."""

    key: K
    path: Path | None
    reason: str
    remedy: str = ""
    sha256: str = ""
    size: int = 0
    mtime_ns: int = 0


Result: TypeAlias = Decoded[Any] | Hashed[Any] | Failed[Any]


def result_of(
    key: Any, path: Path | None, kind: str, header: Mapping[str, Any], small: bytes, array: ImageArray | None
) -> Result:
    """A worker's answer as a result.

    Raises:
        Broken: The answer lacks something; its worker is not to be trusted any more.
    """
    try:
        if "reason" in header:
            about = (str(header.get("sha256", "")), int(header.get("size", 0)), int(header.get("mtime_ns", 0)))
            return Failed(key, path, str(header["reason"]), str(header.get("remedy", "")), *about)
        known: dict[str, Any] = {"sha256": str(header["sha256"])}
        known |= {name: int(header[name]) for name in ("size", "mtime_ns")}
        if kind == "hash":
            return Hashed(key, path, **known)
        if array is None:
            raise wire.Broken("an answer without a picture")
        known |= {name: int(header[name]) for name in ("width", "height", "phash")}
        known |= {"format": str(header["format"]), "facts": dict(header["facts"]), "notes": tuple(header["notes"])}
        return Decoded(key, path, array, thumbnail=small, **known)
    except (KeyError, TypeError, ValueError) as error:
        raise wire.Broken(f"an answer without {error}") from error
