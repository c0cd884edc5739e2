"""What bytes from outside may cost, and how they are read from a file."""

from __future__ import annotations

import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from openitr.errors import UnreadableImage

_MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one picture may cost.

    Args:
        max_pixels: Width x height as the header claims them, checked before anything is allocated. The default
            lets the largest phone photographs through (16320 x 12240).
        max_bytes: Size of the file.
        seconds: Wall time per file. Kept by :class:`~openitr.media.pool.DecodePool` alone, which can end a
            process; nothing can stop C code inside this one.
        memory: Address space of a worker process, bytes, where the system has such a limit. Kept by the pool alone.

    >>> Limits(max_pixels=100).max_pixels
    100
    """

    max_pixels: int = 200_000_000
    max_bytes: int = 512 * _MIB
    seconds: float = 20.0
    memory: int = 4096 * _MIB

    def check_size(self, width: int, height: int) -> None:
        """Raise :class:`~openitr.errors.UnreadableImage` for a picture of no or of too many pixels."""
        if width < 1 or height < 1:
            raise UnreadableImage("no pixels", remedy=f"the header says {width} x {height}")
        if width * height > self.max_pixels:
            raise UnreadableImage(
                "too many pixels",
                remedy=f"the header says {width} x {height}, the limit is {self.max_pixels:,} pixels; save it smaller",
            )

    def to_json(self) -> dict[str, Any]:
        """As plain data, for a worker process."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class FileBytes:
    """All bytes of a file, with what the file system said of it when they were read."""

    data: bytes
    mtime_ns: int

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)


def read_file(path: Path, limits: Limits) -> FileBytes:
    """Read a regular file whole, once.

    Raises:
        UnreadableImage: Not a regular file (a pipe would block for ever), empty, too large, or refused by the system.
    """
    try:
        # O_NONBLOCK keeps the open of a named pipe from waiting for a writer; on a regular file it means nothing.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise _refused(path, error) from error
    try:
        told = os.fstat(handle)
        if not stat.S_ISREG(told.st_mode):
            kind = "a folder" if stat.S_ISDIR(told.st_mode) else "a device or pipe"
            raise UnreadableImage("not a regular file", str(path), f"it is {kind}")
        if told.st_size > limits.max_bytes:
            raise UnreadableImage(
                "file too large", str(path), f"{told.st_size:,} bytes, the limit is {limits.max_bytes:,}"
            )
        # Unbuffered and in one go: a photo of 5 MB is one system call.
        with os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
            data = file.read(told.st_size + 1) or b""
            while len(data) < told.st_size:
                more = file.read(told.st_size - len(data))
                if not more:
                    break
                data += more
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        os.close(handle)
    if not data:
        raise UnreadableImage("empty file", str(path), "it has no bytes: restore or delete it")
    return FileBytes(data, told.st_mtime_ns)


def _refused(path: Path, error: OSError | ValueError) -> UnreadableImage:
    """The system's refusal in words."""
    if isinstance(error, FileNotFoundError):
        return UnreadableImage("no such file", str(path), "it was moved or deleted meanwhile, or a link points nowhere")
    if isinstance(error, PermissionError):
        return UnreadableImage("permission denied", str(path), "allow reading it, or leave it out")
    if isinstance(error, IsADirectoryError):
        return UnreadableImage("not a regular file", str(path), "it is a folder")
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return UnreadableImage("cannot be read", str(path), words)
