"""Decoding and encoding on several machines, with Ray: the same results in the same order as a pool of processes.

What a machine sends back is small: an embedding, a thumbnail and some facts per picture. Writing stays with the one
process that holds the collection, so that everything said of commits, resuming and kills holds here too. A machine
that dies costs time: Ray gives its batches to another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

from openitr.collection.ray_node import Job, answer
from openitr.embeddings import Embeddings, joined
from openitr.encoders.base import Encoder
from openitr.errors import InputError, MissingExtra, ModelError, OpenITRError, ServerError, UnreadableImage
from openitr.media.limits import Limits, read_file
from openitr.media.pool import DecodePool
from openitr.media.results import Decoded, Failed, Hashed, K
from openitr.types import ImageArray

SCHEME = "ray://"
_BATCH = 16  # files per task: a second of work, lost when its machine dies
_TRIES = 8  # machines that may die under one batch


def workers_of(text: str | None) -> int | str | None:
    """What ``--workers`` says: a number of processes here, or the address of a cluster.

    Raises:
        InputError: Neither.

    >>> workers_of("4"), workers_of("ray://head:10001"), workers_of(None)
    (4, 'ray://head:10001', None)
    """
    if text is None or (text.startswith(SCHEME) and len(text) > len(SCHEME)):
        return text
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--workers {text}", "a number from 1, or ray://local, ray://auto, ray://host:10001")
    return int(text)


@contextmanager
def workshop(encoder: Encoder, workers: int | str | None, ahead: int) -> Iterator[tuple[Any, Encoder]]:
    """What decodes, and the encoder for what it gives: processes of this machine, or a cluster.

    Args:
        encoder: The model.
        workers: Processes; or ``"ray://local"``, ``"ray://auto"`` (the cluster that this machine belongs to) or the
            address of a Ray client server.
        ahead: How many files may be under way here.
    """
    if isinstance(workers, str):
        with RayPool(encoder, workers) as pool:
            yield pool, Carried(encoder)
    else:
        with DecodePool(encoder.preparation, workers=workers, ahead=ahead) as local:
            yield local, encoder


class Carried:
    """An encoder whose pictures were encoded where they were decoded: it puts their rows together.

    Args:
        encoder: What encoded them.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.spec, self.kind, self.dim = encoder.spec, encoder.kind, encoder.dim
        self.fingerprint, self.preparation = encoder.fingerprint, encoder.preparation

    def encode_images(self, images: Sequence[ImageArray]) -> Embeddings:
        """The rows that came instead of pictures."""
        return joined(cast("Sequence[Embeddings]", images))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """As the encoder does."""
        return self._encoder.encode_texts(texts)


