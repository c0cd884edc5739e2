"""A process of the crew: opens the collections, then answers questions until there is nobody to ask them.

Frames (:mod:`openitr.server.crew.frames`) come on standard input and go out on standard output. When standard input
ends, because the server does or is gone whatever the reason, so does this process, in whatever it is doing: a question
leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from openitr.server.crew.frames import Frame, Frames

if TYPE_CHECKING:
    from openitr.server.served import Served

_READ = 1 << 16


class Desk:
    """Answers questions, several at a time: the model still sees those that come together as one call.

    Args:
        served: What is asked.
        out: Where answers go, a file descriptor.
    """

    def __init__(self, served: Served, out: int) -> None:
        self.served, self.out = served, out
        # The loop itself holds its tasks only weakly.
        self._under_way: set[asyncio.Task[None]] = set()

    def take(self, frame: Frame, since: float) -> None:
        """Begin with a question that was read at that time (:func:`time.perf_counter`); called in the loop."""
        work = asyncio.ensure_future(self._answer(frame, since))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)

    async def _answer(self, frame: Frame, since: float) -> None:
        from openitr.server import asking
        from openitr.server.problems import log, problem_of
        from openitr.server.schemas import SearchRequest

        try:
            asked = SearchRequest.model_validate_json(frame.body)
            answer = await asking.search(self.served.get(asked.collection), asked, since=since)
            said = Frame(frame.number, bytes(answer.body), answer.status_code)
        except Exception as error:
            problem = problem_of(error, self.served.discreet)
            if problem.status >= 500 and problem.status != 503:
                log.error("a search failed", exc_info=error)
            said = Frame(frame.number, problem.body(), problem.status, problem.headers)
        send(self.out, said)


def send(out: int, frame: Frame) -> None:
    """Write a frame whole."""
    left = memoryview(frame.packed())
    while left:
        left = left[os.write(out, left) :]


def _read() -> Iterator[Frame]:
    """Frames of standard input. Read without a buffer, whose lock would be held while the process ends."""
    frames = Frames()
    while data := os.read(0, _READ):
        yield from frames.fed(data)


def _listen(questions: Iterator[Frame], loop: asyncio.AbstractEventLoop, desks: list[Desk]) -> None:
    """Pass questions on, and end the process when there are no more."""
    try:
        for frame in questions:
            # Nothing is asked before this process said that it is ready.
            loop.call_soon_threadsafe(desks[0].take, frame, time.perf_counter())
    finally:
        os._exit(0)


async def _serve(call: Mapping[str, Any], questions: Iterator[Frame], out: int) -> None:
    """Open ``collections``, by name with the default first, under ``settings``, and answer."""
    loop, desks = asyncio.get_running_loop(), list[Desk]()
    threading.Thread(target=_listen, args=(questions, loop, desks), daemon=True).start()

    from openitr.library import open
    from openitr.server.served import Served
    from openitr.server.settings import Settings

    with ExitStack() as stack:
        libraries = {name: stack.enter_context(open(place)) for name, place in call["collections"].items()}
        # As many processes as cores share them already, so that a model keeps to one thread in each.
        served = Served(libraries, Settings(**call["settings"]), threads=1)
        desks.append(Desk(served, out))
        await loop.run_in_executor(None, lambda: served.warm(browsed=False))
        # What is loaded by now stays: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        send(out, Frame(0, b"", 200))
        await asyncio.Event().wait()


def main() -> int:
    """Answer what is asked of what the first frame names; 1 when that cannot be served."""
    from openitr.errors import OpenITRError

    # Ctrl-C is for the server, which ends this process when it has no more questions.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only frames go where the server listens; what libraries print goes to the log.
    out = os.dup(1)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    questions = _read()
    if (first := next(questions, None)) is None:
        return 0
    try:
        asyncio.run(_serve(json.loads(first.body), questions, out))
    except OpenITRError as error:
        logging.getLogger("openitr.server").error("a worker cannot begin: %s", error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
