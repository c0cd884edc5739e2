"""A small collection behind the app, with an encoder that names colours; one process, no port."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

import openitr.encoders
import openitr.library
from openitr.library import Library
from openitr.server.app import create_app
from openitr.server.settings import Settings
from tests.search.fakes import ColourEncoder

COLOURS = {
    "red": (250, 10, 10),
    "green": (10, 250, 10),
    "blue": (10, 10, 250),
    "night": (5, 5, 5),
    "yellow": (250, 250, 10),
    "purple": (250, 10, 250),
}
ODD = 'it\'s "quoted"; ünï\r\nSet-Cookie: a=b.png'


@dataclass
class Place:
    """A served collection and how to ask it.

    Args:
        client: Without redirects, on ``http://localhost``.
        app: The app behind it.
        library: What is served as "photos".
        folder: The pictures.
    """

    client: TestClient
    app: FastAPI
    library: Library
    folder: Path

    def ids(self) -> dict[str, int]:
        """Ids by file name without its ending."""
        items = self.library.collection.items(self.library.collection.ids())
        return {item.name.rpartition(".")[0]: item.id for item in items}

    def search(self, **asked: Any) -> Any:
        """An answer to a search, which must be one."""
        got = self.client.post("/v1/search", json=asked)
        assert got.status_code == 200, got.text
        return got.json()

    def names(self, **asked: Any) -> list[str]:
        """Names of the hits, without their endings."""
        return [hit["name"].rpartition(".")[0] for hit in self.search(**asked)["hits"]]


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[ColourEncoder]]:
    """Every model is one that names colours."""
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
    yield ColourEncoder


@pytest.fixture(scope="session")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in two folders, one with an impossible name, one broken; and a collection of them."""
    place = tmp_path_factory.mktemp("served")
    for number, (name, colour) in enumerate(COLOURS.items()):
        path = place / "pictures" / ("day" if number % 2 else "dusk") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60 + number, 40), colour).save(path)
        facts = {"mood": "warm" if number % 2 else "cold", "stars": number, "kept": number > 3}
        path.with_suffix(".json").write_text(json.dumps(facts))
    Image.new("RGB", (30, 30), (90, 90, 90)).save(place / "pictures" / ODD)
    raw = os.fsencode(place / "pictures") + b"/caf\xe9.png"
    shutil.copy(place / "pictures" / "day" / "green.png", raw)
    (place / "pictures" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        with openitr.library.create(place / "photos") as made:
            assert made.index(place / "pictures", workers=1).added == len(COLOURS) + 2
    return place


def _serve(painted: Path, tmp: Path, base_url: str, settings: dict[str, Any]) -> Place:
    shutil.copytree(painted / "photos", tmp / "photos")
    library = openitr.library.open(tmp / "photos")
    settings.setdefault("state_folder", tmp / "state")
    app = create_app({"photos": library}, Settings(**settings))
    client = TestClient(app, base_url=base_url, follow_redirects=False)
    client.__enter__()
    return Place(client, app, library, painted / "pictures")


def _stop(place: Place) -> None:
    place.client.__exit__(None, None, None)
    place.library.close()


@pytest.fixture
def served(painted: Path, tmp_path: Path, colours: type[ColourEncoder]) -> Iterator[Callable[..., Place]]:
    """Make a served copy of the collection with the settings that a test wants."""
    opened: list[Place] = []

    def make(base_url: str = "http://localhost", **settings: Any) -> Place:
        opened.append(_serve(painted, tmp_path / f"copy{len(opened)}", base_url, settings))
        return opened[-1]

    yield make
    for place in opened:
        _stop(place)


@pytest.fixture(scope="module")
def place(painted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The collection served with the defaults, once for the tests of a module that change nothing.

    No longer than that, since all models are colours meanwhile.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        made = _serve(painted, tmp_path_factory.mktemp("still"), "http://localhost", {})
        # The model is loaded before the patch ends.
        assert made.client.post("/v1/search", json={"text": "red"}).status_code == 200
        yield made
        _stop(made)


@pytest.fixture
def fresh(served: Callable[..., Place]) -> Place:
    """A copy of its own for a test that changes things."""
    return served()
