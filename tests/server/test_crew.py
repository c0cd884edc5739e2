"""Searches dealt out to workers: the same answers, whatever happens to who gives them."""

from __future__ import annotations

import base64
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

import openitr.encoders
import openitr.library
from openitr.library import Library
from openitr.server.app import create_app
from openitr.server.crew import Crew, dealing, in_words
from openitr.server.quickening import Quickening
from openitr.server.schemas import SearchRequest
from openitr.server.settings import Settings
from tests.server.conftest import COLOURS
from tests.server.crew_worker import loaded

ROOT = Path(__file__).parents[2]
WORKER = (sys.executable, "-m", "tests.server.crew_worker")
RED = (
    "data:image/png;base64,"
    + base64.b64encode(
        b"\x89PNG\r\n\x1a\n"  # not a whole picture, which is refused by the server itself
    ).decode()
)


@dataclass
class Bed:
    """One collection, served twice: by a server alone, and by one with workers.

    Args:
        library: Of the server with workers.
        folder: The pictures.
        alone, manned: Clients of the two.
        crew: The workers.
    """

    library: Library
    folder: Path
    alone: TestClient
    manned: TestClient
    crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        self.crew = self.manned.app.state.crew  # type: ignore[attr-defined]

    def dealt(self) -> int:
        """Questions dealt out so far."""
        return int(self.number("openitr_dealt_total"))

    def number(self, name: str) -> float:
        """What the server says of itself."""
        found = re.search(rf"^{re.escape(name)} (.+)$", self.manned.get("/metrics").text, re.MULTILINE)
        assert found is not None
        return float(found[1])

    def until_ready(self, count: int = 2) -> None:
        until(lambda: self.crew.ready == count)


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something, not for ever."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    place = tmp_path_factory.mktemp("crew")
    for number, colour in enumerate(COLOURS.values()):
        Image.new("RGB", (40 + number, 30), colour).save(place / f"shot{number}.png")
    (place / "shot2.txt").write_text("a red letter day")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(openitr.encoders, "load", loaded)
        # No machine code, which would take longer to make than all of these questions.
        patch.setattr(Quickening, "wanted", lambda self, index: False)
        patch.setattr("openitr.server.app.Crew", partial(Crew, command=WORKER))
        patch.setattr(dealing, "_PAUSE", 0.1)
        with openitr.library.create(place / "photos") as made:
            made.index(place, kind="hybrid", workers=1)
        settings = [Settings(state_folder=place / f"state{n}", workers=n, show_paths=True) for n in (0, 2)]
        with openitr.library.open(place / "photos") as one, openitr.library.open(place / "photos") as other:
            alone, manned = (
                TestClient(create_app({"photos": library}, what), "http://localhost", follow_redirects=False)
                for library, what in zip((one, other), settings, strict=True)
            )
            with alone, manned:
                bed = Bed(other, place, alone, manned)
                bed.until_ready()
                yield bed


