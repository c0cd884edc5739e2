"""Jobs over HTTP: asking, watching live, cancelling; what clients may name and what they never learn."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import openitr.encoders
from openitr.library import Library
from openitr.server import Settings, create_app
from openitr.server.jobs import events
from tests.client.conftest import serving
from tests.collection.fakes import ColourEncoder, paint_many
from tests.server.jobs_bed import SLOW, album


class House:
    """A server of one collection whose worker is as slow as ``OPENITR_TEST_DELAY`` says."""

    def __init__(self, base: Path, library: Library, app: FastAPI, http: httpx.Client) -> None:
        self.base, self.library, self.app, self.http = base, library, app, http

    def submit(self, **body: Any) -> dict[str, Any]:
        answer = self.http.post("/v1/jobs", json=body)
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
        return job

    def listen(self, id: str, seen: str = "") -> Iterator[tuple[str, str, Any]]:
        """Events as id, name and job."""
        headers = {"Last-Event-ID": seen} if seen else {}
        with self.http.stream("GET", f"/v1/jobs/{id}/events", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield from blocks(answer.iter_lines())

    def over(self, id: str) -> dict[str, Any]:
        *_, (_, name, job) = self.listen(id)
        assert name == "done"
        return dict(job)

    def folder(self, name: str, pictures: int, first: int = 1000) -> str:
        paint_many(self.base / "allowed" / name, pictures, first)
        return str(self.base / "allowed" / name)


def blocks(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    """Server-sent events as the standard reads them; comments and the retry time are no events."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}
        else:
            fields = {}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("OPENITR_TEST_DELAY", "0")
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
    (tmp_path / "allowed").mkdir()
    settings = Settings(state_folder=tmp_path / "state", allow_folders=[tmp_path / "allowed"])
    with album(tmp_path) as library:
        app = create_app({"album": library}, settings)
        app.state.jobs.command = SLOW
        with serving(app) as address, httpx.Client(base_url=address, timeout=30) as http:
            yield House(tmp_path, library, app, http)


def test_index_watch_and_search_without_a_restart(house: House) -> None:
    job = house.submit(kind="index", folder=house.folder("more", 5))
    assert (job["kind"], job["collection"], job["state"]) == ("index", "album", "queued")
    assert job["progress"] == {"done": 0, "total": 0, "line": ""}
    seen = list(house.listen(job["id"]))
    assert [name for _, name, _ in seen][-1] == "done" and {name for _, name, _ in seen[:-1]} <= {"progress"}
    numbers = [int(number) for number, _, _ in seen]
    assert numbers == sorted(set(numbers))
    over = seen[-1][2]
    assert over["state"] == "done" and over["result"]["added"] == 5 and over["progress"]["done"] == 5
    assert over["created"] <= over["started"] <= over["finished"]
    assert house.http.get(f"/v1/jobs/{job['id']}").json() == over
    assert [j["id"] for j in house.http.get("/v1/jobs").json()["jobs"]] == [job["id"]]
    # Whoever comes back after the end is told the end, not left waiting.
    ((number, name, again),) = house.listen(job["id"], seen[-1][0])
    assert (number, name, again) == (seen[-1][0], "done", over)
    newest = house.http.get("/v1/items?sort=added").json()
    assert newest["total"] == 11 and newest["items"][0]["path"].startswith("part")
    found = house.http.post("/v1/search", json={"text": "picture", "k": 20}).json()
    assert found["total"] == 11 and len(found["hits"]) == 11
    assert house.http.get("/healthz").json()["pictures"] == 11


