"""Pictures that requests bring or name, decoded in worker processes under time and memory limits, never here."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from openitr.errors import QueryError, UnreadableImage
from openitr.media.limits import Limits
from openitr.media.pool import DecodePool
from openitr.media.prepare import Preparation
from openitr.media.results import Decoded, Failed
from openitr.server.problems import Problem
from openitr.server.recent import Recent

_MIB = 1 << 20
# A query picture is looked at by somebody who waits for it: it may cost less than one that is indexed.
QUERY_LIMITS = Limits(max_pixels=100_000_000, max_bytes=32 * _MIB, seconds=10.0, memory=2048 * _MIB)
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?P<parameters>(?:;[\w.+-]+=[^;,]*)*)(?P<base64>;base64)?,")
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*:")


def from_data_url(url: str) -> bytes:
    """The bytes of a ``data:image/...;base64,...`` URL; any other address is refused, none is ever fetched.

    Raises:
        QueryError: Another address, or no base64.

    >>> from_data_url("data:image/gif;base64,R0lGODlh")
    b'GIF89a'
    """
    found = _DATA_URL.match(url)
    if found is None:
        what = "an address" if _ADDRESS.match(url) else "a text"
        raise QueryError(
            f"a picture is given as a data URL or as the id of one, not as {what}",
            "send the bytes: data:image/jpeg;base64,..., or a multipart field `image`",
        )
    if found["base64"] is None or (found["type"] or "").partition("/")[0] not in ("image", "application"):
        raise QueryError("this data URL holds no picture", "begin it with data:image/jpeg;base64,")
    try:
        return base64.b64decode(url[found.end() :].strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise QueryError("the base64 of a data URL is damaged", "encode the picture again") from error


class Pictures:
    """Decoders of what requests bring, one small pool per way of preparing pictures; they start when first needed.

    What was decoded lately is kept, by its content, or by its place and the state of the file there.

    Args:
        limits: What one picture may cost.
        workers: Processes per pool.
        room: Bytes of decoded pictures that are kept.
    """

    def __init__(self, limits: Limits = QUERY_LIMITS, workers: int = 2, room: int = 32 * _MIB) -> None:
        self.limits, self.workers = limits, workers
        self._recent: Recent[Decoded[Any]] = Recent(room)
        self._pools: dict[Preparation, DecodePool] = {}
        self._lock = threading.Lock()
        self._open = True

    def decode(self, source: bytes | Path, preparation: Preparation, label: str = "picture") -> Decoded[Any]:
        """Decode one picture and prepare it for a model; waits for a worker.

        Raises:
            UnreadableImage: It is none, or cost too much; named by ``label``, never by a path of this disk.
        """
        key = (preparation, _state(source))
        if (kept := self._recent.get(key)) is not None:
            return kept
        try:
            (result,) = self._pool(preparation).map([(label, source)])
        except RuntimeError as error:
            raise Problem(503, "the server is stopping") from error
        if isinstance(result, Failed):
            raise UnreadableImage(result.reason, label, result.remedy)
        self._recent.put(key, result, result.array.nbytes + len(result.thumbnail))
        return result

    def _pool(self, preparation: Preparation) -> DecodePool:
        with self._lock:
            if not self._open:
                raise Problem(503, "the server is stopping")
            if preparation not in self._pools:
                pool = DecodePool(preparation, workers=self.workers, limits=replace(self.limits))
                self._pools[preparation] = pool.__enter__()
            return self._pools[preparation]

    def close(self) -> None:
        """End all workers; idempotent."""
        with self._lock:
            self._open = False
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.close()


def _state(source: bytes | Path) -> tuple[Any, ...]:
    """What a picture is known by: its content, or where its file lies and when it was last changed."""
    if isinstance(source, bytes):
        return (hashlib.sha256(source).digest(),)
    try:
        about = source.stat()
    except OSError:
        # It is gone: nothing is kept under this, and the decoder says what is wrong.
        return (str(source), -1)
    return str(source), about.st_ino, about.st_size, about.st_mtime_ns
