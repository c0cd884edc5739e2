"""One job as the server sees it: a process that is listened to, and that may be ended at any time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openitr

WORKER: tuple[str, ...] = (sys.executable, "-P", "-m", "openitr.server.jobs.worker")
# Longer than the worker's own grace: it is killed from outside only when it cannot do that itself.
_GRACE = 6.0
_EVERY = 0.25
_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: a result, or why there is none."""

    result: Mapping[str, Any] | None = None
    error: str = ""


class JobProcess:
    """A started job.

    Args:
        call: What the worker is told to do.
        told: Called with the worker's progress, a few times a second at most.
        command: The worker.

    Raises:
        OSError: No process can be started.
    """

    def __init__(
        self, call: Mapping[str, Any], told: Callable[[Mapping[str, Any]], None], command: Sequence[str] = WORKER
    ) -> None:
        self._told = told
        self._stopping = threading.Event()
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            # A group of its own: ended as a whole, and not by a Ctrl-C that is meant for the server.
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        with contextlib.suppress(OSError):
            self._input.write(json.dumps(call).encode() + b"\n")
            self._input.flush()

    def wait(self) -> Outcome:
        """Listen until it ends."""
        outcome = Outcome()
        last = 0.0
        waiting: Mapping[str, Any] | None = None
        while line := self._output.readline(_LINE):
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if "progress" in said:
                waiting = said["progress"]
                if waiting and time.monotonic() - last >= _EVERY:
                    self._told(waiting)
                    last, waiting = time.monotonic(), None
            elif "result" in said:
                outcome = Outcome(result=said["result"])
            elif "error" in said:
                message, remedy = said["error"]["message"], said["error"]["remedy"]
                outcome = Outcome(error=f"{message} ({remedy})" if remedy else message)
        if waiting is not None:
            self._told(waiting)
        code = self._end()
        if outcome.result is None and not outcome.error:
            return Outcome(error=_of_code(code))
        return outcome

    def stop(self) -> None:
        """Ask it to end behind its last commit, and kill the whole group when it does not; returns at once."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._input.close()
        killer = threading.Timer(_GRACE, self._kill)
        killer.daemon = True
        killer.start()

    def _kill(self) -> None:
        if self._process.poll() is None:
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def _end(self) -> int:
        """The exit code. Nothing of the group outlives the job: what decodes for it ends with its pipes, unless it
        hangs."""
        if hasattr(os, "waitid"):
            # Not reaped yet, so that the number of the group is still its own.
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            self._kill_group()
        code = self._process.wait()
        for pipe in (self._input, self._output):
            with contextlib.suppress(OSError):
                pipe.close()
        return code


def _of_code(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return (
                f"the process that did it was ended by {signal.Signals(-code).name}, perhaps for lack of memory "
                "(free some, and start it again: it goes on where it stopped)"
            )
    return f"the process that did it failed with code {code} (the log of the server says why)"


def environment() -> dict[str, str]:
    """The server's environment, with this very package to be found."""
    environment = dict(os.environ)
    home = Path(openitr.__path__[0]).parent
    if home.name not in ("site-packages", "dist-packages"):
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home), environment.get("PYTHONPATH", "")]))
    return environment
