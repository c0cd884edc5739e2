"""``but``: a picture, only different, over HTTP as on the command line; a slider that asks no model again."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient
from typer.testing import CliRunner

import openitr.encoders
import openitr.library
from openitr.cli.app import app as command
from openitr.server.app import create_app
from openitr.server.settings import Settings
from tests.search.fakes import ColourEncoder
from tests.server.conftest import COLOURS, Place

ENCODER = ColourEncoder()


@pytest.fixture
def place(painted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The colours, served with a model that counts its calls."""
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ENCODER)
    with openitr.library.open(painted / "photos") as library:
        made = create_app({"photos": library}, Settings(state_folder=tmp_path))
        with TestClient(made, base_url="http://localhost") as client:
            assert client.post("/v1/search", json={"text": "a word that warms it up"}).status_code == 200
            ENCODER.asked.clear()
            yield Place(client, made, library, painted / "pictures")


def data_url(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize("strength", [0, 0.5, 1, 2.5])
def test_it_is_the_answer_of_the_command_line(place: Place, strength: float) -> None:
    red = place.folder / "dusk" / "red.png"
    words = ["search", str(place.library.path), "--image", str(red), "--but", "blue", "--strength", str(strength)]
    done = CliRunner().invoke(command, [*words, "-k", "4", "--json"])
    assert done.exit_code == 0, done.output
    theirs = json.loads(done.stdout)["hits"]
    body: dict[str, Any] = {"but": "blue", "strength": strength, "k": 4}
    form = {"query": json.dumps(body)}
    for ours in (
        place.search(image=data_url(red), **body),
        place.search(image=place.ids()["red"], **body),
        place.client.post("/v1/search", data=form, files={"image": ("red.png", red.read_bytes())}).json(),
    ):
        assert [hit["id"] for hit in ours["hits"]] == [hit["id"] for hit in theirs]
        for one, other in zip(ours["hits"], theirs, strict=True):
            assert one["score"] == pytest.approx(other["score"], abs=1e-5)
            assert one["probability"] == pytest.approx(other["probability"], abs=1e-3)
        assert "red.png" not in [hit["name"] for hit in ours["hits"]], "the picture itself is left out"


def test_the_words_are_followed_as_a_direction(place: Place) -> None:
    parts = place.search(image=place.ids()["red"], but="in blue", strength=2)["query"]["parts"]
    assert [(part["value"], part["weight"]) for part in parts] == [
        ("red.png", 1.0), ("a photo, in blue", 1.0), ("a photo", -1.0),
    ]  # fmt: skip
    # Of all that is half red, the bluest comes first; without the words, any would do.
    assert place.names(image=place.ids()["red"], but="blue", strength=1, k=1) == ["purple"]


def test_pages_meet_without_a_gap_and_without_the_picture(place: Place) -> None:
    green = place.ids()["green"]
    whole = place.search(image=green, but="red", k=20)
    names = [hit["name"] for hit in whole["hits"]]
    # The same bytes lie there under another name, and they are no answer either.
    assert len(names) == len(place.library) - 2 and "green.png" not in names
    pages = [place.search(image=green, but="red", k=2, offset=offset) for offset in (0, 2, 4)]
    assert [hit["name"] for page in pages for hit in page["hits"]] == names
    assert [page["query"]["offset"] for page in pages] == [0, 2, 4]
    file = str(place.folder / "day" / "green.png")
    words = ["search", str(place.library.path), "--image", file, "--but", "red", "-k", "2", "--json", "--offset"]
    typed = [json.loads(CliRunner().invoke(command, [*words, str(offset)]).stdout) for offset in (0, 2, 4)]
    assert [hit["path"].rpartition("/")[2] for page in typed for hit in page["hits"]] == names
    assert place.names(image=green, but="red", k=5, where=["folder=day"]) == ["purple", "night"]


def test_a_slider_asks_the_model_nothing(place: Place) -> None:
    place.search(image=data_url(place.folder / "dusk" / "red.png"), but="blue", strength=1)
    assert sorted(ENCODER.asked) == ["image", "text"]
    answers = []
    for strength in (0.1, 0.7, 1.3, 4):
        body = {"but": "blue", "strength": strength}
        weighted = {"image": data_url(place.folder / "dusk" / "red.png"), "weight": strength}
        answers.append(place.search(image=data_url(place.folder / "dusk" / "red.png"), **body)["hits"][0]["score"])
        place.search(image=weighted, but="blue")
        # The same bytes, whether they are sent or named.
        place.search(image=place.ids()["red"], **body)
    assert sorted(ENCODER.asked) == ["image", "text"], "everything was encoded once"
    assert len(set(answers)) == 4, "and yet it slides"
    place.search(image=data_url(place.folder / "day" / "purple.png"), but="blue")
    assert sorted(ENCODER.asked) == ["image", "image", "text"], "another picture is encoded, the words are known"


@pytest.mark.parametrize("composer", ["pdv", "weimocir", "cirevl"])
def test_a_composer_by_name(place: Place, composer: str) -> None:
    red = place.ids()["red"]
    answer = place.search(image=red, but="blue", composer=composer, k=3)
    assert "red.png" not in [hit["name"] for hit in answer["hits"]] and len(answer["hits"]) == 3
    assert answer["query"]["parts"][0]["value"] == "red.png, blue"
    ENCODER.asked.clear()
    place.search(image=red, but="blue", composer=composer, strength=2, k=3)
    assert ENCODER.asked == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"but": "blue"}, "there is none"),
        ({"text": "red", "but": "blue"}, "there is none"),
        ({"image": 1, "but": "   "}, "nothing should be different"),
        ({"image": 1, "but": "blue", "strength": -1}, "strength"),
        ({"image": 1, "but": "blue", "composer": "mine"}, "composer"),
        ({"image": 1, "but": "blue", "composer": "/etc"}, "composer"),
        ({"image": 1, "composer": "pdv"}, "does nothing without"),
        ({"image": [1, 2], "but": "blue", "composer": "pdv"}, "changes one picture"),
        ({"image": 1, "but": "blue", "offset": 9_990, "k": 11}, "10000"),
    ],
)
def test_what_makes_no_sense_is_refused(place: Place, body: dict[str, Any], said: str) -> None:
    got = place.client.post("/v1/search", json=body)
    assert got.status_code == 422 and said in got.text, got.text


def test_a_file_that_has_changed_is_looked_at_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a picture is kept of its content."""
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ENCODER)
    (tmp_path / "pictures").mkdir()
    for name in ("red", "green", "blue"):
        Image.new("RGB", (20, 20), COLOURS[name]).save(tmp_path / "pictures" / f"{name}.png")
    with openitr.library.create(tmp_path / "photos") as library:
        library.index(tmp_path / "pictures", workers=1)
        with TestClient(create_app({"photos": library}, Settings(state_folder=tmp_path))) as client:
            made = Place(client, create_app, library, tmp_path / "pictures")  # type: ignore[arg-type]
            client.base_url = "http://localhost"
            red = made.ids()["red"]
            assert made.names(image=[red, {"image": red, "weight": 2}], k=1) == ["red"]
            file = io.BytesIO()
            Image.new("RGB", (24, 24), COLOURS["blue"]).save(file, "PNG")
            (tmp_path / "pictures" / "red.png").write_bytes(file.getvalue())
            assert made.names(image=[red, {"image": red, "weight": 2}], k=1) == ["blue"]
            (tmp_path / "pictures" / "red.png").unlink()
            assert client.post("/v1/search", json={"image": [red], "text": "red"}).status_code == 422
