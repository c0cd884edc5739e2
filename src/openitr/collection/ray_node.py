"""What one machine of several does: decode files in a process of their own, and encode them.

It runs inside a worker of a cluster, which may handle many batches: model and decoder are kept between them.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from openitr.encoders.base import Encoder
from openitr.errors import FingerprintMismatch
from openitr.media.pool import DecodePool
from openitr.media.results import Decoded, Failed


@dataclass(frozen=True, slots=True)
class Job:
    """One file.

    Args:
        path: As the sender sees it.
        size, mtime_ns: What the sender knows of it: another file of that name is none of ours.
        data: Its bytes, where machines share no disk.
    """

    path: str
    size: int
    mtime_ns: int
    data: bytes | None = None


def answer(spec: str, fingerprint: str, jobs: Sequence[Job]) -> list[Decoded[int] | Failed[int] | None]:
    """Decode and encode files; one answer per job, None for a file that is not on this machine.

    The ``array`` of an answer is its embedding, one row. Keys are places in ``jobs``.

    Raises:
        FingerprintMismatch: The model of that name is another one on this machine.
        ModelError: There is none of that name.
    """
    encoder, pool = _tools(spec, fingerprint)
    found: list[Decoded[int] | Failed[int] | None] = [None] * len(jobs)
    items = [(place, what) for place, job in enumerate(jobs) if (what := _source(job)) is not None]
    for result in pool.map(items):
        found[result.key] = result
    pictures = [one for one in found if isinstance(one, Decoded)]
    if pictures:
        made: Any = encoder.encode_images([picture.array for picture in pictures])
        for row, picture in enumerate(pictures):
            found[picture.key] = replace(picture, array=made[[row]], path=None)
    return found


def _source(job: Job) -> Path | bytes | None:
    if job.data is not None:
        return job.data
    path = Path(job.path)
    try:
        told = path.stat()
    except OSError:
        return None
    return path if (told.st_size, told.st_mtime_ns) == (job.size, job.mtime_ns) else None


@lru_cache(maxsize=1)
def _tools(spec: str, fingerprint: str) -> tuple[Encoder, DecodePool]:
    """The model, and a decoder that a broken file cannot take this process down with."""
    from openitr.encoders import load

    encoder = load(spec)
    if encoder.fingerprint != fingerprint:
        raise FingerprintMismatch(
            f"{spec} is {encoder.fingerprint[:12]} on this machine, not {fingerprint[:12]}",
            "install the same version of OpenITR and of the model on every machine",
        )
    pool = DecodePool(encoder.preparation, workers=1)
    pool.__enter__()
    atexit.register(pool.close)
    return encoder, pool