def test_coming_back_with_the_last_event(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENITR_TEST_DELAY", "0.02")
    monkeypatch.setattr(events, "KEEP_ALIVE", 0.3)
    job = house.submit(kind="index", folder=house.folder("many", 100))
    listening = house.listen(job["id"])
    while (event := next(listening))[2]["state"] != "running":
        pass
    listening.close()
    # The state it knows is not sent again; meanwhile there are signs of life.
    alive = 0
    with house.http.stream("GET", f"/v1/jobs/{job['id']}/events", headers={"Last-Event-ID": event[0]}) as answer:
        lines = answer.iter_lines()
        for line in lines:
            alive += line.startswith(":")
            if line.startswith("id: "):
                assert int(line[4:]) > int(event[0])
                break
    assert alive >= 1
    assert house.over(job["id"])["state"] == "done"


def test_listeners_that_are_gone_cost_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENITR_TEST_DELAY", "0.01")
    job = house.submit(kind="index", folder=house.folder("many", 60))
    host, port = house.http.base_url.host, house.http.base_url.port
    mute = []
    for _ in range(20):
        # They ask, never read, and then go without a word.
        one = socket.create_connection((host, port or 80))
        one.sendall(f"GET /v1/jobs/{job['id']}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        mute.append(one)
    assert house.over(job["id"])["state"] == "done"
    for one in mute:
        one.close()
    end = time.monotonic() + 10
    while house.app.state.listeners.now and time.monotonic() < end:
        time.sleep(0.05)
    assert house.app.state.listeners.now == 0
    assert not house.app.state.jobs._listeners
    house.app.state.listeners.most = 0
    answer = house.http.get(f"/v1/jobs/{job['id']}/events")
    assert answer.status_code == 503 and answer.headers["retry-after"]


def test_cancelling(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENITR_TEST_DELAY", "0.05")
    job = house.submit(kind="index", folder=house.folder("many", 100))
    next(event for event in house.listen(job["id"]) if event[2]["state"] == "running")
    assert house.http.delete(f"/v1/jobs/{job['id']}").status_code == 200
    over = house.over(job["id"])
    assert (over["state"], over["result"], over["error"]) == ("cancelled", None, None)
    assert [p for p in house.library.verify() if p.level == "error"] == []
    assert house.http.delete(f"/v1/jobs/{job['id']}").json()["state"] == "cancelled"


def test_eval_and_reindex(house: House) -> None:
    from openitr.datasets import read

    folder = Path(house.folder("pairs", 6))
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        path.with_suffix(".txt").write_text(f"picture of number {number}\n")
    assert len(read(folder)) == 6
    answer = house.http.post("/v1/eval", json={"data": "pairs", "lang": "und"})
    assert answer.status_code == 202, answer.text
    over = house.over(answer.json()["id"])
    assert over["state"] == "done", over["error"]
    assert set(over["result"]) >= {"t2i", "i2t", "RSUM", "protocol"}
    assert str(house.base) not in json.dumps(over)
    # A run's own spec is a model a client may name; the same one again has nothing to build.
    job = house.submit(kind="reindex", model="colour-0", collection="album")
    assert house.over(job["id"])["state"] in ("done", "failed")


def test_folders_outside_are_refused_whatever_is_there(house: House) -> None:
    base = house.base
    secret = base / "secret"
    paint_many(secret, 2)
    (base / "allowed" / "way-out").symlink_to(secret)
    (base / "allowed" / "file.txt").write_text("no folder")
    outside = [
        str(secret),
        str(base / "nothing-there"),
        str(base / "allowed" / ".." / "secret"),
        str(base / "allowed" / "way-out"),
        "way-out",
        "../secret",
        "/",
        "/etc",
        "~",
        str(base / "allowed-too"),
    ]
    for folder in outside:
        answer = house.http.post("/v1/jobs", json={"kind": "index", "folder": folder})
        inside_of_nothing = folder == "~"
        assert answer.status_code == (422 if inside_of_nothing else 403), (folder, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "--allow-folder" in answer.text or inside_of_nothing
    said = [
        house.http.post("/v1/jobs", json={"kind": "index", "folder": f}).text.replace(f, "X")
        for f in (str(secret), str(base / "nothing-there"))
    ]
    assert said[0] == said[1]
    for call in ({"kind": "eval", "data": str(secret)}, {"kind": "reindex", "model": str(secret)}):
        assert house.http.post("/v1/jobs", json=call).status_code == 403
    for model in ("transformers:openai/clip-vit-base-patch32", "open_clip:ViT-B-32/laion400m_e31"):
        assert house.http.post("/v1/jobs", json={"kind": "reindex", "model": model}).status_code == 403
    for folder in (str(base / "allowed" / "file.txt"), str(base / "allowed" / "none"), "a\0b", " "):
        assert house.http.post("/v1/jobs", json={"kind": "index", "folder": folder}).status_code == 422
    # Inside: an allowed folder, one below a known root, a link that leads from one to the other.
    (base / "allowed" / "way-in").symlink_to(base / "pictures-album")
    for folder in (str(base / "pictures-album" / "part1"), str(base / "allowed" / "way-in"), "way-in"):
        job = house.submit(kind="index", folder=folder)
        assert house.over(job["id"])["result"]["added"] == 0
    assert house.http.get("/v1/jobs").text.count(str(base)) == 0


SENSELESS = [
    (b"{", 400),
    (b"[]", 422),
    (b"{}", 422),
    (b'{"kind": "delete"}', 422),
    (b'{"kind": "index", "root": "1; drop table jobs"}', 422),
    (b'{"kind": "index", "root": 99}', 422),
    (b'{"kind": "index", "root": 99999999999999999999}', 422),
    (b'{"kind": "index", "root": 1, "folder": "x"}', 422),
    (b'{"kind": "index", "surprise": 1}', 422),
    (b'{"kind": "index", "collection": "nobody"}', 404),
    (b'{"kind": "reindex"}', 422),
    (b'{"kind": "reindex", "model": "nonsense"}', 422),
    (b'{"kind": "eval", "data": ""}', 422),
]


def test_senseless_requests(house: House) -> None:
    for body, status in SENSELESS:
        answer = house.http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, (body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert house.http.get("/v1/jobs").json() == {"jobs": []}


def test_jobs_that_are_not_there(house: House) -> None:
    for id in ("0", "none", "..%2F..", "%00", "x" * 300):
        for method in ("GET", "DELETE"):
            assert house.http.request(method, f"/v1/jobs/{id}").status_code in (404, 422), id
        assert house.http.get(f"/v1/jobs/{id}/events").status_code in (404, 422), id
    for seen in ("hm", "-1", "9" * 64, "\xb2"):
        headers = {"Last-Event-ID": seen.encode("latin-1")}
        assert house.http.get("/v1/jobs/none/events", headers=headers).status_code == 404
    for limit in ("0", "1001", "x"):
        assert house.http.get(f"/v1/jobs?limit={limit}").status_code == 422


def test_a_read_only_server_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
    with album(tmp_path) as library:
        settings = Settings(state_folder=tmp_path / "state", read_only=True, allow_folders=[tmp_path])
        with serving(create_app({"album": library}, settings)) as address, httpx.Client(base_url=address) as http:
            for body in ({"kind": "index"}, {"kind": "reindex", "model": "conse"}, {"kind": "eval", "data": "."}):
                assert http.post("/v1/jobs", json=body).status_code == 403
            assert http.post("/v1/eval", json={"data": "."}).status_code == 403
            assert http.get("/v1/jobs").json() == {"jobs": []}


def test_stopping_does_not_wait_for_listeners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENITR_TEST_DELAY", "0.05")
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
    paint_many(tmp_path / "many", 200, 1000)
    with album(tmp_path) as library, httpx.Client(timeout=30) as http:
        app = create_app({"album": library}, Settings(state_folder=tmp_path / "state", allow_folders=[tmp_path]))
        app.state.jobs.command = SLOW
        with serving(app) as address, contextlib.ExitStack() as stack:
            made = http.post(f"{address}/v1/jobs", json={"kind": "index", "folder": str(tmp_path / "many")}).json()
            answer = stack.enter_context(http.stream("GET", f"{address}/v1/jobs/{made['id']}/events"))
            next(event for event in blocks(answer.iter_lines()) if event[2]["state"] == "running")
            stack.pop_all()
            start = time.monotonic()
        # Two seconds for connections, then the worker's own moments.
        assert time.monotonic() - start < 10
        answer.close()
        # The queue can be asked after the end; the job waits for the next start.
        assert app.state.jobs.get(made["id"]).state == "queued"
        app.state.jobs.store.close()
