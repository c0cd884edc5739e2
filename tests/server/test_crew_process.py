"""Workers as processes: how they are dealt with while they live, how they are started again, and that they end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import openitr.library
from openitr.library import Library
from openitr.server.crew import Crew, dealing
from openitr.server.metrics import Metrics
from openitr.server.problems import Problem
from openitr.server.settings import Settings

# Answers every question with itself, as a problem where it is one; dies of "die".
ECHO = """
import os
from openitr.server.crew.frames import Frame, Frames
frames = Frames()
while data := os.read(0, 65536):
    for frame in frames.fed(data):
        if frame.body == b"die":
            os._exit(7)
        status = 503 if frame.body == b"busy" else 200
        headers = {"Retry-After": "3"} if frame.body == b"busy" else {}
        os.write(1, Frame(frame.number, frame.body, status, headers).packed())
"""
needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signals here")


def crew_of(code: str = ECHO, *, workers: int = 1, waiting: int = 8, **options: Any) -> Crew:
    """A crew of small programs that open no collection."""
    library = cast(Library, SimpleNamespace(path=Path("photos")))
    settings = Settings(workers=workers, max_waiting=waiting)
    return Crew({"photos": library}, settings, Metrics(), command=(sys.executable, "-c", code), **options)


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


def played(crew: Crew, play: Callable[[], Awaitable[None]]) -> None:
    """Let a crew work for as long as a test plays with it; it ends whole."""

    async def whole() -> None:
        crew.start()
        try:
            await play()
        finally:
            pids = [member.pid for member in crew.members]
            await crew.close()
            await crew.close()
        assert not crew.members and not any(map(alive, pids))

    asyncio.run(whole())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_question_goes_to_whom_fewest_are_with_and_its_answer_is_passed_on() -> None:
    crew = crew_of(workers=3)

    async def play() -> None:
        assert await crew.ask(b"early") is None
        await until(lambda: crew.ready == 3)
        asking = [asyncio.ensure_future(crew.ask(b"%d" % n)) for n in range(6)]
        await asyncio.sleep(0)
        assert [len(member) for member in crew.members] == [2, 2, 2] and crew.pending == 6
        answers = await asyncio.gather(*asking)
        assert [answer and answer.body for answer in answers] == [b"%d" % n for n in range(6)]
        assert crew.pending == 0
        refused = await crew.ask(b"busy")
        assert refused is not None and refused.status_code == 503
        assert dict(refused.headers) == {
            "retry-after": "3", "content-length": "4", "content-type": "application/problem+json",
        }  # fmt: skip
        assert await crew.ask(b"x" * 300_000) is None

    played(crew, play)
    assert crew.metrics.dealt._value.get() == 7


@needs_signals
def test_what_waits_is_limited_and_who_leaves_does_no_harm() -> None:
    crew = crew_of(waiting=1)

    async def play() -> None:
        await until(lambda: crew.ready == 1)
        (member,) = crew.members
        os.kill(member.pid, signal.SIGSTOP)
        one, other = (asyncio.ensure_future(crew.ask(body)) for body in (b"one", b"other"))
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="2 requests of this kind are waiting") as refused:
            await crew.ask(b"third")
        assert refused.value.status == 503 and refused.value.headers == {"Retry-After": "1"}
        one.cancel()
        os.kill(member.pid, signal.SIGCONT)
        answer = await other
        assert answer is not None and answer.body == b"other"
        assert one.cancelled() and crew.pending == 0
        answer = await crew.ask(b"third")
        assert answer is not None and answer.body == b"third"

    played(crew, play)


def test_questions_of_a_worker_that_dies_are_given_back(caplog: pytest.LogCaptureFixture) -> None:
    crew = crew_of()

    async def play() -> None:
        for turn in range(2):
            await until(lambda: crew.ready == 1)
            assert await asyncio.gather(crew.ask(b"die"), crew.ask(b"other")) == [None, None]
            await until(lambda: not crew.members)
            assert caplog.text.count("ended with code 7; the next start is in") == turn + 1

    played(crew, play)


@needs_signals
def test_a_worker_that_answers_nothing_any_more_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    crew = crew_of(patience=0.2)

    async def play() -> None:
        await until(lambda: crew.ready == 1)
        (member,) = crew.members
        os.kill(member.pid, signal.SIGSTOP)
        # Nothing is asked of it, so that it may hold still.
        await asyncio.sleep(0.4)
        assert crew.ready == 1
        assert await crew.ask(b"one") is None
        await until(lambda: not crew.members)
        assert "has not answered for 0.2 s" in caplog.text and "was ended by SIGKILL" in caplog.text

    played(crew, play)


@needs_signals
def test_closing_ends_one_that_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dealing, "_GRACE", 0.2)
    crew = crew_of(workers=2)

    async def play() -> None:
        await until(lambda: crew.ready == 2)
        os.kill(next(iter(crew.members)).pid, signal.SIGSTOP)

    played(crew, play)


@pytest.mark.parametrize("command", [(sys.executable, "-c", "raise SystemExit(3)"), ("/no/such/program",)])
def test_pauses_grow_where_a_worker_does_not_live(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dealing, "_PAUSE", 0.01)
    monkeypatch.setattr(dealing, "_LONGEST", 0.03)
    crew = crew_of()
    crew.command = command

    async def play() -> None:
        await until(lambda: caplog.text.count("the next start is in") > 3)
        assert await crew.ask(b"one") is None

    played(crew, play)
    said = [record.getMessage().rpartition(" is in ")[2] for record in caplog.records if "next start" in record.message]
    assert said[:4] == ["0.01 s", "0.02 s", "0.03 s", "0.03 s"]
    assert crew.metrics.restarts._value.get() >= 3


def test_it_begins_after_something_else_and_ends_before_it_began() -> None:
    async def whole() -> None:
        crew, first = crew_of(), asyncio.get_running_loop().create_future()
        crew.start(after=first)
        await asyncio.sleep(0.05)
        assert not crew.members
        first.set_result(None)
        await until(lambda: crew.ready == 1)
        await crew.close()
        never = crew_of()
        never.start(after=asyncio.get_running_loop().create_future())
        await never.close()
        assert not never.members

    asyncio.run(whole())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("none") / "empty"
    openitr.library.create(place).close()
    return place


@needs_signals
def test_workers_end_with_the_server_however_it_ends(empty: Path) -> None:
    psutil = pytest.importorskip("psutil")
    httpx = pytest.importorskip("httpx")
    command = [sys.executable, "-m", "openitr", "serve", str(empty), "--port", "0", "--workers", "1"]
    # As from a shell: Ctrl-C goes to the server and to its workers.
    servers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        for _ in range(2)
    ]
    ends: tuple[Callable[[int], None], ...] = (
        lambda pid: os.kill(pid, signal.SIGKILL),
        lambda pid: os.killpg(pid, signal.SIGINT),
    )
    try:
        for server, end in zip(servers, ends, strict=True):
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            until_true(lambda address=address: "openitr_workers 1.0" in httpx.get(f"{address}/metrics").text)  # type: ignore[misc]
            refused = httpx.post(f"{address}/v1/search", json={"text": "red"})
            assert refused.status_code == 409 and json.loads(refused.text)["remedy"]
            assert "openitr_dealt_total 1.0" in httpx.get(f"{address}/metrics").text
            (worker,) = psutil.Process(server.pid).children()
            end(server.pid)
            _, said = server.communicate(timeout=30)
            psutil.wait_procs([worker], timeout=10)
            assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
            assert "Traceback" not in said and "was ended" not in said
            assert server.returncode == -signal.SIGKILL or (server.returncode == 0 and "stopped" in said)
    finally:
        for server in servers:
            server.kill()
            server.communicate()


def until_true(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
