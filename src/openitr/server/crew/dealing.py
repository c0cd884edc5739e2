"""The crew: to whom a question is dealt out, and what becomes of it when that process dies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from openitr.library import Library
from openitr.server.crew.frames import Frame
from openitr.server.crew.process import WORKER, MemberProcess, start
from openitr.server.metrics import Metrics
from openitr.server.problems import MEDIA_TYPE, busy, log
from openitr.server.settings import Settings

# A question larger than this waits rather for the server's own threads than for its turn in a pipe.
_LARGEST = 1 << 18
_PAUSE, _LONGEST, _STEADY = 0.5, 60.0, 60.0
_PATIENCE, _GRACE = 60.0, 3.0


class Crew:
    """Processes that answer searches in words. Whatever happens to them, the server answers itself what they do not.

    Args:
        libraries: What is served, by name.
        settings: With how many ``workers``.
        metrics: Where questions dealt out and restarts are counted.
        command: A process of the crew.
        patience: Seconds without any answer after which a process is ended.
    """

    def __init__(
        self,
        libraries: Mapping[str, Library],
        settings: Settings,
        metrics: Metrics,
        *,
        command: Sequence[str] = WORKER,
        patience: float = _PATIENCE,
    ) -> None:
        self.size, self.room = settings.workers, settings.workers + settings.max_waiting
        self.metrics, self.command, self.patience = metrics, command, patience
        self.members: set[MemberProcess] = set()
        self._call = {
            "collections": {name: str(library.path) for name, library in libraries.items()},
            "settings": {"show_paths": settings.show_paths, "max_waiting": settings.max_waiting},
        }
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    @property
    def ready(self) -> int:
        """How many processes take questions."""
        return sum(member.ready for member in self.members)

    @property
    def pending(self) -> int:
        """How many questions are out."""
        return sum(map(len, self.members))

    def start(self, after: asyncio.Future[Any] | None = None) -> None:
        """Start the processes, once something else is over: the first visitor waits for less."""
        keeping = [self._kept(number, after) for number in range(1, self.size + 1)]
        self._tasks = [asyncio.ensure_future(work) for work in (*keeping, self._watched())]

    async def ask(self, body: bytes) -> Response | None:
        """The answer to a search request in JSON; None where the server is to answer itself.

        Raises:
            Problem: 503, too many questions are out already.
        """
        able = [member for member in self.members if member.ready]
        if not able or len(body) > _LARGEST:
            return None
        if (pending := self.pending) >= self.room:
            raise busy(f"{pending} requests of this kind are waiting already")
        self.metrics.dealt.inc()
        found = await min(able, key=len).ask(body)
        return None if found is None else _response(found)

    async def close(self) -> None:
        """End the processes; idempotent."""
        self._stopping = True
        for task in self._tasks[self.size :]:
            task.cancel()
        for member in self.members:
            member.stop()
        if ends := [member.ended for member in self.members]:
            _, late = await asyncio.wait(ends, timeout=_GRACE)
            if late:
                for member in self.members:
                    member.kill()
                await asyncio.wait(late)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _kept(self, number: int, after: asyncio.Future[Any] | None) -> None:
        """Keep one process running, with a growing pause where it does not live."""
        pause, loop = _PAUSE, asyncio.get_running_loop()
        if after is not None:
            await asyncio.wait([after])
        while True:
            begun = loop.time()
            try:
                member = await start(self._call, self.command)
            except (OSError, NotImplementedError) as error:
                # The second where a loop starts no processes, as one of the two on Windows.
                what = f"cannot be started: {error or 'not by this event loop'}"
            else:
                self.members.add(member)
                try:
                    await member.ended
                finally:
                    self.members.discard(member)
                what = f"(process {member.pid}) {member.how()}"
            if self._stopping:
                return
            if loop.time() - begun > _STEADY:
                pause = _PAUSE
            log.warning("worker %d %s; the next start is in %g s", number, what, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST)
            self.metrics.restarts.inc()

    async def _watched(self) -> None:
        """End what answers nothing any more; its questions are answered by the server then."""
        while True:
            await asyncio.sleep(min(1.0, self.patience / 4))
            for member in list(self.members):
                if member.silent > self.patience:
                    log.warning("process %d of the crew has not answered for %g s", member.pid, self.patience)
                    member.kill()


def _response(frame: Frame) -> Response:
    """An answer as the server itself would give it."""
    return Response(
        frame.body, frame.status, dict(frame.headers), "application/json" if frame.status < 400 else MEDIA_TYPE
    )
