"""Tar shards read in place: an index of members, and their bytes on demand. Nothing is ever unpacked to disk."""

from __future__ import annotations

import gzip
import io
import tarfile
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from openitr.datasets.sources import refuse_huge
from openitr.errors import DatasetError, UnreadableImage

_MAX_HEADER = 16 << 20
_INFLATES = 200
_SMALL = 1 << 30
_BROKEN = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError)


class Member(NamedTuple):
    """A file inside a shard: its name and where its bytes lie in the (unpacked) tar."""

    name: str
    offset: int
    size: int


class Shard:
    """One ``.tar`` or ``.tar.gz``.

    A packed one is read as a stream: going forward is cheap, going back starts again at its beginning.

    Args:
        file: The shard.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        with file.open("rb") as raw:
            self._packed = raw.read(2) == b"\x1f\x8b"
        self._limit = max(_SMALL, _INFLATES * file.stat().st_size)
        self._lock = threading.Lock()
        self._stream: gzip.GzipFile | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Shard, (self.file,)

    def members(self) -> Iterator[Member]:
        """Every regular file. Raises DatasetError for a name that leads out and for a shard that is no whole tar."""
        try:
            with self._open() as stream, tarfile.open(fileobj=_Guarded(stream, self), mode="r:") as tar:
                for info in tar:
                    if info.isreg() and not info.sparse:
                        if info.name.startswith("/") or ".." in info.name.split("/"):
                            raise DatasetError(
                                f"{self.file}: the member {info.name[:200]!r} leads out", "do not trust it"
                            )
                        yield Member(info.name, info.offset_data, info.size)
        except DatasetError:
            raise
        except _BROKEN as error:
            raise DatasetError(f"{self.file}: not a whole tar: {error}", "fetch it again") from error

    def read(self, member: Member) -> bytes:
        """The bytes of a member. Raises UnreadableImage when they are not all there."""
        where = f"{self.file}:{member.name}"
        refuse_huge(member.size, where)
        try:
            if self._packed:
                with self._lock:
                    if self._stream is None:
                        self._stream = cast(gzip.GzipFile, self._open())
                    self._stream.seek(member.offset)
                    data = self._stream.read(member.size)
            else:
                with self.file.open("rb") as raw:
                    raw.seek(member.offset)
                    data = raw.read(member.size)
        except _BROKEN as error:
            raise UnreadableImage("cannot be read from its shard", where) from error
        if len(data) != member.size:
            raise UnreadableImage("truncated", where, "fetch the shard again")
        return data

    def close(self) -> None:
        """Let go of the open stream; the next read opens it anew."""
        with self._lock:
            if self._stream is not None:
                self._stream.close()
                self._stream = None

    def __del__(self) -> None:
        if getattr(self, "_stream", None) is not None:
            self.close()

    def _open(self) -> BinaryIO:
        return cast(BinaryIO, gzip.open(self.file, "rb")) if self._packed else self.file.open("rb")

    def check(self, position: int) -> None:
        """Raise DatasetError when a packed shard has unpacked to more than its size explains."""
        if self._packed and position > self._limit:
            raise DatasetError(
                f"{self.file}: unpacks to more than {_INFLATES} times its size", "this may be an archive bomb"
            )


class _Guarded(io.RawIOBase):
    """What tarfile reads headers through: a header that claims gigabytes is refused before memory is asked for."""

    def __init__(self, stream: BinaryIO, shard: Shard) -> None:
        self._stream, self._shard = stream, shard

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_HEADER:
            raise DatasetError(f"{self._shard.file}: a tar header of {size:,} bytes", "this is no honest tar")
        return self._stream.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        self._shard.check(position if whence == 0 else 0)
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


@dataclass(frozen=True)
class MemberImage:
    """A picture inside a shard."""

    shard: Shard
    member: Member

    @property
    def name(self) -> str:
        return self.member.name.rpartition("/")[2]

    @property
    def size(self) -> int:
        return self.member.size

    @property
    def path(self) -> Path | None:
        return None

    def read(self) -> bytes:
        return self.shard.read(self.member)
