"""One worker process as the pool sees it: start, ask, listen, kill."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

import openitr
from openitr.media import wire
from openitr.types import ImageArray

_START_SECONDS = 60.0
_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031


class WorkerProcess:
    """A started worker; every method may find it dead and then raises :class:`openitr.media.wire.Broken`.

    Args:
        setup: Limits, preparation and thumbnail size as plain data.

    Raises:
        Broken: It ended before it was ready.
    """

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self.answered = 0
        self.overdue = False
        self._left: float | None = None
        self._lock = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "openitr.media.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_environment(),
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._setup = setup

    def greet(self) -> None:
        """Send the setup and wait until the worker has loaded."""
        if sys.platform == "linux":
            import fcntl

            # A whole answer fits: the worker goes on to the next file instead of waiting for the reader.
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._output, _F_SETPIPE_SZ, _PIPE_BYTES)
        self.allow(_START_SECONDS)
        wire.send(self._input.fileno(), dict(self._setup))
        header, _ = wire.receive(self._output)  # type: ignore[arg-type]
        self.allow(None)
        if "ready" not in header:
            raise wire.Broken("a worker that does not greet")

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def ask(self, job: Mapping[str, Any], data: bytes | None) -> None:
        """Send one job."""
        wire.send(self._input.fileno(), dict(job), *([data] if data else []))

    def listen(self) -> tuple[dict[str, Any], bytes, ImageArray | None]:
        """The next answer: header, thumbnail, prepared picture."""
        header, size = wire.receive(self._output)  # type: ignore[arg-type]
        small, array = bytearray(), None
        if size:
            try:
                shape = tuple(int(n) for n in header["shape"])
                small = bytearray(int(header["thumbnail"]))
            except (KeyError, TypeError, ValueError) as error:
                raise wire.Broken("an answer without shape") from error
            if len(shape) != 3 or min(shape) < 1 or len(small) + shape[0] * shape[1] * shape[2] != size:
                raise wire.Broken("an answer of wrong length")
            wire.fill(self._output, small)  # type: ignore[arg-type]
            array = np.empty(shape, np.uint8)
            wire.into(self._output, array.data.cast("B"))  # type: ignore[arg-type]
        self.answered += 1
        return header, bytes(small), array

    def allow(self, seconds: float | None) -> None:
        """Start the clock of the next answer; None stops it."""
        with self._lock:
            self._left = seconds

    def spend(self, seconds: float) -> None:
        """Let time pass; a worker whose clock runs out is killed and ``overdue`` from then on."""
        with self._lock:
            if self._left is None:
                return
            self._left -= seconds
            if self._left < 0:
                self.overdue, self._left = True, None
                self.kill()

    def kill(self) -> None:
        """End it at once; a worker holds nothing worth saving."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """Kill, reap and close the pipes; idempotent."""
        self.kill()
        for pipe in (self._input, self._output):
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()


class Watch:
    """Time since the last look, in which a pause of the whole machine or of this process counts little."""

    def __init__(self, tick: float) -> None:
        self.tick = tick
        self._last = time.monotonic()

    def passed(self) -> float:
        """Seconds since the last call, at most two ticks."""
        now = time.monotonic()
        seconds, self._last = min(now - self._last, 2 * self.tick), now
        return seconds


def _environment() -> dict[str, str]:
    """The parent's environment, with one thread per worker and this very package to be found."""
    environment = dict(os.environ)
    # Each worker is one of several: a thread pool per worker would only take cores from the model.
    environment.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    home = Path(openitr.__path__[0]).parent
    if home.name not in ("site-packages", "dist-packages"):
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home), environment.get("PYTHONPATH", "")]))
    return environment
