"""``kind`` in a request: the run of that kind, or all of them and what is written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from PIL import Image
from starlette.testclient import TestClient

import openitr.encoders
import openitr.library
from openitr.client.reading import hits_of
from openitr.server.app import create_app
from openitr.server.settings import Settings
from openitr.types import Part, Query
from tests.search import fakes
from tests.server.conftest import COLOURS


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    place = tmp_path_factory.mktemp("kinds")
    for number, colour in enumerate(COLOURS.values()):
        Image.new("RGB", (40, 30), colour).save(place / f"shot{number}.png")
    (place / "shot2.txt").write_text("a red letter day")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", fakes.loaded)
        with openitr.library.create(place / "photos") as library:
            library.index(place, kind="hybrid", workers=1)
            with TestClient(create_app({"photos": library}, Settings()), base_url="http://localhost") as client:
                yield client
    shutil.rmtree(place)


def asked(client: TestClient, **body: object) -> list[str]:
    got = client.post("/v1/search", json={"text": "red", **body})
    assert got.status_code == 200, got.text
    return [hit["name"] for hit in got.json()["hits"]]


def test_one_word_in_the_request(client: TestClient) -> None:
    assert asked(client)[0] == asked(client, kind="dense")[0] == asked(client, kind="lexicon")[0] == "shot0.png"
    assert asked(client, kind="hybrid").index("shot2.png") < asked(client, kind="dense").index("shot2.png")
    answer = client.post("/v1/search", json={"text": "red", "kind": "hybrid"}).json()
    assert [why["stage"] for why in answer["hits"][0]["why"]] == [
        "match",
        "lexicon",
        "words",
        "fuse",
        "calibrate",
        "credit",
    ]
    assert [note.startswith("the model has no calibration") for note in answer["notes"]] == [True]
    assert hits_of(answer | {"notes": ["late"]}, Query([Part("red")])).notes == ("late",)


def test_hits_that_differ(client: TestClient) -> None:
    answer = client.post("/v1/search", json={"text": "red", "diverse": 0.8}).json()
    assert "diversify" in [why["stage"] for why in answer["hits"][0]["why"]]


def test_what_is_not_there_is_said(client: TestClient) -> None:
    for body, status, said in (
        ({"kind": "late"}, 422, "photos has no late run"),
        ({"kind": "sparse"}, 422, "kind"),
        ({"kind": "lexicon", "run": "colour"}, 422, "is of kind dense"),
        ({"kind": "hybrid", "run": "nowhere"}, 422, "no run 'nowhere'"),
        ({"diverse": 3}, 422, "diverse"),
    ):
        got = client.post("/v1/search", json={"text": "red", **body})
        assert got.status_code == status and said in got.text, got.text
    got = client.post("/v1/embed", json={"texts": ["red"], "run": "terms"})
    assert got.status_code == 422 and "lexicon embeddings" in got.text
