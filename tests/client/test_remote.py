"""Opening by address, what only the server can do, jobs that are waited for, and the command line on a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import StreamingResponse
from typer.testing import CliRunner

import openitr
import openitr.encoders
from openitr.cli.app import app as command
from openitr.client import Client, RemoteJob, RemoteLibrary, jobs
from openitr.collection import IngestReport, Progress
from openitr.errors import InputError, NoSuchCollection, OpenITRError, ServerError
from openitr.library import Library
from openitr.server import Settings, create_app
from openitr.types import Item
from tests.client.conftest import KEY, Pair
from tests.collection.fakes import ColourEncoder, paint_many
from tests.server.jobs_bed import SLOW, album

Serve = Callable[[FastAPI], str]


def test_opened_by_address(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENITR_API_KEY", KEY)
    for address, name in (("", "photos"), ("/", "photos"), ("/photos", "photos"), ("/the%20same", "the same")):
        with openitr.open(pair.address + address) as library:
            assert isinstance(library, RemoteLibrary) and isinstance(library, Library)
            assert library.name == name and len(library) == 30
            assert repr(library) == f"RemoteLibrary({pair.address!r}, {name!r})"
    with openitr.library.create(pair.address) as library:
        assert len(library) == 30
    with pytest.raises(NoSuchCollection, match="photos, the same"):
        openitr.open(pair.address + "/nobody")
    with Client(pair.address, "wrong") as client:
        assert client.health()["status"] == "ok"
        with pytest.raises(ServerError, match="asks for a key"):
            client.collections()


def test_what_is_only_there(pair: Pair, tmp_path: Path) -> None:
    library, item = pair.remote, pair.remote.item(1)
    tries: list[Callable[[], Any]] = [
        lambda: library.path,
        lambda: library.collection,
        lambda: library.file(item),
        lambda: library.export(tmp_path / "out"),
        lambda: library.verify(),
        lambda: library.encoder(),
        lambda: library.pipeline(library.query("x")),
        lambda: library.search("x", model="conse"),
        lambda: library.duplicates(run="x"),
        lambda: library.index("x", workers=2),
        lambda: library.reindex("x", name="y"),
    ]
    for ask in tries:
        with pytest.raises(InputError):
            ask()
    assert not hasattr(library, "nonsense")
    assert list(tmp_path.iterdir()) == []


def test_a_server_as_a_whole(pair: Pair) -> None:
    client = pair.client
    assert [one["name"] for one in client.collections()] == ["photos", "the same"]
    assert "default" in [model["name"] for model in client.models()]
    assert client.jobs() == []
    with pytest.raises(InputError, match="no job"):
        client.job("none")
    with pytest.raises(InputError):
        client.job("../../healthz")
    with pytest.raises(InputError, match="texts or of pictures"):
        client.embed()
    assert {field["name"] for field in pair.remote.fields()} >= {"tags", "stars", "width"}
    facts = pair.remote.info()
    assert facts["items"] == 30 and str(pair.base) not in json.dumps(facts)


def test_the_command_line_on_a_server(pair: Pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENITR_API_KEY", KEY)
    here, there = (
        CliRunner().invoke(command, ["search", place, "two", "dogs", "-k", "5", "--json"])
        for place in (str(pair.base / "photos"), pair.address)
    )
    assert (here.exit_code, there.exit_code) == (0, 0), there.output
    ids = [[hit["id"] for hit in json.loads(said.stdout)["hits"]] for said in (here, there)]
    assert ids[0] == ids[1] and len(ids[0]) == 5
    sheet = tmp_path / "sheet.html"
    said = CliRunner().invoke(command, ["search", pair.address, "dogs", "--sheet", str(sheet)])
    assert said.exit_code == 0, said.output
    assert sheet.read_text().count("data:image/") >= 5
    assert CliRunner().invoke(command, ["duplicates", pair.address]).exit_code == 0
    wrong = CliRunner().invoke(command, ["verify", pair.address])
    assert wrong.exit_code == 2 and "is on the server" in wrong.output.replace("\n", " ")


@pytest.fixture
def house(tmp_path: Path, served: Serve, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteLibrary]:
    """A server with six pictures that may index more."""
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
    monkeypatch.setenv("OPENITR_TEST_DELAY", "0.004")
    with album(tmp_path) as library:
        app = create_app({"album": library}, Settings(state_folder=tmp_path / "state", allow_folders=[tmp_path]))
        app.state.jobs.command = SLOW
        with Client(served(app)) as client:
            yield client.library()


def test_index_remove_and_restore(house: RemoteLibrary, tmp_path: Path) -> None:
    paint_many(tmp_path / "more", 150, 1000)
    steps: list[Progress] = []
    report = house.index(tmp_path / "more", on_progress=steps.append)
    assert isinstance(report, IngestReport) and (report.added, report.skipped) == (150, 0)
    assert report.seconds > 0 and report.images_per_second > 0
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert isinstance(steps[-1], Progress) and (steps[-1].done, steps[-1].committed) == (150, 156)
    assert len(house) == 156
    gone = house.select(where=["folder=part1"])[:3]
    assert house.remove(gone) == 3 and house.remove([]) == 0 and len(house) == 153
    with pytest.raises(InputError, match=f"no picture {gone[0]}"):
        house.item(gone[0])
    assert house.index(tmp_path / "more").added == 0
    # Some of them came from the first folder; those that were asked for come back.
    assert house.index(tmp_path / "more", restore=True).added + len(house) >= 153
    with pytest.raises(OpenITRError, match="no folder here"):
        house.index(tmp_path / "none")
    with pytest.raises(ServerError, match="--allow-folder"):
        house.index("/etc")


def test_a_job_that_fails_or_is_cancelled_raises(house: RemoteLibrary, tmp_path: Path) -> None:
    queue = house.client
    paint_many(tmp_path / "many", 120, 1000)
    first = queue.start("index", folder=tmp_path / "many")
    second = queue.start("index", folder=tmp_path / "many")
    assert second.cancel().state == "cancelled"
    with pytest.raises(OpenITRError, match="was cancelled"):
        second.wait()
    assert first.wait()["added"] == 120 and first.over
    assert [job.id for job in queue.jobs()] == [second.id, first.id]
    assert queue.job(first.id).refresh().document == first.document
    failed = RemoteJob(queue.transport, {**first.document, "state": "failed", "error": "out of luck (try again)"})
    failed.events = lambda: iter([failed.document])  # type: ignore[method-assign]
    with pytest.raises(OpenITRError, match="out of luck"):
        failed.wait()


class Flaky:
    """Sends a job's events in pieces: each connection breaks after its own piece."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = iter(pieces)
        self.seen: list[str] = []
        self.app = FastAPI()
        self.app.add_api_route("/v1/jobs/{id}/events", self.events, response_model=None)

    async def events(self, request: Request) -> StreamingResponse:
        self.seen.append(request.headers.get("last-event-id", ""))
        return StreamingResponse(iter([next(self.pieces)]), media_type="text/event-stream")


