"""One process of the crew as the server sees it: asked many questions at a time, and perhaps gone before it answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from subprocess import PIPE
from typing import Any, cast

from openitr.server.crew.frames import Frame, Frames
from openitr.server.jobs.process import environment

WORKER: tuple[str, ...] = (sys.executable, "-P", "-m", "openitr.server.crew.worker")
_GRACE = 1.0
# As many processes as cores share the cores already; read when NumPy is loaded.
_ALONE = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class MemberProcess(asyncio.SubprocessProtocol):
    """A started process; :func:`start` makes it. Its questions are known by numbers of its own.

    Args:
        call: What it is to serve.
    """

    def __init__(self, call: Mapping[str, Any]) -> None:
        self.ready = False
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._call = call
        self._out: dict[int, asyncio.Future[Frame | None]] = {}
        self._frames = Frames()
        self._asked = 0
        self._since = 0.0

    def __len__(self) -> int:
        """How many questions it has not answered."""
        return len(self._out)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._transport.get_pid()

    @property
    def silent(self) -> float:
        """Seconds that questions have been waiting for any answer at all."""
        return self._loop.time() - self._since if self._out else 0.0

    def ask(self, body: bytes) -> asyncio.Future[Frame | None]:
        """Its answer; None when the process ended without one."""
        if not self._out:
            self._since = self._loop.time()
        self._asked += 1
        answer = self._out[self._asked] = self._loop.create_future()
        self._input.write(Frame(self._asked, body).packed())
        return answer

    def stop(self) -> None:
        """Let it end: it does when nothing can be asked any more."""
        self.ready = False
        self._input.close()

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self.ready = False
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                self._transport.kill()

    def how(self) -> str:
        """In words, how it ended."""
        code = self._transport.get_returncode()
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._input = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        self._input.write(Frame(0, json.dumps(self._call).encode("ascii")).packed())

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._since = self._loop.time()
        for frame in self._frames.fed(data):
            if not frame.number:
                self.ready = not self._input.is_closing()
            # Whoever asked may have gone meanwhile.
            elif (answer := self._out.pop(frame.number, None)) is not None and not answer.done():
                answer.set_result(frame)

    def pipe_connection_lost(self, fd: int, error: Exception | None) -> None:
        self.ready = False
        if fd == 1:
            # All that it answered was read before this.
            self._give_up()
        # It has ended or is about to, as good as always; to see to that at once would be to learn of its end before
        # asyncio does, which then could not say how it ended.
        self._loop.call_later(_GRACE, self.kill)

    def connection_lost(self, error: Exception | None) -> None:
        self._give_up()
        self._transport.close()
        if not self.ended.done():
            self.ended.set_result(None)

    def _give_up(self) -> None:
        left, self._out = list(self._out.values()), {}
        for answer in left:
            if not answer.done():
                answer.set_result(None)


async def start(call: Mapping[str, Any], command: Sequence[str] = WORKER) -> MemberProcess:
    """Start a process; it is not ready before it says so.

    Raises:
        OSError: No process can be started.
    """
    named = environment()
    for name in _ALONE:
        named.setdefault(name, "1")
    _, made = await asyncio.get_running_loop().subprocess_exec(
        lambda: MemberProcess(call), *command, stdin=PIPE, stdout=PIPE, stderr=None, env=named
    )
    return made
