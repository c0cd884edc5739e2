"""Where the bytes of a picture are: a file, a member of a shard, a cell of a table. They are read on demand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from openitr.errors import UnreadableImage

MAX_IMAGE_BYTES = 1 << 30
"""No picture larger than this is read into memory."""


@runtime_checkable
class ImageSource(Protocol):
    """The bytes of one picture, read when asked for."""

    @property
    def name(self) -> str:
        """A file name for people and for its extension; may be empty."""
        ...

    @property
    def size(self) -> int:
        """How many bytes :meth:`read` gives; -1 when they cannot be had."""
        ...

    @property
    def path(self) -> Path | None:
        """The file that holds these bytes and nothing else, or None."""
        ...

    def read(self) -> bytes:
        """The bytes. Raises UnreadableImage when they cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class FileImage:
    """A picture in a file of its own.

    >>> FileImage(Path("nowhere/cat.jpg")).size
    -1
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return -1

    def read(self) -> bytes:
        refuse_huge(self.size, str(self.path))
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise UnreadableImage(error.strerror or "cannot be read", str(self.path)) from error


@dataclass(frozen=True, slots=True)
class MemoryImage:
    """A picture whose bytes are at hand.

    >>> MemoryImage(b"abc", "a.png").size
    3
    """

    data: bytes
    name: str = ""

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def path(self) -> Path | None:
        return None

    def read(self) -> bytes:
        return self.data


def refuse_huge(size: int, name: str) -> None:
    """Raise UnreadableImage for a picture of more bytes than :data:`MAX_IMAGE_BYTES`."""
    if size > MAX_IMAGE_BYTES:
        raise UnreadableImage("file too large", name, f"{size:,} bytes, the limit is {MAX_IMAGE_BYTES:,}")
