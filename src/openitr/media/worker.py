"""A process that decodes pictures for :class:`openitr.media.pool.DecodePool`: ``python -m openitr.media.worker``.

It holds no state between files, so that killing it costs one file at most. It ends when its standard input ends,
which the system sees to even when the parent is killed.
"""

from __future__ import annotations

import signal

# Before the slow imports: Ctrl-C reaches the whole group, and ending the run is the parent's business.
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)

import hashlib
import io
import math
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from openitr.errors import UnreadableImage
from openitr.media import wire
from openitr.media.images import decode_bytes
from openitr.media.likeness import perceptual_hash
from openitr.media.limits import FileBytes, Limits, read_file
from openitr.media.prepare import Preparation
from openitr.media.thumbnails import thumbnail

_GRACE = 5


def _restrict(limits: Limits) -> None:
    """Memory of this process, where the system can limit it."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = limits.memory if hard == resource.RLIM_INFINITY else min(limits.memory, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
        # A crash on hostile bytes is expected here: no core files in people's folders.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (OSError, ValueError):
        # macOS refuses address space limits; the deadline and the pixel limit still hold there.
        return


def _alarm(seconds: float) -> None:
    """Have the system end this process unless it is called again: an endless decode outlives no parent."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _answer(job: dict[str, Any], data: bytes, setup: _Setup) -> tuple[dict[str, Any], list[wire.Buffer]]:
    """The header and payload that answer one job; a refusal is an answer too."""
    known: dict[str, Any] = {}
    path = Path(job["path"]) if job.get("path") is not None else None
    try:
        file = FileBytes(data, 0) if path is None else read_file(path, setup.limits)
        known = {"sha256": hashlib.sha256(file.data).hexdigest(), "size": file.size, "mtime_ns": file.mtime_ns}
        if job["kind"] == "hash":
            return known, []
        picture = decode_bytes(file.data, setup.shrink_to, setup.limits, path)
        small = thumbnail(picture, setup.longest, file.data)
        square = np.ascontiguousarray(setup.preparation(picture.array))
        header = known | {
            "width": picture.width,
            "height": picture.height,
            "format": picture.format,
            "facts": dict(picture.facts),
            "notes": list(picture.notes),
            "phash": perceptual_hash(picture.array),
            "thumbnail": len(small),
            "shape": list(square.shape),
        }
        return header, [small, square.data.cast("B")]
    except UnreadableImage as error:
        return known | {"reason": error.reason, "remedy": error.remedy}, []
    except MemoryError:
        return known | {"reason": "needs too much memory", "remedy": "save it smaller or in another format"}, []


class _Setup:
    """What is the same for all jobs of a worker."""

    def __init__(self, header: dict[str, Any]) -> None:
        self.limits = Limits(**header["limits"])
        self.preparation = Preparation(**header["preparation"])
        self.longest = int(header["thumbnail"])
        # Twice what the model wants: on a 12-megapixel photo the last, careful resize then comes within 0.3 grey levels
        # of resizing the full picture (1.1 without the margin) for a tenth more time.
        self.shrink_to = max(2 * self.preparation.size, self.longest)


def main() -> None:
    """Answer jobs from standard input on standard output until the input ends."""
    jobs = io.FileIO(os.dup(0))
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    # What C libraries print must not get into the answers.
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    warnings.simplefilter("ignore")
    if hasattr(os, "nice"):
        # The model's threads wait for each other, so a decoder that takes one's core delays them all.
        os.nice(10)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        setup = _Setup(wire.receive(jobs)[0])
        _restrict(setup.limits)
        wire.send(answers, {"ready": os.getpid()})
        os.dup2(nowhere, 2)
        while True:
            job, size = wire.receive(jobs)
            data = bytes(wire.fill(jobs, bytearray(size))) if size else b""
            _alarm(math.ceil(setup.limits.seconds) + _GRACE)
            header, payload = _answer(job, data, setup)
            _alarm(0)
            wire.send(answers, header, *payload)
    except wire.Broken:
        sys.exit(0)


if __name__ == "__main__":
    main()
