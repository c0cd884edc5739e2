"""`openitr engine`, `openitr migrate` and the options of `openitr index` that choose who works and who answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from openitr.cli import engine as command
from openitr.cli.app import app
from openitr.collection import Collection, engines, qdrant_copy
from openitr.errors import InputError
from openitr.index import qdrant
from tests.collection.conftest import Album, album, full  # noqa: F401
from tests.collection.test_engines import _Server

ADDRESS = "http://cluster:6333"


def said(*words: object, code: int = 0) -> Any:
    """Run a command in this process."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def place(full: Album) -> Path:  # noqa: F811
    return full.collection.path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    pytest.importorskip("qdrant_client")
    made = _Server()
    for room in (qdrant, qdrant_copy):
        monkeypatch.setattr(room, "connect", lambda where, **_: made)
    yield made


def test_the_engine_is_told_and_chosen(place: Path) -> None:
    pytest.importorskip("faiss")
    facts = json.loads(said("engine", place, "--json").stdout)
    assert facts["engine"] == "flat" and facts["url"] is None and facts["runs"]["colour-0"]["count"] == 12
    done = said("engine", place, "--use", "faiss")
    assert "too small to need it" in done.stderr and done.stdout.startswith("faiss")
    assert "colour-0: 12 vectors, " in done.stdout and "the store answers, exactly" in done.stdout
    assert engines.chosen(place).name == "faiss"
    said("engine", place, "--use", "flat")
    assert not (place / "engine.json").exists()


def test_to_a_cluster_and_back(place: Path, server: _Server, tmp_path: Path) -> None:
    done = said("migrate", place, "--to", f"{ADDRESS}/photos", "--shards", 2, "--json")
    assert json.loads(done.stdout) == {"items": 12, "vectors": 12, "removed": 0, "checked": 24}
    assert "items: 12 of 12" in done.stderr
    said("migrate", f"{ADDRESS}/photos", "--into", tmp_path / "copy")
    with Collection.open(tmp_path / "copy") as copy, Collection.open(place) as original:
        assert copy.items(copy.ids()) == original.items(original.ids())
    said("engine", place, "--use", "qdrant", "--url", ADDRESS, "--replicas", 2)
    facts = json.loads(said("engine", place, "--json").stdout)
    assert facts["engine"] == "qdrant" and facts["url"] == ADDRESS
    assert facts["runs"]["colour-0"]["derived"]["engine"] == "qdrant"


@pytest.mark.parametrize(
    "words",
    [
        ("engine", "{place}", "--use", "hnsw"),
        ("engine", "{place}", "--use", "qdrant"),
        ("engine", "{place}", "--use", "faiss", "--url", ADDRESS),
        ("engine", "{place}", "--url", ADDRESS),
        ("index", "{place}", "--into", "c", "--engine", "hnsw"),
        ("migrate", "{place}"),
        ("migrate", "{place}", "--to", f"{ADDRESS}/a", "--into", "b"),
        ("migrate", "{place}", "--to", "photos"),
        ("index", "{place}", "--into", "c", "--workers", "some"),
    ],
)
def test_senseless_calls_exit_with_2(place: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.parent)
    done = said(*(word.format(place=place) for word in words), code=2)
    assert "try:" in done.stderr and done.stdout == ""


def test_the_remedy_names_the_option_that_was_typed(place: Path) -> None:
    assert "--use qdrant --url http://host:6333" in said("engine", place, "--use", "qdrant", code=2).stderr
    there = said("index", place, "--into", "c", "--engine", "qdrant", code=2).stderr
    assert "--engine qdrant --url http://host:6333" in there


def test_a_copy_on_this_machine_is_an_export(place: Path) -> None:
    told = said("migrate", place, "--into", "b", code=2).stderr
    assert "is on this machine" in told and "openitr export" in told and "openitr import FOLDER --into b" in told


def test_nobody_answers(place: Path) -> None:
    pytest.importorskip("qdrant_client")
    done = said("engine", place, "--use", "qdrant", "--url", "http://127.0.0.1:9", code=1)
    assert "no Qdrant answers at" in done.stderr
    assert engines.chosen(place).name == "flat", "what did not come about was chosen"


def test_indexing_keeps_the_engine_up_to_date(full: Album, server: _Server) -> None:  # noqa: F811
    class Library:
        collection = full.collection

    command.keep_up(Library(), engines.Engine("qdrant", ADDRESS, shards=2))
    assert engines.chosen(full.collection.path).shards == 2
    first = full.folder / "part0" / "picture0000.png"
    first.unlink()
    full.ingest()
    command.keep_up(Library(), None)
    with Collection.open(full.collection.path) as again:
        assert again.run().index.stats()["derived"]["count"] == 11


def test_a_collection_on_a_server_keeps_its_engine() -> None:
    command.check_place(object(), None)
    command.keep_up(object(), None)
    with pytest.raises(InputError, match="the server has that collection"):
        command.check_place(object(), engines.Engine("faiss"))
