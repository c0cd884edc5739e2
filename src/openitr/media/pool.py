"""Decode ahead of the model, in processes that may crash, hang or run out of memory without harm.

    caller --- map(paths) ---> queue ---> handler threads ---> worker processes
       ^                                       |
       +------- results in order <-------------+        a watch kills what takes too long

Workers are plain programs on pipes, not ``multiprocessing``: the caller's main module is never imported again, and
nothing is pickled. A handler thread mostly waits, so that one Python interpreter feeds many workers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Event, Thread
from types import TracebackType
from typing import Any, cast

from openitr.errors import OpenITRError
from openitr.media import wire
from openitr.media.limits import Limits
from openitr.media.prepare import Preparation
from openitr.media.process import Watch, WorkerProcess
from openitr.media.results import Decoded, Failed, Hashed, K, Result, result_of
from openitr.media.thumbnails import LONGEST

_PREFETCH = 2
_MAX_TRIES = 2
_MAX_FALSE_STARTS = 3
_OUT_OF_MEMORY = "needs too much memory"


@dataclass(eq=False)
class _Job:
    """One file on its way."""

    key: Any
    kind: str
    path: Path | None = None
    data: bytes | None = None
    tries: int = 0
    dropped: bool = False
    result: Result | None = field(default=None)


class DecodePool:
    """Worker processes that decode, prepare, hash and make thumbnails; used in a ``with`` block.

    Args:
        preparation: What the model wants; done in the workers.
        workers: How many processes; None takes one per core this process may use, at most 8. They start when the
            first files come.
        limits: What one file may cost.
        thumbnail: Pixels of the long side.
        ahead: How many files may be under way or waiting to be taken; this bounds memory.

    Raises:
        OpenITRError: From ``map`` and ``hashes``, when worker processes do not start at all.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.png").write_bytes(b"no picture")
    >>> with DecodePool(Preparation(32), workers=1) as pool:
    ...     [result.reason for result in pool.map([("a", folder / "a.png")])]
    ['not a picture']
    """

    def __init__(
        self,
        preparation: Preparation,
        *,
        workers: int | None = None,
        limits: Limits | None = None,
        thumbnail: int = LONGEST,
        ahead: int = 64,
    ) -> None:
        self.preparation = preparation
        self.workers = max(1, workers if workers is not None else min(8, _cores()))
        self.limits = limits or Limits()
        self.thumbnail = thumbnail
        self.ahead = max(1, ahead)
        self._changed = Condition()
        self._queue: deque[_Job] = deque()
        self._alive: list[WorkerProcess] = []
        self._threads: list[Thread] = []
        self._open = False
        self._closed = Event()
        self._broken: str | None = None

    def __enter__(self) -> DecodePool:
        self._open = True
        self._closed.clear()
        self._threads = [Thread(target=self._handle, name=f"decode-{i}", daemon=True) for i in range(self.workers)]
        self._threads.append(Thread(target=self._watch, name="decode-watch", daemon=True))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; what is under way is dropped. Idempotent."""
        with self._changed:
            self._open = False
            self._closed.set()
            self._queue.clear()
            for process in self._alive:
                process.kill()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def map(self, items: Iterable[tuple[K, Path | bytes]]) -> Iterator[Decoded[K] | Failed[K]]:
        """Decode files, or bytes; yield results in the order of ``items``, each as soon as those before it are done.

        ``items`` is read no further than ``ahead`` beyond what was taken. Leaving the loop early drops the rest.
        """
        return cast("Iterator[Decoded[K] | Failed[K]]", self._run(items, "decode"))

    def hashes(self, items: Iterable[tuple[K, Path | bytes]]) -> Iterator[Hashed[K] | Failed[K]]:
        """SHA-256 of files without decoding them, in the order of ``items``."""
        return cast("Iterator[Hashed[K] | Failed[K]]", self._run(items, "hash"))

    def pids(self) -> list[int]:
        """Process ids of the workers that are running now."""
        with self._changed:
            return [process.pid for process in self._alive]

    def _run(self, items: Iterable[tuple[Any, Path | bytes]], kind: str) -> Iterator[Any]:
        """Keep ``ahead`` jobs under way; yield the oldest when it is done."""
        if not self._open:
            raise RuntimeError('a DecodePool is used inside "with DecodePool(...) as pool:"')
        pending: deque[_Job] = deque()
        source = iter(items)
        more = True
        try:
            while True:
                while more and len(pending) < self.ahead:
                    try:
                        key, what = next(source)
                    except StopIteration:
                        more = False
                        break
                    job = _Job(key, kind, data=what) if isinstance(what, bytes) else _Job(key, kind, path=Path(what))
                    pending.append(job)
                    with self._changed:
                        self._queue.append(job)
                        self._changed.notify()
                if not pending:
                    return
                yield self._wait(pending.popleft())
        finally:
            with self._changed:
                for job in pending:
                    job.dropped = True

    def _wait(self, job: _Job) -> Result:
        with self._changed:
            while job.result is None:
                if self._broken is not None:
                    raise OpenITRError("decoder processes do not start", self._broken)
                if not self._open:
                    raise RuntimeError("the DecodePool was closed while it was in use")
                # A timeout keeps Ctrl-C responsive where waiting on a lock cannot be interrupted (Windows).
                self._changed.wait(1.0)
            return job.result

    # The rest runs in handler threads.

    def _take(self, wait: bool) -> _Job | None:
        """The next job; None when there is none, or after closing. Bytes go only to an idle worker (``wait``):
        two processes that both write and do not read would wait for each other.
        """
        with self._changed:
            while self._open:
                while self._queue and self._queue[0].dropped:
                    self._queue.popleft()
                if self._queue and (wait or self._queue[0].data is None):
                    return self._queue.popleft()
                if not wait:
                    return None
                self._changed.wait()
        return None

    def _finish(self, job: _Job, result: Result) -> None:
        with self._changed:
            job.result = result
            self._changed.notify_all()

    def _again(self, jobs: Iterable[_Job]) -> None:
        """Jobs whose worker is gone go back to the head of the queue."""
        with self._changed:
            self._queue.extendleft(reversed(list(jobs)))
            self._changed.notify_all()

    def _start(self) -> WorkerProcess | None:
        """A greeted worker; None when the pool closes meanwhile or none will start."""
        setup = {
            "limits": self.limits.to_json(),
            "preparation": self.preparation.to_json(),
            "thumbnail": self.thumbnail,
        }
        said = ""
        for _ in range(_MAX_FALSE_STARTS):
            with self._changed:
                if not self._open:
                    return None
                try:
                    process = WorkerProcess(setup)
                except OSError as error:
                    said = str(error)
                    continue
                self._alive.append(process)
            try:
                process.greet()
                return process
            except wire.Broken as error:
                said = str(error)
                self._bury(process)
        with self._changed:
            self._broken = f"{said}; see what python -m openitr.media.worker says"
            self._changed.notify_all()
        return None

    def _bury(self, process: WorkerProcess) -> None:
        with self._changed:
            self._alive.remove(process)
        process.close()

    def _handle(self) -> None:
        """Whatever happens in a handler, no caller waits for ever."""
        try:
            self._feed()
        except BaseException as error:
            with self._changed:
                self._broken = f"a handler thread ended: {error!r}"
                self._changed.notify_all()
            raise

    def _feed(self) -> None:
        """Feed one worker process at a time, and replace it when it is gone."""
        process: WorkerProcess | None = None
        asked: deque[_Job] = deque()
        while job := self._take(wait=True):
            process = process or self._start()
            if process is None:
                self._again([job])
                break
            if not self._serve(process, job, asked):
                self._bury(process)
                process = None
                self._again(asked)
                asked.clear()
        if process is not None:
            self._bury(process)

    def _serve(self, process: WorkerProcess, job: _Job, asked: deque[_Job]) -> bool:
        """Ask and listen until nothing is under way; False when the process must be replaced."""
        asked.append(job)
        process.allow(self.limits.seconds)
        try:
            self._ask(process, job)
            while asked:
                while len(asked) < _PREFETCH and asked[0].data is None and (more := self._take(wait=False)):
                    asked.append(more)
                    self._ask(process, more)
                header, small, array = process.listen()
                process.allow(self.limits.seconds if len(asked) > 1 else None)
                if header.get("reason") == _OUT_OF_MEMORY and process.answered > 1 and not asked[0].tries:
                    # Earlier files may have left it little: the verdict is a fresh worker's to give.
                    asked[0].tries += 1
                    return False
                result = result_of(asked[0].key, asked[0].path, asked[0].kind, header, small, array)
                self._finish(asked.popleft(), result)
        except wire.Broken:
            self._blame(process, asked)
            return False
        return not process.overdue

    def _ask(self, process: WorkerProcess, job: _Job) -> None:
        path = None if job.path is None else os.fspath(job.path)
        process.ask({"kind": job.kind, "path": path}, job.data)

    def _blame(self, process: WorkerProcess, asked: deque[_Job]) -> None:
        """The oldest job is what killed it; a crash gets a second try, for it may have come from outside."""
        job = asked[0]
        job.tries += 1
        if process.overdue:
            seconds = self.limits.seconds
            reason = f"took longer than {seconds:g} s to decode"
            self._finish(asked.popleft(), Failed(job.key, job.path, reason, "save it smaller or in another format"))
        elif job.tries >= _MAX_TRIES:
            remedy = "the file is damaged in a way that its decoder does not survive; save it anew"
            self._finish(asked.popleft(), Failed(job.key, job.path, "decoder crashed", remedy))

    def _watch(self) -> None:
        """Count down the clocks of all workers."""
        watch = Watch(min(0.5, max(0.02, self.limits.seconds / 10)))
        # An event of its own: notifications about results would wake it for every picture.
        while not self._closed.wait(watch.tick):
            with self._changed:
                processes = list(self._alive)
            seconds = watch.passed()
            for process in processes:
                process.spend(seconds)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
