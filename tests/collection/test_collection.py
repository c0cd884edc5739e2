"""Making, opening and reading a collection; one writer, many readers."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from openitr.collection import Collection, add_run, data_folder, drop_run, find, info, manifest, reindex, verify
from openitr.errors import (
    CollectionBusy,
    CollectionError,
    DamagedCollection,
    FingerprintMismatch,
    InputError,
    NewerFormat,
    NoSuchCollection,
)
from tests.collection.conftest import Album
from tests.collection.fakes import ColourEncoder, paint, paint_many


def test_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENITR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert data_folder() == tmp_path / "home"
    assert find("photos") == tmp_path / "home/photos"
    assert find("./photos") == Path("photos") and find(Path("photos")) == Path("photos")
    assert find("a/b") == Path("a/b") and find("~/x") == Path.home() / "x"
    (tmp_path / "photos").mkdir()
    assert find("photos") == Path("photos")
    Collection.create(find(tmp_path / "home/photos")).close()
    assert find("photos") == tmp_path / "home/photos"
    for nonsense in ("", "  ", "a\0b"):
        with pytest.raises(CollectionError):
            find(nonsense)
    monkeypatch.delenv("OPENITR_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert data_folder() == tmp_path / "xdg/openitr"


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    Collection.create(tmp_path / "a").close()
    with pytest.raises(CollectionError, match="already"):
        Collection.create(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/letter.txt").write_text("dear")
    with pytest.raises(CollectionError, match="is no collection"):
        Collection.create(tmp_path / "b")
    (tmp_path / "c").write_text("a file")
    with pytest.raises(CollectionError):
        Collection.create(tmp_path / "c")
    for missing in ("nothing", "b"):
        with pytest.raises(NoSuchCollection, match=missing):
            Collection.open(tmp_path / missing)


def test_a_killed_creation_can_be_tried_again(tmp_path: Path) -> None:
    Collection.create(tmp_path / "a").close()
    (tmp_path / "a/collection.json").unlink()
    with Collection.create(tmp_path / "a") as collection:
        assert len(collection) == 0


def test_a_newer_format_is_refused_with_a_hint(tmp_path: Path) -> None:
    Collection.create(tmp_path / "a").close()
    path = tmp_path / "a/collection.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"format": 99, "made_by": "9.1"}))
    with pytest.raises(NewerFormat, match=r"format 99, written by OpenITR 9\.1") as caught:
        Collection.open(tmp_path / "a")
    assert "upgrade" in caught.value.remedy
    for damage in ("{", "[]", '{"format": "x"}', json.dumps(facts | {"format": 0})):
        path.write_text(damage)
        with pytest.raises(DamagedCollection):
            Collection.open(tmp_path / "a")


def test_an_older_format_is_brought_up_to_date(full: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's layout plays the old one: the next format adds a column, and a second step fills it."""
    broken = [True]

    def add_column(db: sqlite3.Connection, folder: Path) -> None:
        db.execute("ALTER TABLE items ADD COLUMN rating INTEGER")

    def fill_column(db: sqlite3.Connection, folder: Path) -> None:
        db.execute("UPDATE items SET rating = id % 6")
        if broken[0]:
            raise OSError("the power went")

    monkeypatch.setattr(manifest, "FORMAT", 5)
    monkeypatch.setattr(manifest, "STEPS", {3: add_column, 4: fill_column})
    path = full.collection.path
    with pytest.raises(OSError, match="power"):
        Collection.open(path)
    assert manifest.read(path).format == 3
    broken[0] = False
    with full.collection.writing(), pytest.raises(CollectionBusy):
        Collection.open(path)
    with Collection.open(path) as collection:
        assert collection.manifest.format == 5 == manifest.read(path).format
        rows = collection.store.read.execute("SELECT id, rating FROM items").fetchall()
        assert rows == [(id, id % 6) for id in range(1, 13)]
        assert len(collection.items(collection.ids())) == 12
    kept = sqlite3.connect(path / "items.sqlite.format-3")
    assert "rating" not in [row[1] for row in kept.execute("PRAGMA table_info(items)")]
    kept.close()
    monkeypatch.setattr(manifest, "FORMAT", 7)
    with pytest.raises(CollectionError, match="too old"):
        Collection.open(path)


