"""The server under load: one client, then 64 at once, on loopback; every query is another sentence.

Clients are bare sockets in one process, so that they take little of the cores that the server answers on. Each sends
its next query when it has its answer. The server's processor time per answer stands beside the rates, and that of all
clients: on a machine that does other things as well, they move less than the rates do. ``bound`` is what the cores
would give at those times, were they never idle and nobody else's. A server that may use one core only shows what
company itself saves: there a lone client leaves no core idle either. Last, 64 clients ask what was asked before, as
people and programs do; the texts are in memory then, and no more than the search is left. Then all of it again on a
server with workers, whose processor time is part of the server's.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from bench.report import show
from openitr.library import create

SECONDS = 60.0
CLIENTS = 64
WORKERS = 2
AGAIN = 500


@dataclass
class Load:
    """What clients saw.

    Args:
        seconds: How long they asked.
        times: Seconds of each answer.
        errors: Answers that were none.
        processor: Seconds that the server computed.
        asking: Seconds that the clients computed.
    """

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    errors: int = 0
    processor: float = 0.0
    asking: float = 0.0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.times) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds that this share of the answers stayed below."""
        ranked = sorted(self.times)
        return 1000 * ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else float("nan")


def run() -> list[dict[str, Any]]:
    """Print and return the table."""
    if "OPENITR_DATA" not in os.environ:
        return []
    data = Path(os.environ["OPENITR_DATA"], "flickr8k")
    questions = _questions(data)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        with create(scratch + "/photos") as library:
            library.index(data / "images")
            pictures = len(library)
        for cores, workers in [*((cores, 0) for cores in _counts()), (_counts()[0], WORKERS)]:
            words = (scratch + "/photos", "--read-only", "--workers", workers)
            with serving(*words, cores=cores) as (port, pid):
                _manned(port, workers)
                asyncio.run(load(port, pid, questions, clients=8, seconds=3))
                one = asyncio.run(load(port, pid, questions, clients=1, seconds=SECONDS / 3))
                many = asyncio.run(load(port, pid, questions, clients=CLIENTS, seconds=SECONDS))
                few = list(islice(questions, AGAIN))
                # Each worker remembers what it was asked itself.
                for _ in range(1 + 2 * workers):
                    asyncio.run(load(port, pid, iter(few), clients=CLIENTS, seconds=SECONDS))
                again = asyncio.run(load(port, pid, cycle(few), clients=CLIENTS, seconds=SECONDS / 3))
            for clients, what, found in ((1, "", one), (CLIENTS, "", many), (CLIENTS, " again", again)):
                count = max(1, len(found.times))
                each, asking = 1000 * found.processor / count, 1000 * found.asking / count
                name = f"{clients} client{'s' * (clients > 1)}{what}, {cores} core{'s' * (cores > 1)}"
                name += f", {workers} workers" * (workers > 0)
                # Clients share the cores of a server that may use all of them.
                taken = each + asking * (cores == _counts()[0])
                ratio, bound = found.rate / one.rate, 1000 * cores / taken if taken else float("nan")
                spread = [found.percentile(0.5), found.percentile(0.99)]
                rows.append([name, found.rate, *spread, each, asking, bound, found.errors, ratio])
    head = ["answers/s", "p50 ms", "p99 ms", "processor ms", "clients ms", "bound/s", "errors", "ratio"]
    return show([f"{pictures:,} pictures", *head], rows)


def _counts() -> list[int]:
    """All cores, then one where a process can be kept to it."""
    all_of = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [all_of, 1] if hasattr(os, "sched_setaffinity") and all_of > 1 else [all_of]


def _questions(data: Path) -> Iterator[str]:
    """Captions that no one asked before, until there are no more; then all of them again, with a number."""
    lines = (data / "captions.jsonl").read_text("utf-8").splitlines()
    captions = [text for line in lines for text in json.loads(line)["texts"]["en"]]
    turn = 0
    while True:
        yield from (f"{text} {turn}" if turn else text for text in captions)
        turn += 1


@contextmanager
def serving(*words: object, cores: int | None = None) -> Iterator[tuple[int, int]]:
    """A server in a process of its own, kept to so many cores if that is said; its port and its process."""
    command = [sys.executable, "-m", "openitr", "serve", *map(str, words), "--port", "0"]
    with _kept_to(cores):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            raise SystemExit("the server did not start")
        yield int(address.rpartition(":")[2]), process.pid
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def _manned(port: int, workers: int) -> None:
    """Wait until so many workers take questions."""
    import httpx

    until = time.monotonic() + 120
    while workers and f"openitr_workers {float(workers)}" not in httpx.get(f"http://127.0.0.1:{port}/metrics").text:
        if time.monotonic() > until:
            raise SystemExit("the workers did not start")
        time.sleep(0.2)


@contextmanager
def _kept_to(cores: int | None) -> Iterator[None]:
    """What is started meanwhile inherits the last of the cores that this process may use."""
    if cores is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-cores:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def load(port: int, pid: int, questions: Iterator[str], *, clients: int, seconds: float) -> Load:
    """Ask from several clients at once for some time, or until there is nothing left to ask."""
    found = Load()
    before, own, start = _processor(pid), time.process_time(), time.perf_counter()
    await asyncio.gather(*(_client(port, questions, start + seconds, found) for _ in range(clients)))
    found.seconds, found.asking = time.perf_counter() - start, time.process_time() - own
    found.processor = _processor(pid) - before
    return found


def _processor(pid: int) -> float:
    """Seconds that a process and those it started have computed."""
    import psutil

    server = psutil.Process(pid)
    times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    return sum(time.user + time.system for time in times)


async def _client(port: int, questions: Iterator[str], until: float, found: Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < until and (question := next(questions, None)) is not None:
            body = json.dumps({"text": question}).encode()
            head = "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            start = time.perf_counter()
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            status, length = await _head(reader)
            await reader.readexactly(length)
            if status == 200:
                found.times.append(time.perf_counter() - start)
            else:
                found.errors += 1
    except (OSError, asyncio.IncompleteReadError):
        found.errors += 1
    finally:
        writer.close()


async def _head(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Status and length of an answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return int(head.split(b" ", 2)[1]), int(length)