def job(state: str, done: int) -> dict[str, Any]:
    progress = {"done": done, "total": 9, "line": f"{done} of 9"}
    return {"id": "j", "state": state, "progress": progress, "result": {"added": 9}, "error": None}


def event(number: int, state: str, done: int) -> bytes:
    return f"id: {number}\nevent: x\ndata: {json.dumps(job(state, done))}\n\n".encode()


def test_a_broken_connection_is_taken_up_where_it_was(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_PAUSE", 0.0)
    flaky = Flaky(
        b": hello\n\n" + event(1, "running", 1) + event(2, "running", 4)[:-9],
        b"",
        event(3, "running", 5) + b": alive\n\nretry: 1\n\n",
        event(4, "done", 9) + event(5, "running", 0),
    )
    with Client(served(flaky.app)) as client:
        told: list[int] = []
        done = RemoteJob(client.transport, job("queued", 0)).wait(lambda progress: told.append(progress["done"]))
    assert done == {"added": 9} and told == [1, 5, 9]
    assert flaky.seen == ["", "1", "1", "3"]


def test_events_that_are_none(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(app: FastAPI) -> None:
        with Client(served(app)) as client:
            RemoteJob(client.transport, job("queued", 0)).wait()

    with pytest.raises(ServerError, match="cannot be understood"):
        wait(Flaky(b"data: {}\n\n").app)
    with pytest.raises(ServerError, match="cannot be understood"):
        wait(Flaky(b"data: no json\n\n").app)
    with pytest.raises(InputError):
        wait(FastAPI())
    monkeypatch.setattr(jobs, "_MAX_EVENT", 1000)
    with pytest.raises(ServerError, match="does not end"):
        wait(Flaky(b"data: " + b"x" * 2000 + b"\n").app)


def test_a_server_that_stays_away(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_PAUSE", 0.01)
    monkeypatch.setattr(jobs, "_PATIENCE", 0.1)
    with Client("http://127.0.0.1:9", retries=0) as client, pytest.raises(ServerError, match="does not answer"):
        RemoteJob(client.transport, job("queued", 0)).wait()


def test_items_of_short_answers() -> None:
    from openitr.client.reading import item_of

    short = {"id": 1, "root": 2, "path": "a/b.jpg", "width": 3, "height": 4, "taken_at": "2024-05-01T10:00:00"}
    assert item_of(short) == Item(1, 2, "a/b.jpg", "", 0, 0, 3, 4, "", facts={"taken_at": "2024-05-01T10:00:00"})
    assert item_of({**short, "mtime": "1970-01-01T00:00:02+00:00"}).mtime_ns == 2 * 10**9
