"""Pictures one by one: browsing, facts, small copies, originals, forgetting and downloading them."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.conftest import COLOURS, ODD, Place


def test_browsing_goes_through_all_pages(place: Place) -> None:
    whole = place.client.get("/v1/items").json()
    assert whole["total"] == len(place.library) == len(whole["items"])
    pages = [place.client.get(f"/v1/items?offset={n}&limit=3").json()["items"] for n in (0, 3, 6)]
    assert [i["id"] for page in pages for i in page] == [i["id"] for i in whole["items"]]
    assert set(whole["items"][0]) == {"id", "root", "path", "name", "width", "height"}
    added = [i["id"] for i in place.client.get("/v1/items?sort=added").json()["items"]]
    assert added == sorted(added, reverse=True)
    only = place.client.get("/v1/items", params={"where": ["folder=day", "stars>=2"]}).json()
    assert {i["name"] for i in only["items"]} == {"night.png", "purple.png"} and only["total"] == 2
    for bad in ("limit=0", "limit=1001", "offset=-1", "sort=size", "where=nope=1", "offset=x"):
        assert place.client.get(f"/v1/items?{bad}").status_code == 422
    assert place.client.get("/v1/items?collection=nope").status_code == 404


def test_browsing_sees_what_was_removed(fresh: Place) -> None:
    before = fresh.client.get("/v1/items").json()
    gone = before["items"][0]["id"]
    got = fresh.client.post("/v1/items/remove", json={"ids": [gone]})
    assert got.status_code == 200 and got.json() == {"removed": 1}
    after = fresh.client.get("/v1/items").json()
    assert after["total"] == before["total"] - 1 and gone not in [i["id"] for i in after["items"]]
    assert fresh.client.get(f"/v1/items/{gone}").status_code == 404
    assert fresh.client.get(f"/v1/items/{gone}/thumbnail").status_code == 404


def test_one_picture_with_all_that_is_known(place: Place) -> None:
    id = place.ids()["purple"]
    got = place.client.get(f"/v1/items/{id}").json()
    item = place.library.item(id)
    assert got["metadata"] == {"mood": "warm", "stars": 5, "kept": True}
    assert (got["sha256"], got["size"], got["mtime_ns"]) == (item.sha256, item.size, item.mtime_ns)
    assert (got["width"], got["height"], got["format"]) == (65, 40, "png")
    assert "file" not in got
    for bad in ("0", "-1", "x", str(2**60), "1.5"):
        assert place.client.get(f"/v1/items/{bad}").status_code == 422


def test_small_copies_are_pictures_and_are_not_sent_twice(place: Place) -> None:
    id = place.ids()["red"]
    got = place.client.get(f"/v1/items/{id}/thumbnail")
    assert got.status_code == 200 and got.headers["content-type"] in ("image/png", "image/jpeg")
    assert got.headers["cache-control"].startswith("private")
    again = place.client.get(f"/v1/items/{id}/thumbnail", headers={"If-None-Match": got.headers["etag"]})
    assert again.status_code == 304 and not again.content
    assert again.headers["content-security-policy"]


def test_a_small_copy_that_was_lost_is_made_again(fresh: Place) -> None:
    with fresh.library.collection.writing() as writer, writer.batch() as db:
        db.execute("DELETE FROM thumbs.thumbs")
    got = fresh.client.get(f"/v1/items/{fresh.ids()['red']}/thumbnail")
    assert got.status_code == 200 and got.headers["content-type"].startswith("image/")


def test_originals_come_as_they_are(place: Place) -> None:
    id = place.ids()["red"]
    raw = (place.folder / "dusk" / "red.png").read_bytes()
    got = place.client.get(f"/v1/items/{id}/file")
    assert got.content == raw and got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"] == "inline; filename=\"red.png\"; filename*=UTF-8''red.png"
    assert place.client.get(f"/v1/items/{id}/file", headers={"If-None-Match": got.headers["etag"]}).status_code == 304
    assert place.client.get(f"/v1/items/{id}/file?download=true").headers["content-disposition"].startswith("attach")


def test_file_names_cannot_end_a_header(place: Place) -> None:
    ids = place.ids()
    odd = place.client.get(f"/v1/items/{ids[ODD.rpartition('.')[0]]}/file")
    assert odd.status_code == 200 and "set-cookie" not in odd.headers
    value = odd.headers["content-disposition"]
    assert "\r" not in value and "\n" not in value and value.count('"') == 2
    assert "%0D%0ASet-Cookie" in value and "%C3%BC" in value
    no_text = place.client.get(f"/v1/items/{ids['caf' + chr(0xDCE9)]}/file")
    assert no_text.headers["content-disposition"].endswith("filename*=UTF-8''caf%E9.png")


@pytest.fixture
def moved(served: Callable[..., Place], painted: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """The collection over a copy of the pictures, so that a test may swap files."""
    folder = tmp_path / "own"
    shutil.copytree(painted / "pictures", folder)
    place = served(**getattr(request, "param", {}))
    with place.library.collection.writing() as writer, writer.batch() as db:
        db.execute("UPDATE roots SET path = ?", (str(folder),))
    place.folder = folder
    return place


def test_a_link_that_leads_out_is_refused(moved: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    id = moved.ids()["red"]
    path = moved.folder / "dusk" / "red.png"
    path.unlink()
    path.symlink_to(secret)
    got = moved.client.get(f"/v1/items/{id}/file")
    assert got.status_code == 403 and b"secret" not in got.content
    archive = moved.client.post("/v1/items/export", json={"ids": [id, moved.ids()["blue"]]})
    names = zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    assert sorted(names) == ["dusk/blue.png", "items.json"]
    assert moved.client.post("/v1/search", json={"image": id, "text": "red"}).status_code == 403
    assert moved.client.get(f"/v1/items/{id}/thumbnail").status_code == 200


def test_a_folder_swapped_for_a_link_is_refused(moved: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (moved.folder / "dusk").rename(outside)
    (moved.folder / "dusk").symlink_to(outside)
    assert moved.client.get(f"/v1/items/{moved.ids()['red']}/file").status_code == 403


def test_a_path_that_climbs_in_the_database_is_refused(moved: Place, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    with moved.library.collection.writing() as writer, writer.batch() as db:
        db.execute("UPDATE items SET path = '../secret.png' WHERE name = 'red.png'")
    got = moved.client.get(f"/v1/items/{moved.ids()['secret']}/file")
    assert got.status_code == 403 and got.content != b"secret"


@pytest.mark.parametrize("moved", [{"allow_folders": ["placeholder"]}], indirect=True)
def test_a_link_into_an_allowed_folder_is_followed(moved: Place, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    object.__setattr__(moved.app.state.settings, "allow_folders", (allowed,))
    path = moved.folder / "dusk" / "red.png"
    shutil.move(path, allowed / "red.png")
    path.symlink_to(allowed / "red.png")
    assert moved.client.get(f"/v1/items/{moved.ids()['red']}/file").content == (allowed / "red.png").read_bytes()


@pytest.mark.parametrize("become", ["gone", "folder", "pipe"])
def test_a_file_that_is_none_any_more(moved: Place, become: str) -> None:
    path = moved.folder / "dusk" / "red.png"
    path.unlink()
    if become == "folder":
        path.mkdir()
    elif become == "pipe":
        os.mkfifo(path)
    id = moved.ids()["red"]
    assert moved.client.get(f"/v1/items/{id}/file").status_code == 404
    assert moved.client.post("/v1/search", json={"image": id, "text": "red"}).status_code == 422


def test_an_edited_file_has_no_tag_of_the_old_one(moved: Place) -> None:
    id = moved.ids()["red"]
    (moved.folder / "dusk" / "red.png").write_bytes(b"<script>alert(1)</script>")
    got = moved.client.get(f"/v1/items/{id}/file")
    assert "etag" not in got.headers
    assert got.headers["content-type"] == "image/png" and got.headers["x-content-type-options"] == "nosniff"


def test_what_browsers_may_run_is_a_download(fresh: Place) -> None:
    with fresh.library.collection.writing() as writer, writer.batch() as db:
        db.execute("UPDATE items SET format = 'svg' WHERE name = 'red.png'")
    got = fresh.client.get(f"/v1/items/{fresh.ids()['red']}/file")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment")


def test_an_archive_holds_originals_and_facts(place: Place) -> None:
    ids = place.ids()
    got = place.client.post("/v1/items/export", json={"ids": [*ids.values(), 999]})
    assert got.status_code == 200 and got.headers["content-type"] == "application/zip"
    made = zipfile.ZipFile(io.BytesIO(got.content))
    assert made.testzip() is None
    names = made.namelist()
    assert len(names) == len(set(names)) == len(ids) + 1
    for name in names:
        assert not name.startswith("/") and ".." not in name.split("/") and "\\" not in name
        assert name.isprintable()
    assert made.read("dusk/red.png") == (place.folder / "dusk" / "red.png").read_bytes()
    told = json.loads(made.read("items.json"))["items"]
    assert {item["id"] for item in told} == set(ids.values())
    assert all(made.getinfo(item["file_in_archive"]) for item in told)
    assert place.client.post("/v1/items/export", json={"ids": [999]}).status_code == 404
    for bad in ([], list(range(1, 2002)), ["1"], [0]):
        assert place.client.post("/v1/items/export", json={"ids": bad}).status_code == 422


def test_read_only_changes_nothing(served: Callable[..., Place]) -> None:
    place = served(read_only=True)
    got = place.client.post("/v1/items/remove", json={"ids": [1]})
    assert got.status_code == 403 and "read-only" in got.json()["detail"]
    assert len(place.library) == len(COLOURS) + 2


def test_removing_while_another_process_writes_is_409(fresh: Place) -> None:
    with fresh.library.collection.writing():
        got = fresh.client.post("/v1/items/remove", json={"ids": [1]})
    assert got.status_code == 409
    assert str(fresh.library.path) not in got.text
