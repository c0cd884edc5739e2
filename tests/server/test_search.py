"""``POST /v1/search``: the whole query, as JSON and as a form."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.server.conftest import COLOURS, Place


def data_url(colour: tuple[int, int, int]) -> str:
    file = io.BytesIO()
    Image.new("RGB", (20, 20), colour).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def test_words_find_and_the_answer_has_the_shape_of_the_contract(place: Place) -> None:
    answer = place.search(text="green", k=3)
    assert list(answer) == ["query", "hits", "counts", "total", "notes", "took_ms"]
    hit = answer["hits"][0]
    assert list(hit) == [
        "id", "root", "path", "score", "probability", "bucket", "why", "width", "height", "name",
    ]  # fmt: skip
    assert hit["name"] in ("green.png", "caf\udce9.png")
    assert sum(answer["counts"].values()) == 3
    assert answer["total"] == len(place.library)
    assert answer["query"]["parts"] == [{"kind": "text", "value": "green", "weight": 1.0}]
    assert {"stage", "score", "text"} == set(hit["why"][0])


def test_the_answer_is_the_library_s(place: Place) -> None:
    theirs = place.library.search("red", texts=["2:blue"], negatives=["green"], k=5)
    ours = place.search(text=["red", {"text": "blue", "weight": 2}], **{"not": ["green"]}, k=5)
    assert [h["id"] for h in ours["hits"]] == [h.id for h in theirs]
    for one, other in zip(ours["hits"], theirs, strict=True):
        assert one["score"] == pytest.approx(other.score, abs=1e-6)
        assert one["probability"] == pytest.approx(other.probability, abs=1e-4)


def test_pictures_by_data_url_id_and_form(place: Place) -> None:
    assert place.names(image=data_url(COLOURS["red"]), k=1) == ["red"]
    ids = place.ids()
    assert set(place.names(text="green", image=ids["red"], k=3)) >= {"yellow"}
    file = place.folder / "day" / "green.png"
    got = place.client.post(
        "/v1/search", data={"query": json.dumps({"k": 2})}, files={"image": (file.name, file.read_bytes())}
    )
    assert got.status_code == 200
    assert {hit["name"] for hit in got.json()["hits"]} == {"green.png", "caf\udce9.png"}
    assert got.json()["query"]["parts"] == [{"kind": "image", "value": "green.png", "weight": 1.0}]
    both = place.client.post(
        "/v1/search",
        data={"query": json.dumps({"k": 1, "text": "green"})},
        files=[("image", ("a.png", (place.folder / "dusk" / "red.png").read_bytes(), "image/png"))],
    )
    assert both.json()["hits"][0]["name"] == "yellow.png"


def test_a_single_id_is_more_like_this_and_leaves_it_out(place: Place) -> None:
    red = place.ids()["red"]
    names = place.names(image=red, k=3)
    assert "red" not in names and set(names) <= {"yellow", "purple", 'it\'s "quoted"; ünï\r\nSet-Cookie: a=b', "night"}
    whole = place.search(image=red, k=6)["hits"]
    assert [h["id"] for h in place.search(image=red, k=2, offset=2)["hits"]] == [h["id"] for h in whole[2:4]]
    assert place.search(image=red, k=6)["total"] == len(place.library) - 1
    only = place.search(image=red, k=9, where=["folder=day"])["hits"]
    assert {h["path"].partition("/")[0] for h in only} == {"day"}
    assert place.client.post("/v1/search", json={"image": 999}).status_code == 404


def test_negatives_and_weights(place: Place) -> None:
    plain = place.names(text="red", k=6)
    shunned = place.names(text="red", k=6, **{"not": ["blue"]})
    assert shunned.index("purple") > plain.index("purple")
    weighted = {"not": [{"text": "blue", "weight": 2}, {"image": data_url(COLOURS["blue"])}]}
    assert place.names(text="red", k=3, **weighted)[0] != "purple"


def test_filters_pages_and_sort(place: Place) -> None:
    expected = {"green", "night", "purple"}
    assert set(place.names(text="red", where={"folder": {"eq": "day"}})) == expected
    assert set(place.names(text="red", where=["folder=day", "stars>=2"])) == {"night", "purple"}
    whole = place.names(text="red", k=8)
    assert place.names(text="red", k=3) + place.names(text="red", k=5, offset=3) == whole
    assert sorted(place.names(text="red", k=8, sort="date")) == sorted(whole)
    assert place.names(text="red", where=["folder=nowhere"]) == []


def test_why_and_whole_items_when_they_are_wanted(place: Place) -> None:
    bare = place.search(text="red", k=1, why=False)["hits"][0]
    assert bare["why"] == []
    whole = place.search(text="red", k=1, items=True)["hits"][0]["item"]
    assert whole == place.client.get(f"/v1/items/{whole['id']}").json()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": ""}, 422),
        ({"text": "   "}, 422),
        ({"text": "red", "k": 0}, 422),
        ({"text": "red", "k": 10_001}, 422),
        ({"text": "red", "k": "3"}, 422),
        ({"text": "red", "offset": -1}, 422),
        ({"text": "red", "sort": "size"}, 422),
        ({"text": "red", "colour": 1}, 422),
        ({"text": {"text": "red"}}, 422),
        ({"text": ["red", {"text": "blue", "weight": 0}]}, 422),
        ({"text": "red", "where": ["nope=1"]}, 422),
        ({"text": "red", "where": ["no test"]}, 422),
        ({"text": "red", "where": {"width": {"gte": "wide"}}}, 422),
        ({"text": "red", "where": {"width": {"eq": {"a": 1}}}}, 422),
        ({"text": "red", "where": {"name": {"in": [f"n{i}" for i in range(1000)]}}}, 200),
        ({"text": "red", "where": {"stars": {"in": list(range(1000))}, "mood": {"in": ["x"] * 1000}}}, 200),
        ({"text": "red", "run": "nope"}, 422),
        ({"text": "red", "collection": "nope"}, 404),
        ({"text": "red", "strength": 5, "but": "blue"}, 422),
        ({"image": True}, 422),
        ({"image": "17"}, 422),
        ({"image": 2**70}, 422),
        ({"image": ["data:image/png;base64,!!!"]}, 422),
        ({"image": "data:image/png;base64,aGVsbG8="}, 422),
        ({"image": "data:text/html;base64,aGVsbG8="}, 422),
        ({"image": ["data:image/png;base64,aGVsbG8="] * 17}, 422),
        ([1, 2], 422),
        ("red", 422),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(place: Place, body: Any, status: int) -> None:
    got = place.client.post("/v1/search", json=body)
    assert got.status_code == status, got.text
    if status != 200:
        assert got.headers["content-type"] == "application/problem+json"
        problem = got.json()
        assert problem["status"] == status and problem["detail"] and problem["title"]


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/a.jpg",
        "https://127.0.0.1/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://example.org/a",
        "/etc/passwd",
        "\\\\server\\share\\a.jpg",
        "gopher://x",
        "//example.org/a.jpg",
        " HTTP://example.org",
        "data:,hello",
    ],
)
def test_addresses_are_never_fetched(place: Place, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*about: object, **more: object) -> None:
        raise AssertionError("a connection was made")

    for body in ({"image": address}, {"text": "red", "not": [{"image": address}]}, {"image": {"image": address}}):
        with monkeypatch.context() as patch:
            patch.setattr(socket.socket, "connect", refuse)
            got = place.client.post("/v1/search", json=body)
        assert got.status_code == 422
        assert "data URL" in got.text or "no picture" in got.text


_OTHER = b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\na\r\n--x--'


@pytest.mark.parametrize(
    ("kind", "raw", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"", 400),
        ("application/json", b"\xff\xfe", 400),
        ("application/json", b'{"text": "\\ud800"}', 400),
        ("application/json", b"[" * 100_000, 400),
        ("text/plain", b"red", 415),
        ("", b"red", 415),
        ("multipart/form-data", b"red", 400),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\na\r\n--x--',
            422,
        ),
    ],
)
def test_what_is_no_request_at_all(place: Place, kind: str, raw: bytes, status: int) -> None:
    got = place.client.post("/v1/search", content=raw, headers={"content-type": kind} if kind else {})
    assert got.status_code == status, got.text
    assert got.headers["content-type"] == "application/problem+json"


def test_a_broken_upload_names_what_was_sent_and_nothing_of_this_disk(place: Place, tmp_path: Path) -> None:
    got = place.client.post("/v1/search", files={"image": ("my cat.jpg", b"\xff\xd8\xff\xe0 nothing", "image/jpeg")})
    assert got.status_code == 422
    assert "my cat.jpg" in got.json()["detail"]
    assert got.json()["type"] == "urn:openitr:UnreadableImage"


def test_what_typed_words_deny_is_avoided(place: Place) -> None:
    typed, named = place.search(text="red but no blue", k=5), place.search(text="red", k=5, **{"not": ["blue"]})
    assert [hit["id"] for hit in typed["hits"]] == [hit["id"] for hit in named["hits"]]
    assert typed["query"]["not"] == ["blue"] and typed["query"]["parts"][0]["value"] == "red"
