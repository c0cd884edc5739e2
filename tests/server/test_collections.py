"""What is served: collections, fields, files that could not be read, duplicates, models, the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import openitr.library
from openitr.server.app import create_app
from openitr.server.settings import Settings
from tests.server.conftest import Place


def test_collections_and_one_of_them(place: Place) -> None:
    (one,) = place.client.get("/v1/collections").json()["collections"]
    assert one == {"name": "photos", "pictures": 8, "model": "colour", "default": True, "read_only": False}
    about = place.client.get("/v1/collections/photos").json()
    assert about["items"] == 8 and about["name"] == "photos" and "path" not in about
    assert about["roots"] == [{"id": 1, "name": "pictures", "items": 8, "there": True}]
    (run,) = about["runs"]
    assert {"name", "spec", "kind", "dim", "state"} <= set(run) and run["state"] == "active"
    assert sum(about["skipped"].values()) == 1
    assert place.client.get("/v1/collections/nope").status_code == 404


def test_fields_with_values_and_ranges(place: Place) -> None:
    fields = {f["name"]: f for f in place.client.get("/v1/collections/photos/fields").json()["fields"]}
    assert fields["mood"] == {
        "name": "mood", "kind": "text", "count": 6,
        "values": [{"value": "cold", "count": 3}, {"value": "warm", "count": 3}],
    }  # fmt: skip
    assert (fields["stars"]["kind"], fields["stars"]["min"], fields["stars"]["max"]) == ("number", 0, 5)
    assert fields["kept"]["kind"] == "bool"
    assert {v["value"]: v["count"] for v in fields["kept"]["values"]} == {False: 4, True: 2}
    assert {v["value"]: v["count"] for v in fields["folder"]["values"]} == {"dusk": 3, "day": 3, "": 2}
    assert (fields["width"]["min"], fields["width"]["max"]) == (30, 65)


def test_what_could_not_be_read(place: Place) -> None:
    got = place.client.get("/v1/collections/photos/skipped").json()
    assert got["total"] == 1
    (row,) = got["skipped"]
    assert row["path"] == "broken.jpg" and row["reason"] and row["remedy"] and row["root"] == 1
    assert place.client.get("/v1/collections/photos/skipped?offset=1").json()["skipped"] == []


def test_duplicates_are_looked_for_in_another_process(fresh: Place) -> None:
    got = fresh.client.get("/v1/collections/photos/duplicates?kind=copy")
    assert got.status_code == 200, got.text
    (group,) = got.json()["groups"]
    assert {item["name"] for item in group["items"]} == {"green.png", "caf\udce9.png"}
    assert group["keeper"] == group["items"][0]["id"] and group["items"][0]["size"] > 0
    assert fresh.client.get("/v1/collections/photos/duplicates?kind=other").status_code == 422
    fresh.client.post("/v1/items/remove", json={"ids": [group["items"][1]["id"]]})
    assert fresh.client.get("/v1/collections/photos/duplicates?kind=copy").json() == {"groups": [], "total": 0}


def test_several_collections_by_name(painted: Path, colours: object, tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    with (
        openitr.library.open(painted / "photos") as one,
        openitr.library.create(tmp_path / "empty") as other,
        TestClient(
            create_app({"one": one, "other": other}, Settings(state_folder=tmp_path / "state")),
            base_url="http://localhost",
        ) as client,
    ):
        listed = client.get("/v1/collections").json()["collections"]
        assert [(c["name"], c["default"], c["pictures"], c["model"]) for c in listed] == [
            ("one", True, 8, "colour"),
            ("other", False, 0, ""),
        ]
        assert client.get("/healthz").json()["pictures"] == 8
        assert client.post("/v1/search", json={"text": "red", "collection": "other"}).status_code == 409
        assert client.get("/v1/items?collection=other").json() == {"items": [], "total": 0}
        assert client.get("/v1/collections/other/fields").json() == {"fields": []}
        assert client.get("/v1/collections/other").status_code == 200
        assert client.get("/v1/collections/other/duplicates").status_code == 409


def test_models_and_embeddings(place: Place) -> None:
    assert "default" in [m["name"] for m in place.client.get("/v1/models").json()["models"]]
    got = place.client.post("/v1/embed", json={"texts": ["red", "blue"]}).json()
    assert (got["kind"], got["dim"], got["model"], len(got["embeddings"])) == ("dense", 5, "colour", 2)
    assert sum(x * x for x in got["embeddings"][0]) == pytest.approx(1, abs=1e-5)
    many = place.client.post("/v1/embed", json={"texts": ["red"] * 256})
    assert many.json()["embeddings"] == [got["embeddings"][0]] * 256
    for bad in ({}, {"texts": []}, {"texts": ["a"] * 257}, {"texts": ["a"], "images": ["data:,"]}, {"texts": [""]}):
        assert place.client.post("/v1/embed", json=bad).status_code == 422
    assert place.client.post("/v1/embed", json={"images": ["http://example.org/a.jpg"]}).status_code == 422


def test_where_in_a_picture_the_words_are(place: Place) -> None:
    pytest.importorskip("openitr.diagnose.explain")
    got = place.client.post("/v1/explain", json={"id": place.ids()["red"], "text": "red", "grid": 3})
    assert got.status_code == 200, got.text
    answer = got.json()
    assert (answer["rows"], answer["cols"]) == (3, 3) and [len(row) for row in answer["values"]] == [3, 3, 3]
    assert 0 < answer["base"] <= 1
    assert place.client.post("/v1/explain", json={"id": 999, "text": "red"}).status_code == 404


def test_the_page_and_its_files(place: Place) -> None:
    page = place.client.get("/?q=two+dogs&view=search")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    again = place.client.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304
    for path in (
        "../app.py", "..%2fapp.py", "%2e%2e/app.py", "js/../../app.py", "%2fetc/passwd", "/etc/passwd", "..\\app.py",
        "%00", "index.html%00.js", "", "js", "....//app.py", "C:/windows",
    ):  # fmt: skip
        got = place.client.get(f"/static/{path}")
        assert got.status_code == 404, path
        assert b"import" not in got.content


def test_health_metrics_and_openapi(served: Callable[..., Place]) -> None:
    place = served(api_key="k")
    assert place.client.get("/healthz").json()["status"] == "ok"
    assert place.client.get("/metrics").status_code == 401
    got = place.client.get("/metrics", headers={"X-API-Key": "k"}).text
    assert 'openitr_requests_total{method="GET",route="/healthz",status="200"} 1.0' in got
    assert 'openitr_pictures{collection="photos"} 8.0' in got
    assert 'openitr_jobs{state="queued"} 0.0' in got and "openitr_waiting" in got
    document = place.client.get("/openapi.json").json()
    for path in ("/v1/search", "/v1/items", "/v1/collections", "/v1/jobs", "/v1/embed", "/v1/eval", "/healthz"):
        assert path in document["paths"]
