"""Malformed requests, broken uploads and many clients at once against the real server; a sample here, all in soak."""

from __future__ import annotations

import asyncio
import itertools
import re
import select
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.serving import Load, load, serving
from tests.media.mutants import mutants
from tests.media.samples import family
from tests.server.malformed import malformed


@pytest.fixture(scope="module")
def real(painted_default: Path) -> Iterator[tuple[int, int]]:
    """A server in a process of its own, with the default model; its port and process."""
    with serving(painted_default, "--read-only") as found:
        yield found


@pytest.fixture(scope="module")
def painted_default(painted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The painted pictures under the default model."""
    place = tmp_path_factory.mktemp("default") / "photos"
    command = [sys.executable, "-m", "openitr", "index", str(painted / "pictures"), "--into", str(place), "-q"]
    subprocess.run(command, check=True, timeout=120)
    return place


def ask(port: int, raw: bytes) -> bytes:
    """What comes back within a moment; a request without end is given up."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        try:
            line.sendall(raw)
            while select.select([line], [], [], 0.25 if not got else 5)[0] and (piece := line.recv(65536)):
                got += piece
        except OSError:
            pass
    return got


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return int(found[1]) if found else 0


def healthy(port: int) -> bool:
    raw = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(raw)
        return b" 200 " in line.recv(100)


def throw(port: int, seeds: range) -> Counter[int]:
    """Send malformed requests; statuses with their counts, 0 for a connection that was dropped or kept waiting."""
    found: Counter[int] = Counter()
    for seed in seeds:
        answer = ask(port, malformed(seed))
        found[status(answer)] += 1
        assert status(answer) not in (500, 501, 502), (seed, malformed(seed)[:300], answer[:300])
        assert b"Traceback" not in answer
    return found


def upload(port: int, count: int, seed: int) -> Counter[int]:
    """Send damaged pictures as query pictures."""
    found: Counter[int] = Counter()
    for name, data in mutants(family(), count, seed):
        parts = b'--x\r\nContent-Disposition: form-data; name="image"; filename="' + name.encode() + b'"\r\n'
        body = parts + b"Content-Type: image/png\r\n\r\n" + data + b"\r\n--x--\r\n"
        head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n" % len(body)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
            line.sendall(head + body)
            answer = b""
            while piece := line.recv(65536):
                answer += piece
        assert status(answer) in (200, 400, 422), (name, answer[:400])
        found[status(answer)] += 1
    return found


def crowd(port: int, pid: int, clients: int, seconds: float) -> Load:
    """Many clients ask for different things at once."""
    questions = (f"a red disc number {n}" for n in itertools.count())
    return asyncio.run(load(port, pid, questions, clients=clients, seconds=seconds))


def test_a_sample_of_bad_requests_and_uploads_leaves_the_server_answering(real: tuple[int, int]) -> None:
    port, _ = real
    found = throw(port, range(60))
    assert found[422] + found[400] + found[404] > 15
    uploads = upload(port, 24, seed=1)
    assert uploads[422] > 5
    assert healthy(port)


def test_a_crowd_for_a_moment(real: tuple[int, int]) -> None:
    pytest.importorskip("psutil")
    port, pid = real
    found = crowd(port, pid, clients=24, seconds=2)
    assert found.errors == 0 and len(found.times) >= 24 and healthy(port)


@pytest.mark.slow
def test_two_thousand_malformed_requests(real: tuple[int, int]) -> None:
    port, _ = real
    found = throw(port, range(1000, 3000))
    assert sum(found.values()) == 2000 and {400, 404, 405, 422} <= set(found)
    assert healthy(port)


@pytest.mark.slow
def test_five_hundred_broken_uploads(real: tuple[int, int]) -> None:
    port, _ = real
    found = upload(port, 500, seed=2)
    assert sum(found.values()) == 500 and found[422] > 100
    assert healthy(port)


@pytest.mark.slow
def test_sixty_four_clients_for_a_minute(real: tuple[int, int]) -> None:
    pytest.importorskip("psutil")
    port, pid = real
    alone = crowd(port, pid, clients=1, seconds=10)
    found = crowd(port, pid, clients=64, seconds=60)
    assert found.errors == 0 and healthy(port)
    # Rates are those of the machine and of what else it does: `python -m bench serving` measures them. What company
    # saves, the work of an answer, is the server's own; half of it on these short texts, and a quarter is asked for.
    each, each_alone = found.processor / len(found.times), alone.processor / len(alone.times)
    assert each < 0.75 * each_alone
    assert found.rate > alone.rate