def plain(answer: Any) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but how long it took."""
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    body, found = re.subn(rb'"took_ms":[\d.]+', b'"took_ms":0', answer.content)
    assert found == (answer.status_code == 200)
    return answer.status_code, headers, body


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"text": "red"}, 200),
        ({"text": ["red", {"text": "blue", "weight": 2}], "k": 3, "offset": 1}, 200),
        ({"text": "red", "not": ["blue"]}, 200),
        ({"text": "red", "not": [{"text": "blue", "weight": 2}]}, 200),
        ({"text": "red but no blue"}, 200),
        ({"text": "red", "where": ["width>=42"], "sort": "date"}, 200),
        ({"text": "red", "where": {"width": {"lte": 41}}, "why": False}, 200),
        ({"text": "red", "kind": "lexicon"}, 200),
        ({"text": "red", "kind": "hybrid", "items": True}, 200),
        ({"text": "red", "collection": "photos", "run": "colour", "diverse": 0.8}, 200),
        ({"text": "red", "where": ["name=nothing"]}, 200),
        ({"text": "r\u00e9d \U0001f600 \\ \""}, 200),
        ({"text": "red", "strength": 2}, 422),
        ({"text": "   "}, 422),
        ({"text": []}, 422),
        ({"text": "red", "where": ["nope=1"]}, 422),
        ({"text": "red", "run": "nope"}, 422),
        ({"text": "red", "kind": "late"}, 422),
        ({"text": "boom"}, 500),
    ],
)  # fmt: skip
def test_the_answers_are_those_of_a_server_alone(bed: Bed, asked: dict[str, Any], status: int) -> None:
    before = bed.dealt()
    ours, theirs = (client.post("/v1/search", json=asked) for client in (bed.manned, bed.alone))
    assert ours.status_code == status, ours.text
    assert plain(ours) == plain(theirs)
    assert bed.dealt() == before + 1


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"image": 1}, 200),
        ({"image": RED}, 422),
        ({"text": "red", "image": 1}, 200),
        ({"text": "red", "not": [{"image": 1}]}, 200),
        ({"text": "red", "not": {"image": 1}}, 200),
        ({"image": 1, "but": "blue"}, 200),
        ({"text": "red", "but": "blue"}, 422),
        ({"image": 1, "but": "blue", "composer": "pdv"}, 200),
        ({"text": "red", "rerank": "logic"}, 200),
        ({"text": "red", "collection": "nope"}, 404),
        ({"text": "red", "colour": 1}, 422),
        ({"not": ["red"]}, 422),
        ({}, 422),
        ([], 422),
    ],
)
def test_everything_else_is_answered_by_the_server_itself(bed: Bed, asked: Any, status: int) -> None:
    before = bed.dealt()
    ours, theirs = (client.post("/v1/search", json=asked) for client in (bed.manned, bed.alone))
    assert ours.status_code == status, ours.text
    assert plain(ours) == plain(theirs)
    assert bed.dealt() == before


def test_requests_that_only_look_like_one_are_answered_by_the_server_itself(bed: Bed) -> None:
    before = bed.dealt()
    for path, body, kind in (
        ("/v1/search", b"{", "application/json"),
        ("/v1/search", b"", "application/json"),
        ("/v1/search", b"\xff\xfe", "application/json"),
        ("/v1/search", b'{"text": "red"}', "text/plain"),
        ("/v1/search", b'{"text": "red"}', ""),
        ("/v1/search?k=3", b'{"text": "red"}', "application/json"),
        ("/v1/search/", b'{"text": "red"}', "application/json"),
    ):
        headers = {"content-type": kind} if kind else {}
        ours, theirs = (c.post(path, content=body, headers=headers) for c in (bed.manned, bed.alone))
        assert ours.status_code >= 300 and plain(ours) == plain(theirs)
    assert bed.manned.get("/v1/search").status_code == 405
    assert bed.dealt() == before
    json = {"content-type": "Application/JSON; charset=utf-8"}
    assert bed.manned.post("/v1/search", content=b'{"text": "red"}', headers=json).status_code == 200
    assert bed.dealt() == before + 1


def test_dealt_answers_are_counted_as_the_others(bed: Bed) -> None:
    name = 'openitr_requests_total{method="POST",route="/v1/search",status="200"}'
    bed.manned.post("/v1/search", json={"image": 1})
    before = bed.number(name)
    for asked in ({"image": 1}, {"text": "red"}):
        bed.manned.post("/v1/search", json=asked)
    assert bed.number(name) == before + 2


def test_neither_forms_nor_large_questions_nor_other_routes_are_dealt_out(bed: Bed) -> None:
    before = bed.dealt()
    assert bed.manned.post("/v1/search", data={"query": '{"text": "red"}'}, files={}).status_code == 415
    form = {"query": (None, '{"text": "red"}')}
    assert bed.manned.post("/v1/search", files=form).status_code == 200
    large = {"text": "red", "where": {"name": {"in": ["x" * 1000] * 400}}}
    assert bed.manned.post("/v1/search", json=large).status_code == 200
    assert bed.manned.post("/v1/chat", json={"say": "red"}).status_code == 200
    assert bed.manned.post("/v1/embed", json={"texts": ["red"]}).status_code == 200
    assert bed.manned.get("/v1/items").status_code == 200
    assert bed.dealt() == before


def test_all_at_once(bed: Bed) -> None:
    words = [f"{one} {other}" for one in ("red", "green", "blue", "dark") for other in ("red", "green", "odd")]
    expected = {word: plain(bed.alone.post("/v1/search", json={"text": word})) for word in words}
    found: list[tuple[str, Any]] = []

    def ask(mine: list[str]) -> None:
        for word in mine:
            found.append((word, plain(bed.manned.post("/v1/search", json={"text": word}))))

    crowd = [threading.Thread(target=ask, args=(words[n:] + words[:n],)) for n in range(8)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(found) == 8 * len(words) and all(answer == expected[word] for word, answer in found)


def test_took_ms_is_within_what_the_client_waited(bed: Bed) -> None:
    begun = time.perf_counter()
    took = bed.manned.post("/v1/search", json={"text": "red"}).json()["took_ms"]
    assert 0 < took < 1000 * (time.perf_counter() - begun)


def test_changes_are_seen_at_the_next_question(bed: Bed) -> None:
    def hits() -> set[str]:
        before = bed.dealt()
        # One after another goes to the same worker as long as none is busy; each is to see it.
        found = [bed.manned.post("/v1/search", json={"text": "red", "kind": "hybrid"}).json() for _ in range(2)]
        assert bed.dealt() == before + 2
        assert found[0]["hits"] == found[1]["hits"]
        return {hit["name"] for hit in found[0]["hits"]}

    names = hits()
    assert "shot0.png" in names
    ids = {hit["name"]: hit["id"] for hit in bed.manned.post("/v1/search", json={"text": "red"}).json()["hits"]}
    assert bed.manned.post("/v1/items/remove", json={"ids": [ids["shot0.png"]]}).json()["removed"] == 1
    assert hits() == names - {"shot0.png"}
    Image.new("RGB", (50, 30), (200, 10, 10)).save(bed.folder / "later.png")
    bed.library.index(bed.folder, workers=1, restore=True)
    assert hits() == names | {"later.png"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_no_question_is_lost_with_a_worker(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    expected = plain(bed.alone.post("/v1/search", json={"text": "red"}))
    found: list[Any] = []
    over = threading.Event()
    restarts = bed.number("openitr_worker_restarts_total")

    def ask() -> None:
        while not over.is_set():
            found.append(plain(bed.manned.post("/v1/search", json={"text": "red"})))

    crowd = [threading.Thread(target=ask) for _ in range(6)]
    for one in crowd:
        one.start()
    try:
        until(lambda: len(found) > 12)
        for member in list(bed.crew.members):
            # With questions under way: it holds still first, so that it cannot answer them.
            os.kill(member.pid, signal.SIGSTOP)
            until(lambda member=member: len(member) > 0)  # type: ignore[misc]
            os.kill(member.pid, signal.SIGKILL)
            until(lambda member=member: not member.ready and not len(member))  # type: ignore[misc]
        count = len(found)
        until(lambda: len(found) > count + 12)
    finally:
        over.set()
        for one in crowd:
            one.join()
    assert all(answer == expected for answer in found)
    assert caplog.text.count("was ended by SIGKILL; the next start is in") == 2
    bed.until_ready()
    assert bed.number("openitr_worker_restarts_total") == restarts + 2
    assert bed.manned.get("/healthz").status_code == 200


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signal here")
def test_a_worker_that_hangs_is_ended_and_its_question_answered(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    bed.until_ready()
    monkeypatch.setattr(bed.crew, "patience", 0.4)
    for member in bed.crew.members:
        os.kill(member.pid, signal.SIGSTOP)
    before = bed.dealt()
    assert plain(bed.manned.post("/v1/search", json={"text": "red"})) == plain(
        bed.alone.post("/v1/search", json={"text": "red"})
    )
    assert bed.dealt() == before + 1
    # One of them was asked and is gone; the other only slept.
    until(lambda: len(bed.crew.members) == 1)
    for member in bed.crew.members:
        os.kill(member.pid, signal.SIGCONT)


@pytest.mark.parametrize("place", ["text", "image", "not", "but", "composer", "rerank"])
def test_what_is_in_words(place: str) -> None:
    base = {"text": "red", "k": 3, "kind": "hybrid", "not": ["blue", {"text": "green"}], "where": ["width>=1"]}
    assert in_words(SearchRequest.model_validate(base))
    other = {"text": None, "image": 3, "not": ["blue", {"image": 3}], "but": "x", "composer": "x", "rerank": "x"}
    assert not in_words(SearchRequest.model_validate(base | {place: other[place]}))
