"""What no request gets past: names, origins, keys, rates, sizes; and what every answer carries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openitr.server import guard
from openitr.server.settings import Settings
from tests.server.conftest import Place

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/v1/items", "/v1/items/999", "/nope", "/metrics", "/openapi.json", "/static/nope"]
)
def test_every_answer_carries_the_policy(place: Place, path: str) -> None:
    got = place.client.get(path)
    policy = got.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;")
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert {name: got.headers[name] for name in HEADERS} == HEADERS
    assert got.headers["cache-control"]
    assert "server" not in got.headers


def test_what_fails_inside_says_nothing_of_it_and_carries_the_policy(
    fresh: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*about: object) -> None:
        raise RuntimeError("/home/ann/secret went wrong")

    monkeypatch.setattr(fresh.library.collection, "items", fail)
    got = fresh.client.get("/v1/items/1")
    assert got.status_code == 500 and "secret" not in got.text and "Traceback" not in got.text
    assert got.headers["content-type"] == "application/problem+json"
    assert got.headers["content-security-policy"]


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1:9", "[::1]:8000", "localhost."]
)
def test_names_of_this_machine_are_answered(place: Place, host: str) -> None:
    assert place.client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.9", "0.0.0.0",
     "a@localhost", "localhost:x", "localhost/../x", "", "[::1", "localhost, evil.example"],
)  # fmt: skip
def test_foreign_names_are_refused(place: Place, host: str) -> None:
    for path in ("/", "/healthz", "/v1/items", "/mcp"):
        assert place.client.get(path, headers={"Host": host}).status_code == 403


def test_names_that_are_allowed_and_the_bound_one(served: Callable[..., Place]) -> None:
    place = served(host="192.168.1.5", allow_hosts=["Photos.example"], api_key="k")
    for host in ("photos.example", "photos.example:443", "192.168.1.5:8000"):
        assert place.client.get("/healthz", headers={"Host": host}).status_code == 200
    assert place.client.get("/healthz", headers={"Host": "192.168.1.6"}).status_code == 403


def test_bound_to_everything_only_the_address_that_was_called_is_a_name() -> None:
    assert guard._same_address("10.0.0.5", ("10.0.0.5", 80))
    assert not guard._same_address("10.0.0.6", ("10.0.0.5", 80))
    assert not guard._same_address("evil.example", ("10.0.0.5", 80))
    assert not guard._same_address("10.0.0.5", None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://[::1"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_other_sites_change_nothing_and_ask_nothing(place: Place, headers: dict[str, str]) -> None:
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/v1/search", {"text": "red"}),
        ("POST", "/v1/items/remove", {"ids": [1]}),
        ("POST", "/v1/session", {"key": "k"}),
        ("POST", "/v1/jobs", {"kind": "index"}),
        ("DELETE", "/v1/jobs/1", None),
        ("POST", "/mcp", {}),
    ]
    for method, path, body in calls:
        got = place.client.request(method, path, json=body, headers=headers)
        assert got.status_code == 403, (path, got.text)
        assert "access-control-allow-origin" not in got.headers
    assert len(place.library) == 8


def test_the_page_itself_may_ask(place: Place) -> None:
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert place.client.post("/v1/search", json={"text": "red"}, headers=own).status_code == 200
    assert place.client.options("/v1/search", headers={"Origin": "http://evil.example"}).status_code == 405


@pytest.fixture
def locked(served: Callable[..., Place]) -> Place:
    return served(api_key="open sesame")


def test_without_the_key_only_signing_in_is_possible(locked: Place) -> None:
    for path in ("/", "/healthz", "/v1/session", "/openapi.json"):
        assert locked.client.get(path).status_code == 200
    for path in ("/v1/items", "/v1/items/1", "/v1/items/1/thumbnail", "/v1/items/1/file", "/v1/collections", "/metrics",
                 "/v1/models", "/v1/jobs", "/v1/jobs/1/events", "/mcp", "/v1/session/", "/nope", "//v1/items",
                 "/v1/../v1/items", "/static/../v1/items", "/static/%2e%2e/v1/items"):  # fmt: skip
        got = locked.client.get(path)
        assert got.status_code in (401, 404), path
        assert "items" not in got.text or got.status_code == 401
    got = locked.client.post("/v1/search", json={"text": "red"})
    assert got.status_code == 401 and got.headers["www-authenticate"] == "Bearer"
    assert locked.client.get("/v1/session").json() == {
        "key_needed": True, "signed_in": False, "read_only": False, "show_paths": False,
    }  # fmt: skip


def test_the_key_in_a_header(locked: Place) -> None:
    for headers in ({"X-API-Key": "open sesame"}, {"Authorization": "Bearer open sesame"}):
        assert locked.client.get("/v1/items", headers=headers).status_code == 200
    wrong: list[Any] = ["open", "open sesame2", "Bearer open sesame", "öpen sésame".encode(), b"\xff\xfe"]
    for key in wrong:
        assert locked.client.get("/v1/items", headers={"X-API-Key": key}).status_code == 401


def test_the_key_once_and_then_a_cookie(locked: Place) -> None:
    assert locked.client.post("/v1/session", json={"key": "wrong"}).status_code == 401
    got = locked.client.post("/v1/session", json={"key": "open sesame"})
    assert got.status_code == 200 and got.json()["signed_in"] is True
    cookie = got.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "open sesame" not in cookie
    assert locked.client.get("/v1/items").status_code == 200
    held = dict(locked.client.cookies)
    assert locked.client.delete("/v1/session").json()["signed_in"] is False
    locked.client.cookies.update(held)
    # A cookie that was kept is worth nothing after signing out.
    assert locked.client.get("/v1/items").status_code == 401


def test_guessing_is_slowed_down(locked: Place) -> None:
    answers = [locked.client.post("/v1/session", json={"key": f"guess {n}"}).status_code for n in range(14)]
    assert answers[:10] == [401] * 10 and set(answers[10:]) == {429}
    got = locked.client.get("/v1/items", headers={"X-API-Key": "open sesame"})
    assert got.status_code == 429 and int(got.headers["retry-after"]) >= 1


def test_a_client_that_asks_too_often_is_told_to_wait(served: Callable[..., Place]) -> None:
    place = served(rate_limit=2)
    answers = [place.client.get("/v1/items?limit=1").status_code for _ in range(12)]
    assert answers[:4] == [200] * 4 and 429 in answers
    got = next(g for g in (place.client.get("/v1/items") for _ in range(20)) if g.status_code == 429)
    assert int(got.headers["retry-after"]) >= 1
    # A page of small copies is one glance, not fifty requests.
    assert {place.client.get("/v1/items/1/thumbnail").status_code for _ in range(20)} == {200}
    assert place.client.get("/healthz").status_code == 200


def test_large_bodies_are_refused_with_and_without_a_length(served: Callable[..., Place]) -> None:
    place = served(max_body=10_000)
    kind = {"content-type": "application/json"}
    assert place.client.post("/v1/search", content=b"x" * 10_001, headers=kind).status_code == 413
    sent = []

    def endless() -> Iterator[bytes]:
        for _ in range(100_000):
            sent.append(1)
            yield b"x" * 1000

    got = place.client.post("/v1/search", content=endless(), headers=kind)
    assert got.status_code == 413 and got.headers["content-type"] == "application/problem+json"
    small = json.dumps({"text": "red"}).encode()
    assert place.client.post("/v1/search", content=iter([small[:5], small[5:]]), headers=kind).status_code == 200
    for length in ("x", "-5", "1e3"):
        got = place.client.post("/v1/search", content=b"{}", headers={**kind, "Content-Length": length})
        assert got.status_code == 400
    files = {"image": ("a.png", b"\x89PNG" + b"0" * 20_000, "image/png")}
    assert place.client.post("/v1/search", files=files).status_code == 413


def test_uploads_share_a_limit(served: Callable[..., Place]) -> None:
    place = served(max_bodies=100)
    kind = {"content-type": "application/json"}
    got = place.client.post("/v1/search", content=b'{"text": "' + b"r" * 200 + b'"}', headers=kind)
    assert got.status_code == 503 and got.headers["retry-after"]
    # What was refused is not counted for ever.
    for _ in range(5):
        assert place.client.post("/v1/search", content=b'{"text": "red"}', headers=kind).status_code == 200


def _all_answers(place: Place) -> Iterator[str]:
    """The text of every kind of answer, errors among them."""
    client, ids = place.client, place.ids()
    gets = [
        "/", "/healthz", "/metrics", "/openapi.json", "/v1/items", "/v1/collections", "/v1/collections/photos",
        "/v1/collections/photos/fields", "/v1/collections/photos/skipped", "/v1/collections/photos/duplicates",
        "/v1/models", "/v1/jobs", "/v1/session", "/v1/items/999", "/v1/items/999/file", "/v1/collections/nope", "/nope",
        "/v1/items?where=x", "/v1/jobs/nope", *(f"/v1/items/{i}" for i in ids.values()),
    ]  # fmt: skip
    posts: list[tuple[str, Any]] = [
        ("/v1/search", {"text": "red", "items": True}),
        ("/v1/search", {"image": ids["red"], "text": "x"}),
        ("/v1/search", {"text": "red", "run": "nope"}),
        ("/v1/search", {"text": "red", "where": ["nope=1"]}),
        ("/v1/search", {"image": "data:image/png;base64,aGVsbG8="}),
        ("/v1/items/export", {"ids": [999]}),
        ("/v1/embed", {"texts": ["red"]}),
        ("/v1/explain", {"id": ids["red"], "text": "red", "grid": 3}),
        ("/v1/jobs", {"kind": "index", "folder": "/nowhere/at/all"}),
        ("/v1/jobs", {"kind": "reindex", "model": "/nowhere/model"}),
        ("/v1/eval", {"data": "/nowhere/data"}),
        ("/v1/items/remove", {"ids": [999]}),
    ]
    for path in gets:
        yield client.get(path).text
    for path, body in posts:
        yield client.post(path, json=body).text
    with place.library.collection.writing():
        yield client.post("/v1/items/remove", json={"ids": [1]}).text
    (place.library.path / "items.sqlite").rename(place.library.path / "gone.sqlite")
    for path in ("/v1/items/1", "/v1/items"):
        yield client.get(path).text


def test_no_folder_of_this_disk_is_in_any_answer(fresh: Place, painted: Any, tmp_path: Any) -> None:
    import sys
    from pathlib import Path

    import openitr

    secrets = [str(painted), str(tmp_path), str(Path(openitr.__file__).parent), str(Path.home()), sys.prefix]
    for text in _all_answers(fresh):
        for secret in secrets:
            if len(Path(secret).parts) > 1:
                assert secret not in text, text[:2000]


def test_folders_are_shown_where_that_was_asked_for(served: Callable[..., Place]) -> None:
    place = served(show_paths=True)
    id = place.ids()["red"]
    assert place.client.get(f"/v1/items/{id}").json()["file"] == str(place.folder / "dusk" / "red.png")
    about = place.client.get("/v1/collections/photos").json()
    assert about["path"] == str(place.library.path) and about["roots"][0]["path"] == str(place.folder)


def test_settings_say_where_they_listen() -> None:
    assert Settings(host="0.0.0.0", port=80).base == "http://127.0.0.1:80"
    assert Settings(host="::1", port=80).base == "http://[::1]:80"
