"""The shipped models of every kind behind HTTP: indexed, asked, and their reasons read; none stands in for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

import openitr.library
from openitr.datasets.scenes import World, render
from openitr.server.app import create_app
from openitr.server.settings import Settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    place = tmp_path_factory.mktemp("real-kinds")
    for number in range(6):
        Image.fromarray(render(World().sample(number), 96)).save(place / f"scene{number}.png")
    with openitr.library.create(place / "photos") as library:
        for kind in ("hybrid", "late"):
            library.index(place, kind=kind, workers=1)
        settings = Settings(state_folder=place / "state")
        with TestClient(create_app({"photos": library}, settings), base_url="http://localhost") as client:
            yield client


def asked(client: TestClient, **body: Any) -> Any:
    got = client.post("/v1/search", json={"text": "a red circle", "k": 6, **body})
    assert got.status_code == 200, got.text
    return got.json()


@pytest.mark.slow
def test_every_kind_is_served_asked_and_explained(client: TestClient) -> None:
    names = {run["kind"]: run["name"] for run in client.get("/v1/collections/photos").json()["runs"]}
    assert set(names) == {"dense", "lexicon", "late"}
    orders = {}
    for kind in ("dense", "lexicon", "late", "hybrid"):
        answer = asked(client, kind=kind)
        orders[kind] = [hit["id"] for hit in answer["hits"]]
        assert len(orders[kind]) == len(set(orders[kind])) and orders[kind], kind
        assert all(reason["text"] for hit in answer["hits"] for reason in hit["why"]), kind
        # By its name a run answers as by its kind, and a picture that is alike is found in any of them.
        if kind != "hybrid":
            assert [hit["id"] for hit in asked(client, run=names[kind])["hits"]] == orders[kind]
            assert len(asked(client, text=None, image=1, kind=kind)["hits"]) > 0, kind
    assert sorted(orders["dense"]) == sorted(orders["hybrid"]) == [1, 2, 3, 4, 5, 6]
    for kind in ("dense", "lexicon", "late"):
        got = client.post("/v1/explain", json={"id": 1, "text": "a red circle", "run": names[kind], "grid": 3})
        assert got.status_code == 200, got.text
        assert len(got.json()["values"]) == 3 and any(x for row in got.json()["values"] for x in row), kind
