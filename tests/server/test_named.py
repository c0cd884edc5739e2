"""A second look and composers over HTTP: by words, and by the names that the server was started with, never a path."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from starlette.testclient import TestClient
from typer.testing import CliRunner

import openitr.encoders
import openitr.library
from openitr.cli.app import app as command
from openitr.cli.serve import folders_of
from openitr.errors import InputError
from openitr.search.compose.named import check_composer
from openitr.search.rerank.named import check_reranker
from openitr.server.app import create_app
from openitr.server.named import Named
from openitr.server.settings import Settings
from tests.search.compose.test_learned import folder as composer_folder
from tests.search.fakes import ColourEncoder
from tests.server.conftest import Place


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained composer, one for another model, and a fusion model."""
    import torch

    from openitr.models import AlignThenFuse, TextTransformer, ViT, WordTokenizer
    from openitr.models.saved import save_fusion

    place = tmp_path_factory.mktemp("models")
    composer_folder(place / "recolour")
    composer_folder(place / "strange", fingerprint="colour-2")
    torch.manual_seed(0)
    words = WordTokenizer.fit(["red green blue"], length=8)
    text = TextTransformer(len(words), length=8, width=16, depth=1)
    save_fusion(place / "albef", AlignThenFuse(ViT(32, patch=16, width=16, depth=1), text, 8), words)
    return place


@pytest.fixture(scope="module")
def place(painted: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The colours, served with a trained composer and a trained reranker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENITR_LMM_URL", raising=False)
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        settings = Settings(
            state_folder=tmp_path_factory.mktemp("state"),
            composers={"recolour": models / "recolour", "strange": models / "strange"},
            rerankers={"albef": models / "albef"},
        )
        with openitr.library.open(painted / "photos") as library:
            made = create_app({"photos": library}, settings)
            with TestClient(made, base_url="http://localhost") as client:
                yield Place(client, made, library, painted / "pictures")


def test_a_second_look_is_the_command_lines(place: Place) -> None:
    answer = place.search(text="red or blue", rerank="logic", k=8)
    done = CliRunner().invoke(
        command, ["search", str(place.library.path), "red or blue", "--rerank", "logic", "-k", "8", "--json"]
    )
    theirs = json.loads(done.stdout)["hits"]
    assert [(hit["id"], hit["bucket"]) for hit in answer["hits"]] == [(hit["id"], hit["bucket"]) for hit in theirs]
    for ours, other in zip(answer["hits"], theirs, strict=True):
        assert ours["score"] == pytest.approx(other["score"], abs=1e-4)
    plain = place.search(text="red or blue", k=8)
    assert [hit["id"] for hit in plain["hits"]] != [hit["id"] for hit in answer["hits"]]
    assert {"rerank"} == {r["stage"] for r in answer["hits"][0]["why"]} - {r["stage"] for r in plain["hits"][0]["why"]}


@pytest.mark.parametrize("name", ["logic", "comclip", "cotrr", "albef"])
def test_every_name_answers_and_says_why(place: Place, name: str) -> None:
    answer = place.search(text="red", rerank=name, k=5)
    assert len(answer["hits"]) == 5
    looked = [reason["text"] for hit in answer["hits"] for reason in hit["why"] if reason["stage"] == "rerank"]
    assert len(looked) == 5 and any("place" in text for text in looked)
    # There is no language model here: the order stays, and a note says so.
    assert any("OPENITR_LMM_URL" in note for note in answer["notes"]) == (name == "cotrr")


def test_pages_of_a_second_look_meet(place: Place) -> None:
    whole = place.names(text="red or blue", rerank="logic", k=8)
    assert [*place.names(text="red or blue", rerank="logic", k=3), *place.names(
        text="red or blue", rerank="logic", k=5, offset=3)] == whole  # fmt: skip


def test_a_trained_composer_by_its_name(place: Place) -> None:
    red = place.ids()["red"]
    answer = place.search(image=red, but="blue", composer="recolour", k=4)
    words = ["search", str(place.library.path), "--image", str(place.folder / "dusk" / "red.png"), "--but", "blue"]
    folder = str(place.app.state.settings.composers["recolour"])
    done = CliRunner().invoke(command, [*words, "--composer", folder, "-k", "4", "--json"])
    assert [hit["id"] for hit in json.loads(done.stdout)["hits"]] == [hit["id"] for hit in answer["hits"]]
    wrong = place.client.post("/v1/search", json={"image": red, "but": "blue", "composer": "strange"})
    assert wrong.status_code == 422 and "trained on another model" in wrong.text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"text": "red", "rerank": "nothing"}, "use logic, comclip, cotrr, albef"),
        ({"text": "red", "rerank": "{models}/albef"}, "there is no reranker"),
        ({"text": "red", "rerank": "/etc"}, "there is no reranker"),
        ({"text": "red", "rerank": "../albef"}, "there is no reranker"),
        ({"image": 1, "but": "blue", "composer": "{models}/recolour"}, "there is no composer"),
        ({"image": 1, "but": "blue", "rerank": "logic"}, "leave one of the two out"),
        ({"image": 1, "rerank": "logic"}, "does nothing without words"),
        ({"text": "red", "strength": 2}, "`strength` does nothing without `but`"),
        ({"text": "red", "composer": "pdv"}, "`composer` does nothing without `but`"),
        ({"image": 1, "diverse": 0.5}, "`diverse` does nothing"),
        ({"image": 1, "kind": "hybrid"}, "asked of one run"),
        ({"image": 1, "kind": "late"}, "has no late run"),
        ({"text": "red", "rerank": ""}, "rerank"),
        ({"text": "red", "rerank": 3}, "rerank"),
    ],
)
def test_what_does_nothing_or_is_unknown_is_refused(
    place: Place, models: Path, body: dict[str, Any], said: str
) -> None:
    filled = {key: value.format(models=models) if isinstance(value, str) else value for key, value in body.items()}
    got = place.client.post("/v1/search", json=filled)
    assert got.status_code == 422 and said in json.dumps(got.json(), ensure_ascii=False), got.text


