"""Runs of other kinds begun over HTTP, and asked at once: index and reindex with ``vectors``, as ``--kind`` does it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

import openitr.encoders
import openitr.library
from openitr.client import Client
from openitr.collection.kept import KeptIndex
from openitr.errors import InputError, MissingExtra, OpenITRError, QueryError, ServerError
from openitr.server import Settings, create_app
from openitr.server.quickening import Quickening
from tests.client.conftest import serving
from tests.search import fakes
from tests.server.conftest import COLOURS

WORKER = (sys.executable, "-m", "tests.server.kinds_worker")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A server of a dense collection; what jobs load are the fakes as well."""
    (tmp_path / "pictures").mkdir()
    for number, colour in enumerate(COLOURS.values()):
        Image.new("RGB", (40, 30), colour).save(tmp_path / "pictures" / f"shot{number}.png")
    monkeypatch.setattr(openitr.encoders, "load", fakes.loaded)
    with openitr.library.create(tmp_path / "photos") as library:
        library.index(tmp_path / "pictures", workers=1)
        app = create_app({"photos": library}, Settings(state_folder=tmp_path / "state"))
        app.state.jobs.command = WORKER
        with serving(app) as address, Client(address) as client:
            yield client


def done(client: Client, **job: Any) -> dict[str, Any]:
    started = client.start(job.pop("kind"), **job)
    return dict(started.wait())


def test_runs_of_every_kind_are_begun_and_answer_without_a_restart(client: Client) -> None:
    library = client.library()
    with pytest.raises((QueryError, InputError, ServerError), match="no lexicon run"):
        library.search("red", kind="lexicon")
    report = library.reindex(kind="late")
    assert report.updated == len(COLOURS)
    done(client, kind="index", vectors="hybrid", root=1)
    assert {run["kind"] for run in library.info()["runs"]} == {"dense", "lexicon", "late"}
    for run in library.info()["runs"]:
        assert len(library.more_like(1, run=run["name"])) == len(COLOURS) - 1, run["kind"]
    for kind in ("lexicon", "late", "hybrid", "dense"):
        hits = library.search("red", kind=kind)
        assert hits[0].item.name == "shot0.png" and len(hits) == len(COLOURS), kind
        assert ("fuse" in [why.stage for why in hits[0].why]) == (kind == "hybrid")


def test_a_model_is_named_or_a_kind_or_neither_makes_sense(client: Client) -> None:
    assert done(client, kind="reindex", model="lexicon", vectors="lexicon")["updated"] == len(COLOURS)
    with pytest.raises(OpenITRError, match="makes dense embeddings, not late"):
        done(client, kind="reindex", model="conse", vectors="late")
    http = httpx.Client(base_url=client.transport.url)
    for body, status, said in (
        ({"kind": "reindex"}, 422, "one model builds one run"),
        ({"kind": "reindex", "vectors": "hybrid"}, 422, "vectors"),
        ({"kind": "index", "vectors": "sparse"}, 422, "vectors"),
        ({"kind": "index", "vectors": "hybrid", "model": "default"}, 422, "hybrid takes a model for each"),
        ({"kind": "index", "model": "/etc"}, 403, "outside"),
        ({"kind": "index", "model": "open_clip:ViT-B-32"}, 403, "not loaded for a client"),
    ):
        got = http.post("/v1/jobs", json=body)
        assert got.status_code == status and said in got.text, got.text
    http.close()


def test_machine_code_is_made_once_and_nobody_waits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    library, made, may_end = client.library(), [], threading.Event()

    def compile(index: KeptIndex) -> None:
        made.append(index)
        assert may_end.wait(30)
        index.compiled = True

    monkeypatch.setattr(KeptIndex, "compile", compile)
    library.reindex(kind="lexicon")
    # The compiler has not ended, and yet there are answers.
    for _ in range(3):
        assert library.search("red", kind="lexicon")[0].item.name == "shot0.png"
    assert len(made) == 1 and not made[0].compiled
    may_end.set()
    library.search("red", kind="hybrid")
    assert len(made) == 1


def test_no_compiler_is_no_trouble(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def compile(index: KeptIndex) -> None:
        raise error

    monkeypatch.setattr(KeptIndex, "compile", compile)
    quickening, tried = Quickening(), [object.__new__(KeptIndex) for _ in range(3)]
    for index in tried:
        index.compiled, index.kind = False, "lexicon"
    error: Exception = OSError("no room")
    assert quickening.wanted(tried[0]) and not quickening.wanted(tried[0])
    quickening.quicken(tried[0])
    assert "no room" in caplog.text and "lexicon" in caplog.text
    error = MissingExtra("Compiled search of words", "compiled")
    assert quickening.wanted(tried[1])
    quickening.quicken(tried[1])
    assert not quickening.wanted(tried[2])
