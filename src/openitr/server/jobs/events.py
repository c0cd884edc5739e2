"""A job's progress as server-sent events: the newest state whenever there is one, and a sign of life in between.

A listener holds one flag and nothing else. Whoever reads slowly skips states instead of having them kept; whoever
comes back says with ``Last-Event-ID`` what it has seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from openitr.server.jobs.queue import JobQueue
from openitr.server.problems import Problem, busy

KEEP_ALIVE = 15.0
_LOOK = 1.0
_PAUSE = 0.1
_MOST = 100
_ALIVE = b": still here\n\n"


class Listeners:
    """How many listen, so that there is an end to it.

    Args:
        most: Further ones are told to come back later.
    """

    def __init__(self, most: int = _MOST) -> None:
        self.most = most
        self.now = 0

    def check(self) -> None:
        """Whether one more may listen.

        Raises:
            Problem: 503, too many do.
        """
        if self.now >= self.most:
            raise busy(f"{self.most} listen already", 10)

    async def follow(self, queue: JobQueue, id: str, seen: int = 0) -> AsyncIterator[bytes]:
        """Events of a job until it is over; the first is there at once.

        Args:
            queue: Whose job.
            id: Of the job.
            seen: The ``Last-Event-ID`` of a listener that comes back; the state it knows is not sent again.
        """
        self.now += 1
        changed, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            # The loop may be closed before its last job ends.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(changed.set)

        leave = queue.listen(wake)
        try:
            yield b"retry: 2000\n\n"
            spoke = time.monotonic()
            while True:
                changed.clear()
                try:
                    job = await run_in_threadpool(queue.get, id)
                except Problem:
                    return
                if job.revision != seen or job.over:
                    event = "done" if job.over else "progress"
                    data = json.dumps(queue.to_json(job))
                    yield f"id: {job.revision}\nevent: {event}\ndata: {data}\n\n".encode()
                    seen, spoke = job.revision, time.monotonic()
                    if job.over:
                        return
                elif time.monotonic() - spoke >= KEEP_ALIVE:
                    yield _ALIVE
                    spoke = time.monotonic()
                await asyncio.sleep(_PAUSE)
                with contextlib.suppress(TimeoutError):
                    # Jobs that another server runs change without a word.
                    await asyncio.wait_for(changed.wait(), _LOOK)
        finally:
            self.now -= 1
            leave()