@pytest.mark.parametrize("address", ["items?folder=day", "collections?x=", "items/1?colection=photos", "jobs?k=3"])
def test_a_parameter_that_is_not_known_is_refused(place: Place, address: str) -> None:
    got = place.client.get(f"/v1/{address}")
    name = address.partition("?")[2].partition("=")[0]
    assert got.status_code == 422 and f"there is no parameter '{name}'" in got.json()["detail"]
    assert place.client.post("/v1/search?k=3", json={"text": "red"}).status_code == 422
    # Monitors and browsers add what they like to addresses that answer nothing.
    assert place.client.get("/healthz?now=1").status_code == 200
    assert place.client.get("/?q=red&utm_source=mail").status_code == 200


def test_the_page_is_told_what_there_is(place: Place) -> None:
    told = place.client.get("/v1/collections/photos").json()
    assert told["rerankers"] == ["logic", "comclip", "albef"], "nothing that needs a language model without one"
    assert told["composers"] == ["pdv", "weimocir", "cirevl", "recolour", "strange"]
    assert [run["kind"] for run in told["runs"]] == ["dense"]


def test_only_what_is_there_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENITR_LMM_URL", "http://localhost:9/v1")
    named = Named(Settings())
    assert named.offered("dense")["rerankers"] == ["logic", "comclip", "cotrr"]
    assert named.offered("lexicon") == {"composers": [], "rerankers": ["logic", "cotrr"]}


@pytest.mark.parametrize(
    ("given", "check", "said"),
    [
        ("albef", check_reranker, "NAME=FOLDER"),
        ("a b={models}/albef", check_reranker, "NAME=FOLDER"),
        ("=x", check_reranker, "NAME=FOLDER"),
        ("mine={models}/none", check_reranker, "there is no folder"),
        ("logic={models}/albef", check_reranker, "has a meaning already"),
        ("pdv={models}/recolour", check_composer, "has a meaning already"),
        ("mine={models}/albef", check_composer, "holds no composer"),
    ],
)
def test_folders_are_named_when_the_server_starts(
    models: Path, given: str, check: Callable[[str], str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        folders_of([given.format(models=models)], check)


def test_names_and_folders(models: Path) -> None:
    assert folders_of(None, check_reranker) == {}
    found = folders_of([f"one={models}/recolour", f"two={models}/strange"], check_composer)
    assert found == {"one": models / "recolour", "two": models / "strange"}
    with pytest.raises(InputError, match="one has a meaning already"):
        folders_of([f"one={models}/recolour"] * 2, check_composer)
    options = {max(p.opts, key=len) for p in typer.main.get_command(command).commands["serve"].params}  # type: ignore[attr-defined]
    assert {"--reranker", "--composer"} <= options