class RayPool:
    """Like :class:`~openitr.media.pool.DecodePool`, on all machines of a Ray cluster; used in a ``with`` block.

    Every machine needs OpenITR, of this version, and the model under the same name. Files are read from a disk that
    machines share, at the same path; where there is none, their bytes are sent.

    Args:
        encoder: The model.
        address: ``ray://...``, see :func:`workshop`.
        limits: What one file may cost.

    Raises:
        MissingExtra: Ray is not installed.
        ServerError: There is no cluster at that address.
    """

    def __init__(self, encoder: Encoder, address: str, *, limits: Limits | None = None) -> None:
        self.encoder, self.address, self.limits = encoder, address, limits or Limits()
        self._shared = True
        self._here: DecodePool | None = None

    def __enter__(self) -> RayPool:
        self._ray, self._began = _join(self.address)
        task = self._ray.remote(answer)
        # A batch is the same wherever it runs, so it may run again; an error of ours is an answer, not a failure.
        self._task = task.options(num_cpus=1, max_retries=_TRIES, scheduling_strategy="SPREAD")
        return self

    def __exit__(self, *about: object) -> None:
        if self._here is not None:
            self._here.close()
        if self._began:
            self._ray.shutdown()

    def hashes(self, items: Iterable[tuple[K, Path | bytes]]) -> Iterator[Hashed[K] | Failed[K]]:
        """SHA-256 of files, computed here: reading them is all the work."""
        if self._here is None:
            self._here = DecodePool(self.encoder.preparation)
            self._here.__enter__()
        return self._here.hashes(items)

    def map(self, items: Iterable[tuple[K, Path]]) -> Iterator[Decoded[K] | Failed[K]]:
        """Decode and encode files; results in the order of ``items``, embeddings for arrays."""
        source, more = iter(items), True
        pending: deque[tuple[list[tuple[K, Path]], list[Job | Failed[Any]], Any]] = deque()
        try:
            while True:
                while more and len(pending) < self._width():
                    batch = list(islice(source, _BATCH))
                    more = len(batch) == _BATCH
                    if batch:
                        jobs = [self._job(path) for _, path in batch]
                        pending.append((batch, jobs, self._send(jobs)))
                if not pending:
                    return
                yield from self._results(*pending.popleft())
        finally:
            for _, _, under_way in pending:
                self._ray.cancel(under_way, force=False)

    def _width(self) -> int:
        """Batches under way: two per core, of the machines that are there now."""
        return 2 * max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _job(self, path: Path) -> Job | Failed[Any]:
        try:
            if self._shared:
                told = path.stat()
                return Job(str(path), told.st_size, told.st_mtime_ns)
            file = read_file(path, self.limits)
            return Job(str(path), file.size, file.mtime_ns, file.data)
        except OSError as error:
            return Failed(0, path, str(error.strerror or error), "")
        except UnreadableImage as error:
            return Failed(0, path, error.reason, error.remedy)

    def _send(self, jobs: Sequence[Job | Failed[Any]]) -> Any:
        wanted = [job for job in jobs if isinstance(job, Job)]
        return self._task.remote(self.encoder.spec, self.encoder.fingerprint, wanted)

    def _results(
        self, batch: Sequence[tuple[K, Path]], jobs: Sequence[Job | Failed[Any]], under_way: Any
    ) -> Iterator[Decoded[K] | Failed[K]]:
        answers = iter(self._had(under_way))
        found = [job if isinstance(job, Failed) else next(answers) for job in jobs]
        absent = [place for place, one in enumerate(found) if one is None]
        if absent:
            # No shared disk, or the file has just changed: from here on bytes travel.
            self._shared = False
            again = [self._job(batch[place][1]) for place in absent]
            answers = iter(self._had(self._send(again)))
            for place, job in zip(absent, again, strict=True):
                jobs = [*jobs[:place], job, *jobs[place + 1 :]]
                found[place] = job if isinstance(job, Failed) else next(answers)
        for (key, path), job, one in zip(batch, jobs, found, strict=True):
            if one is None:
                raise OpenITRError(f"{path} was lost on its way", "run the same command again")
            stamps = {"size": job.size, "mtime_ns": job.mtime_ns}
            yield replace(one, key=key, path=path, **stamps)

    def _had(self, under_way: Any) -> list[Any]:
        """The answers of a batch, from whichever machine."""
        try:
            return list(self._ray.get(under_way))
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, OpenITRError):
                raise error.cause from error
            raise ModelError(f"a machine of the cluster failed: {error.cause!r}", "see its log") from error
        except self._ray.exceptions.RayError as error:
            what = str(error).strip().splitlines()[0]
            raise ServerError(f"the cluster lost a batch: {what}", "run the same command again to go on") from error


def _join(address: str) -> tuple[Any, bool]:
    """Ray, connected; and whether it is ours to leave."""
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("Clusters of machines", "ray") from error
    if ray.is_initialized():
        return ray, False
    place = address.removeprefix(SCHEME)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if place == "local":
            ray.init(address="local", include_dashboard=False, **quiet)
        else:
            ray.init(address="auto" if place == "auto" else address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ServerError(f"no Ray cluster at {address}: {said}", "start one with `ray start --head`") from error
    return ray, True
