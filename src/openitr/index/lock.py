"""A lock between processes that the operating system drops when its holder dies, so that none is ever stale."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

from openitr.errors import CollectionBusy

_PLACE = 1 << 30  # on Windows a locked byte cannot be read, so the lock lies beyond the holder's name


class FileLock:
    """Exclusive use of something, held by one process at a time.

    Args:
        path: The lock file; it stays there, what counts is the lock on it.
        what: What is locked, for the message ("photos is being written").

    Raises:
        CollectionBusy: From :meth:`take`, naming the process that has it.

    >>> import tempfile
    >>> lock = FileLock(Path(tempfile.mkdtemp()) / "lock", "the example is in use")
    >>> lock.take(); lock.held
    True
    >>> lock.release()
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what
        self._file: BinaryIO | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    def take(self) -> None:
        """Take it now, or raise :class:`CollectionBusy`."""
        if self._file is not None:
            raise CollectionBusy(f"{self.what} by this process already", "wait until it is done")
        file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)
        try:
            _lock(file)
        except OSError as error:
            holder = file.read(32).decode("ascii", "replace").strip() or "unknown"
            file.close()
            raise CollectionBusy(
                f"{self.what} by process {holder}", "wait until it is done, or end that process"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        self._file = file

    def release(self) -> None:
        """Let go; idempotent."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(_PLACE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