def test_one_writer_and_its_name(full: Album) -> None:
    with Collection.open(full.collection.path) as other, full.collection.writing():
        with pytest.raises(CollectionBusy, match=f"process {os.getpid()}"), other.writing():
            pass
        assert len(other) == 12
    code = f"from openitr.collection import Collection\nwith Collection.open({str(full.collection.path)!r}).writing():"
    done = subprocess.run([sys.executable, "-c", code + " pass"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_readers_see_whole_commits_only(album: Album) -> None:
    """While items come and go, what a reader finds in the index it finds in the items, and the other way round."""
    paint_many(album.folder, 30)
    album.ingest(batch=5)
    stop, faults = threading.Event(), []
    query = album.encoder.encode_texts(["x"])

    def read() -> None:
        with Collection.open(album.collection.path) as reader:
            run = reader.run()
            while not stop.is_set():
                db = reader.store.read
                db.execute("BEGIN")  # one moment for both looks
                items, vectors = reader.ids().tolist(), run.index.ids().tolist()
                db.execute("COMMIT")
                if items != vectors:
                    faults.append((len(items), len(vectors)))
                if len(run.index.search(query, 10)[0]) != 10:
                    faults.append("short")

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    paint_many(album.folder, 30, first=30)
    album.ingest(batch=3)
    for n in range(0, 30, 2):
        (album.folder / f"part{n % 3}/picture{n:04d}.png").unlink()
    album.ingest(batch=3)
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == [] and len(album.collection) == 45


def test_the_first_format_learns_to_forget(full: Album) -> None:
    path = full.collection.path
    with full.collection.writing() as writer:
        writer.db.execute("DROP TABLE forgotten")
        writer.db.execute("PRAGMA user_version = 1")
    facts = json.loads((path / "collection.json").read_text())
    (path / "collection.json").write_text(json.dumps(facts | {"format": 1}))
    with Collection.open(path) as collection:
        assert collection.manifest.format == manifest.FORMAT
        assert collection.remove([1]) == 1 and len(collection) == 11


def test_what_was_removed_stays_out_until_it_is_wanted_or_changes(full: Album) -> None:
    paths = {item.id: item.path for item in full.collection.items([1, 2, 3])}
    assert full.collection.remove([1, 2, 3, 99]) == 3
    assert len(full.collection) == 9 == len(full.collection.run().index)
    assert [p.level for p in verify(full.collection)] == []
    report = full.ingest()
    assert (report.added, report.unchanged) == (0, 9)
    assert report.notes == ["3 removed pictures stay out; --restore takes them again"]
    paint(full.folder / paths[2], 77)
    assert full.ingest().added == 1, "a file that changed is a new picture"
    report = full.ingest(restore=True)
    assert (report.added, report.unchanged, len(full.collection)) == (2, 10, 12)
    assert not {1, 2, 3} & set(full.collection.ids().tolist()), "an id is never given to another picture"
    assert full.ingest().notes == []


def test_a_file_that_went_and_came_back_was_not_removed_by_anyone(full: Album) -> None:
    path = full.folder / full.collection.items([1])[0].path
    data = path.read_bytes()
    path.unlink()
    assert full.ingest().removed == 1
    path.write_bytes(data)
    assert full.ingest().added == 1


def test_dead_rows_are_cleared_away(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    import openitr.collection.writing as writing

    monkeypatch.setattr(writing, "_DEAD_ROWS", 5)
    paint_many(album.folder, 30)
    album.ingest()
    before = album.state()
    album.collection.remove(album.collection.ids()[:10])
    index = album.collection.run().index
    assert index.dead_rows == 0 and len(index) == 20 and index.mark.generation == 2
    assert album.state() == {path: facts for path, facts in before.items() if path in album.paths()}
    album.ingest(restore=True)
    assert album.state() == before


def test_a_missing_thumbnail_is_made_again(full: Album) -> None:
    before = full.collection.thumbnail(1)
    with full.collection.writing() as writer, writer.batch() as db:
        db.execute("DELETE FROM thumbs.thumbs")
    assert full.collection.thumbnail(1) == before
    with pytest.raises(InputError, match="no item 77"):
        full.collection.thumbnail(77)
    assert [(p.level, p.where) for p in verify(full.collection)] == [("info", "thumbs.sqlite")]


def test_items_come_in_the_order_asked_for(full: Album) -> None:
    assert [i.id for i in full.collection.items([5, 99, 2, 5])] == [5, 2, 5]
    assert full.collection.items(np.array([3]))[0].id == 3
    ids, hashes, phashes = full.collection.hashes()
    assert ids.tolist() == list(range(1, 13)) and len(set(hashes)) == 12 and len(phashes) == 12


def test_info_counts(full: Album) -> None:
    (full.folder / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    full.ingest()
    facts = info(full.collection)
    assert facts["items"] == 12 and facts["formats"] == {"png": 12} and sum(facts["skipped"].values()) == 1
    assert facts["roots"] == [{"id": 1, "path": str(full.folder.resolve()), "items": 12, "there": True}]
    assert facts["runs"][0]["vectors"] == 12 and facts["runs"][0]["state"] == "active"
    assert all(facts["bytes"].values())
    json.dumps(facts)


class TestRuns:
    def test_reindexing_switches_when_whole(self, full: Album) -> None:
        other = ColourEncoder(seed=1, dim=10)
        seen: list[tuple[str, int]] = []
        report = reindex(
            full.collection, other, workers=1, batch=5,
            on_progress=lambda step: seen.append((full.collection.run().name, step.committed)),
        )  # fmt: skip
        assert report.updated == 12 and seen[0] == ("colour-0", 5) and seen[-1] == ("colour-0", 12)
        run = full.collection.run()
        assert (run.name, run.dim, len(run.index)) == ("colour-1", 10, 12)
        assert full.collection.run("colour-0").state == "ready"
        with pytest.raises(CollectionError, match="answers searches"):
            drop_run(full.collection, "colour-1")
        drop_run(full.collection, "colour-0")
        assert full.collection.run_names() == ["colour-1"] and len(list((full.collection.path / "runs").iterdir())) == 1
        with pytest.raises(CollectionError, match="no run"):
            full.collection.run("colour-0")

    def test_an_interrupted_reindex_goes_on(self, full: Album) -> None:
        class Failing(ColourEncoder):
            def encode_images(self, images):  # type: ignore[no-untyped-def]
                if self.encoded >= 8:
                    raise KeyboardInterrupt
                return super().encode_images(images)

        with pytest.raises(KeyboardInterrupt):
            reindex(full.collection, Failing(seed=1), workers=1, batch=4)
        assert full.collection.run().name == "colour-0"
        assert full.collection.run("colour-1").state == "building"
        encoder = ColourEncoder(seed=1)
        report = reindex(full.collection, encoder, workers=1)
        assert (report.updated, report.unchanged, encoder.encoded) == (4, 8, 4)
        assert full.collection.run().name == "colour-1"

    def test_a_newer_version_of_a_model_takes_over_from_the_older(self, full: Album) -> None:
        newer = ColourEncoder(seed=1, dim=10)
        newer.spec = "colour-0"
        report = reindex(full.collection, newer, workers=1)
        assert report.updated == 12
        run = full.collection.run()
        assert (run.name, run.spec, run.dim) == ("colour-0-2", "colour-0", 10)
        assert full.collection.run_names() == ["colour-0-2"]
        assert reindex(full.collection, newer, workers=1).unchanged == 12

    def test_a_name_belongs_to_one_model(self, full: Album) -> None:
        add_run(full.collection, "second", ColourEncoder(seed=1))
        with pytest.raises(FingerprintMismatch):
            add_run(full.collection, "second", ColourEncoder(seed=2))
        with pytest.raises(InputError, match="cannot name"):
            add_run(full.collection, "../escape", ColourEncoder(seed=2))

    def test_two_models_are_kept_up_to_date_together(self, full: Album) -> None:
        second = ColourEncoder(seed=1, dim=8)
        add_run(full.collection, "second", second)
        full.ingest(encoder=[full.encoder, second])
        assert len(full.collection.run("second").index) == 12
        paint(full.folder / "part0/picture0000.png", 500)
        paint(full.folder / "new.png", 501)
        full.ingest()
        assert len(full.collection.run("second").index) == 11, "the vector of the old content is gone"
        full.ingest(encoder=second)
        run = full.collection.run("second")
        assert len(run.index) == 13
        fresh = Album.__new__(Album)
        fresh.__dict__ |= full.__dict__
        pictures = [full.collection.file(item) for item in full.collection.items(full.collection.ids())]
        from openitr.media.images import decode

        expected = second.encode_images([decode(path).array for path in pictures]).values
        np.testing.assert_allclose(run.index.vectors(full.collection.ids()).values, expected, atol=1e-5)

    def test_a_reindex_without_files_keeps_the_old_run(self, full: Album, tmp_path: Path) -> None:
        full.folder.rename(tmp_path / "elsewhere")
        with pytest.raises(CollectionError, match="old run stays"):
            reindex(full.collection, ColourEncoder(seed=1), workers=1)
        assert full.collection.run().name == "colour-0"
