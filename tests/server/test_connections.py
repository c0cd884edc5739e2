"""The real server on a real port: slow clients, half requests, a port that is taken, a calm end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import openitr.encoders
import openitr.library
from openitr.errors import InputError, OpenITRError
from openitr.server.listen import _Announced, listen
from openitr.server.settings import Settings
from tests.search.fakes import ColourEncoder


@pytest.fixture(scope="module")
def port(painted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server in a thread of this process, impatient enough for tests."""
    import uvicorn

    from openitr.server.app import create_app
    from openitr.server.connections import protocol

    settings = Settings(
        header_seconds=0.6,
        body_seconds=0.8,
        write_seconds=1.0,
        max_connections=40,
        max_body=2_000_000,
        state_folder=tmp_path_factory.mktemp("state"),
    )
    with pytest.MonkeyPatch.context() as patch, openitr.library.open(painted / "photos") as library:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        listener = listen(Settings(port=0))
        ready = threading.Event()
        config = uvicorn.Config(
            create_app({"photos": library}, settings), http=protocol(settings), log_level="critical", ws="none",
            limit_concurrency=settings.max_connections, timeout_keep_alive=1, timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = _Announced(config, ready.set)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        assert ready.wait(20)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answer(port: int, request: bytes) -> bytes:
    """What comes back for raw bytes until the server closes or falls silent."""
    with connect(port) as line:
        line.sendall(request)
        return drained(line)


def drained(line: socket.socket) -> bytes:
    got = b""
    try:
        while piece := line.recv(65536):
            got += piece
    except OSError:
        pass
    return got


def healthy(port: int) -> bool:
    return b" 200 " in answer(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")[:20]


def healthy_soon(port: int) -> bool:
    """Whether it answers before long; on a machine that does other things, even short limits take their time."""
    end = time.monotonic() + 20
    while not healthy(port) and time.monotonic() < end:
        time.sleep(0.1)
    return time.monotonic() < end


def test_who_says_nothing_is_not_waited_for(port: int) -> None:
    start = time.monotonic()
    with connect(port) as line:
        assert line.recv(100) == b""
    assert time.monotonic() - start < 5


def test_who_sends_a_byte_now_and_then_is_not_waited_for(port: int) -> None:
    start = time.monotonic()
    with connect(port) as line:
        try:
            for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 500:
                line.sendall(bytes([byte]))
                time.sleep(0.05)
        except OSError:
            pass
        assert drained(line) == b""
    assert time.monotonic() - start < 6


def test_slow_bodies_are_answered_408(port: int) -> None:
    head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    assert b" 408 " in answer(port, head)[:20]
    chunked = head.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked")[:-1] + b"5\r\n{    \r\n"
    assert b" 408 " in answer(port, chunked)[:20]


def test_many_slow_clients_keep_nobody_out(port: int) -> None:
    lines = [connect(port) for _ in range(30)]
    try:
        for line in lines:
            line.sendall(b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9")
        start = time.monotonic()
        assert healthy(port)
        assert time.monotonic() - start < 5
        # Those beyond what is allowed are told so; the slow ones are gone in a moment.
        lines += [connect(port) for _ in range(20)]
        assert healthy_soon(port)
    finally:
        for line in lines:
            line.close()


def test_who_does_not_read_the_answer_holds_nobody(port: int) -> None:
    asked = json.dumps({"text": "red", "k": 10_000}).encode()
    head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    lines = [connect(port) for _ in range(8)]
    try:
        for line in lines:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            for _ in range(50):
                line.sendall(head % len(asked) + asked)
        assert healthy(port)
        time.sleep(1.5)
        assert healthy(port)
    finally:
        for line in lines:
            line.close()


@pytest.mark.parametrize("length", [True, False])
def test_who_sends_too_much_reads_the_refusal(port: int, length: bool) -> None:
    how = b"Content-Length: 60000000" if length else b"Transfer-Encoding: chunked"
    with connect(port) as line:
        line.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + how + b"\r\n\r\n"
        )
        # Far more than sockets hold, all of it sent before the answer is looked at, as simple clients do.
        piece = b"x" * 1_000_000
        for _ in range(60):
            line.sendall(piece if length else b"%x\r\n%s\r\n" % (len(piece), piece))
        line.sendall(b"" if length else b"0\r\n\r\n")
        assert b" 413 " in drained(line)[:20]
    assert healthy(port)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 200_000 + b"\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /v1/items/%ff%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /static/../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /static/..%2f..%2fapp.py HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_or_dropped(port: int, raw: bytes) -> None:
    got = answer(port, raw)
    assert not got or got.split(b" ", 2)[1].startswith((b"4",)), got[:200]
    assert b"root:" not in got and b"create_app" not in got
    assert healthy(port)


def test_a_web_socket_is_refused(port: int) -> None:
    head = b"GET /v1/items HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    got = answer(port, head + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert b" 101 " not in got[:20]
    assert healthy(port)


def test_a_port_that_is_taken_and_an_address_that_is_none(port: int) -> None:
    with pytest.raises(OpenITRError, match=f"port {port} cannot be listened on"):
        listen(Settings(port=port))
    with pytest.raises((InputError, OpenITRError)):
        listen(Settings(host="no.such.host.invalid", port=0))


def command(*words: object, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "openitr", "serve", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("none") / "empty"
    openitr.library.create(place).close()
    return place


def test_the_command_says_where_it_is_and_ends_calmly(empty: Path) -> None:
    process, other = (command(empty, "--port", 0, "--read-only") for _ in range(2))
    try:
        numbers = []
        for one in (process, other):
            assert one.stdout is not None
            address = one.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            numbers.append(int(address.rpartition(":")[2]))
            assert healthy(numbers[-1])
        again = command(empty, "--port", numbers[0])
        _, said = again.communicate(timeout=60)
        assert again.returncode == 1 and "--port" in said and "Traceback" not in said
        process.send_signal(signal.SIGINT)
        other.send_signal(signal.SIGTERM)
        for one in (process, other):
            _, said = one.communicate(timeout=30)
            assert one.returncode == 0 and "Traceback" not in said and "stopped" in said
    finally:
        for one in (process, other):
            one.kill()
            one.communicate()


def test_beyond_this_machine_there_is_always_a_key(empty: Path) -> None:
    process = command(empty, "--host", "0.0.0.0", "--port", 0)
    try:
        assert process.stdout is not None and process.stderr is not None
        number = int(process.stdout.readline().strip().rpartition(":")[2])
        key = process.stderr.readline().strip().rpartition(" ")[2]
        ask = b"GET /v1/collections HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n"
        assert b" 401 " in answer(number, ask % b"")[:20]
        assert b" 200 " in answer(number, ask % f"X-API-Key: {key}\r\n".encode())[:20]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_wrong_calls_end_with_2(empty: Path) -> None:
    from typer.testing import CliRunner

    from openitr.cli.app import app

    for words in (
        [empty, empty],
        [empty, "--no-key", "--api-key", "k"],
        ["http://localhost:8000"],
        [empty, "--port", "-1"],
    ):
        ended = CliRunner().invoke(app, ["serve", *map(str, words)])
        assert ended.exit_code == 2, ended.output


def test_answers_are_sent_without_delay() -> None:
    """asyncio sets TCP_NODELAY only on sockets that are named TCP; without, headers wait 40 ms for an ACK."""

    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen(Settings(port=0))
        async with await asyncio.start_server(met, sock=listener):
            _, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
            try:
                return await found
            finally:
                writer.close()

    assert asyncio.run(accepted()) == 1
