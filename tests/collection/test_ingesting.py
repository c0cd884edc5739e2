"""Bringing a collection up to date: what is new, changed, moved, gone, described or unreadable."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openitr.collection import Progress
from openitr.errors import CollectionError, FingerprintMismatch, InputError
from tests.collection.conftest import Album
from tests.collection.fakes import ColourEncoder, paint, paint_many


def counts(report: object) -> dict[str, int]:
    """The counts of a report that are not zero."""
    facts = report.to_json()  # type: ignore[attr-defined]
    return {k: v for k, v in facts.items() if v and k not in ("seconds", "images_per_second")}


def test_a_folder_gets_in(album: Album) -> None:
    paint_many(album.folder, 20)
    told: list[Progress] = []
    report = album.ingest(batch=8, on_progress=told.append)
    assert counts(report) == {"added": 20} and album.encoder.encoded == 20
    assert [step.committed for step in told] == [8, 16, 20]
    assert told[-1].done == told[-1].total == 20 and told[-1].eta == 0 and told[0].rate > 0
    item = album.collection.items([1])[0]
    assert item.path == "part0/picture0000.png" and item.folder == "part0"
    assert (item.width, item.height, item.format) == (24, 24, "png")
    assert item.captions == ("picture number 0", "of colour 0")
    path = album.collection.file(item)
    assert path.read_bytes() == (album.folder / item.path).read_bytes()
    run = album.collection.run()
    assert run.fingerprint == album.encoder.fingerprint and len(run.index) == 20
    expected = ColourEncoder().encode_images([np.asarray(Image.open(path).convert("RGB"))])
    assert run.index.search(expected, 1)[0].ids.tolist() == [1]
    assert Image.open(io.BytesIO(album.collection.thumbnail(1))).size == (24, 24)


def test_unchanged_files_are_not_opened(full: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    import openitr.media.pool as pool

    monkeypatch.setattr(pool, "WorkerProcess", None)  # a worker would have to be started to open one
    report = full.ingest()
    assert counts(report) == {"unchanged": 12} and full.encoder.encoded == 12


def test_touched_files_are_hashed_and_not_encoded(full: Album) -> None:
    os.utime(full.folder / "part1/picture0001.png", ns=(5, 5))
    assert counts(full.ingest()) == {"updated": 1, "unchanged": 11}
    assert full.encoder.encoded == 12
    assert full.collection.items([full.paths()["part1/picture0001.png"]])[0].mtime_ns == 5
    assert counts(full.ingest()) == {"unchanged": 12}


def test_moved_and_renamed_files_keep_id_and_vector(full: Album) -> None:
    before = full.paths()
    full.folder.joinpath("part1").rename(full.folder / "summer")
    full.folder.joinpath("part0/picture0000.png").rename(full.folder / "best.png")
    assert counts(full.ingest()) == {"moved": 5, "unchanged": 7}
    after = full.paths()
    assert after["best.png"] == before["part0/picture0000.png"]
    for name in ("picture0001.png", "picture0010.png"):
        assert after[f"summer/{name}"] == before[f"part1/{name}"]
    assert full.encoder.encoded == 12 and len(full.collection.run().index) == 12
    assert full.collection.items([after["summer/picture0001.png"]])[0].folder == "summer"


def test_a_chain_of_renames_keeps_every_id(album: Album) -> None:
    for n in range(5):
        paint(album.folder / f"{n}.bmp", n)  # of equal size, so that only the content tells them apart
    album.ingest()
    before = album.paths()
    for n in reversed(range(5)):
        (album.folder / f"{n}.bmp").rename(album.folder / f"{n + 1}.bmp")
    (album.folder / "5.bmp").rename(album.folder / "0.bmp")
    assert counts(album.ingest()) == {"moved": 5}
    after = album.paths()
    assert [after[f"{(n + 1) % 5}.bmp"] for n in range(5)] == [before[f"{n}.bmp"] for n in range(5)]
    assert album.encoder.encoded == 5


def test_a_move_onto_another_file_removes_what_was_there(full: Album) -> None:
    before = full.paths()
    (full.folder / "part0/picture0000.png").replace(full.folder / "part1/picture0001.png")
    report = full.ingest()
    assert report.removed == 1 and report.moved + report.updated == 1 and len(full.collection) == 11
    assert full.paths()["part1/picture0001.png"] in (before["part0/picture0000.png"], before["part1/picture0001.png"])
    assert full.encoder.encoded == 12


def test_deleted_files_go(full: Album) -> None:
    gone = full.paths()["part0/picture0003.png"]
    (full.folder / "part0/picture0003.png").unlink()
    shutil.rmtree(full.folder / "part2")
    assert counts(full.ingest()) == {"removed": 5, "unchanged": 7}
    assert len(full.collection) == 7 and full.collection.items([gone]) == []
    assert full.collection.run().index.ids().tolist() == full.collection.ids().tolist()


def test_edited_files_are_encoded_again_under_their_id(full: Album) -> None:
    before = full.collection.run().index.vectors(np.array([1])).values
    paint(full.folder / "part0/picture0000.png", 999, size=30)
    assert counts(full.ingest()) == {"updated": 1, "unchanged": 11}
    item = full.collection.items([1])[0]
    assert item.path == "part0/picture0000.png" and item.width == 30 and full.encoder.encoded == 13
    assert not np.allclose(full.collection.run().index.vectors(np.array([1])).values, before)


def test_the_same_name_in_two_folders_and_the_same_content_twice(album: Album) -> None:
    paint(album.folder / "a/cat.png", 1)
    paint(album.folder / "b/cat.png", 2)
    shutil.copy(album.folder / "a/cat.png", album.folder / "copy.png")
    assert counts(album.ingest()) == {"added": 3}
    shutil.copy(album.folder / "b/cat.png", album.folder / "later.png")
    assert counts(album.ingest()) == {"added": 1, "unchanged": 3}
    assert album.encoder.encoded == 2
    ids = album.paths()
    vectors = album.collection.run().index.vectors(np.array([ids[p] for p in sorted(ids)])).values
    a, b, copy, later = vectors
    assert (a == copy).all() and (b == later).all() and not np.allclose(a, b)


def test_a_missing_or_emptied_folder_removes_nothing(full: Album, tmp_path: Path) -> None:
    full.folder.rename(tmp_path / "unplugged")
    with pytest.raises(CollectionError, match="not there now; nothing was changed"):
        full.ingest()
    full.folder.mkdir()
    with pytest.raises(CollectionError, match="holds no picture now"):
        full.ingest()
    (full.folder / "part1").mkdir()
    with pytest.raises(CollectionError, match="holds no picture now"):
        full.ingest(full.folder / "part1")
    assert len(full.collection) == 12
    assert counts(full.ingest(empty_ok=True)) == {"removed": 12}


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may list every folder")
def test_what_lies_in_a_folder_that_cannot_be_listed_is_not_gone(full: Album) -> None:
    (full.folder / "part1").chmod(0)
    try:
        report = full.ingest()
    finally:
        (full.folder / "part1").chmod(0o755)
    assert report.removed == 0 and len(full.collection) == 12 and "part1" in report.notes[0]


def test_a_listing_error_hides_nothing(full: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = os.scandir

    def refusing(path: object) -> object:
        if str(path).endswith("part1"):
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refusing)
    report = full.ingest()
    assert report.removed == 0 and len(full.collection) == 12
    assert report.notes == ["part1 cannot be listed"]


def test_unreadable_files_are_reported_and_not_tried_twice(full: Album) -> None:
    (full.folder / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    (full.folder / "magic").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    (full.folder / "letter.doc").write_bytes(b"Dear reader")
    report = full.ingest()
    assert counts(report) == {"unchanged": 12, "skipped": 2}
    lines = [json.loads(line) for line in (full.collection.path / "skipped.jsonl").read_text().splitlines()]
    assert [Path(line["file"]).name for line in lines] == ["magic", "torn.jpg"]
    assert all(line["reason"] and line["remedy"] for line in lines)
    assert [row["file"] for row in full.collection.skipped()] == ["magic", "torn.jpg"]

    again = full.ingest()
    assert counts(again) == {"unchanged": 12, "skipped": 2} and again.images_per_second == 0
    assert full.ingest(retry=True).images_per_second > 0
    paint(full.folder / "torn.jpg", 50)
    assert counts(full.ingest()) == {"added": 1, "unchanged": 12, "skipped": 1}
    (full.folder / "magic").unlink()
    assert counts(full.ingest()) == {"unchanged": 13}
    assert (full.collection.path / "skipped.jsonl").read_text() == ""


def test_an_item_whose_file_breaks_goes(full: Album) -> None:
    (full.folder / "part0/picture0000.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    assert counts(full.ingest()) == {"removed": 1, "unchanged": 11, "skipped": 1}
    assert full.collection.run().index.ids().tolist() == full.collection.ids().tolist()


def test_sidecars_describe_and_their_edits_cost_no_encoding(full: Album) -> None:
    picture = full.folder / "part1/picture0001.png"
    about = {"title": "A dog", "stars": 5, "kept": True, "tags": ["dog", "grass"], "deep": {"no": 1}, "text": "dog!"}
    picture.with_suffix(".json").write_text(json.dumps(about))
    Path(f"{picture}.txt").write_text("a brown dog\n\n  on grass \n")
    assert counts(full.ingest()) == {"updated": 1, "unchanged": 11}
    item = full.collection.items([full.paths()["part1/picture0001.png"]])[0]
    assert dict(item.metadata) == {"title": "A dog", "stars": 5, "kept": True, "tags": ["dog", "grass"]}
    assert set(item.captions) == {"dog!", "a brown dog", "on grass"}
    picture.with_suffix(".json").write_text("{not json")
    full.ingest()
    item = full.collection.items([item.id])[0]
    assert dict(item.metadata) == {} and "picture0001.json could not be read" in item.notes[0]
    picture.with_suffix(".json").unlink()
    full.ingest()
    assert full.collection.items([item.id])[0].notes == ()
    assert full.encoder.encoded == 12


def test_tables_at_the_root_describe_too(full: Album) -> None:
    rows = [
        {"image": "part0/picture0000.png", "texts": {"en": ["one", "two"], "de": "eins"}, "split": "val"},
        {"image": "./part1/picture0001.png", "caption": "single"},
    ]
    full.folder.joinpath("captions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nno json\n")
    full.folder.joinpath("metadata.csv").write_text("file,stars,code\npart0/picture0000.png,3,007\n")
    report = full.ingest()
    assert counts(report) == {"updated": 2, "unchanged": 10} and "no JSON" in report.notes[0]
    first, second = full.collection.items([1, full.paths()["part1/picture0001.png"]])
    assert first.captions == ("one", "two", "eins", "picture number 0", "of colour 0")
    assert dict(first.metadata) == {"stars": 3, "code": "007", "split": "val"}
    assert second.captions == ("single",)
    rows[1]["caption"] = "changed"
    full.folder.joinpath("captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert counts(full.ingest()) == {"updated": 1, "unchanged": 11}
    assert full.encoder.encoded == 12


def test_a_part_of_a_folder_is_looked_at_alone(full: Album) -> None:
    paint(full.folder / "part0/new.png", 100)
    paint(full.folder / "part1/new.png", 101)
    (full.folder / "part1/picture0001.png").unlink()
    assert counts(full.ingest(full.folder / "part0")) == {"added": 1, "unchanged": 4}
    assert counts(full.ingest()) == {"added": 1, "unchanged": 12, "removed": 1}
    assert len(full.collection.roots()) == 1
    shutil.rmtree(full.folder / "part2")
    assert counts(full.ingest(full.folder / "part2")) == {"removed": 4}


def test_a_folder_around_a_known_one_takes_it_over(full: Album) -> None:
    paint(full.folder.parent / "outside.png", 200)
    before = full.paths()
    report = full.ingest(full.folder.parent)
    assert counts(report) == {"added": 1, "unchanged": 12}
    assert list(full.collection.roots().values()) == [full.folder.parent.resolve()]
    assert {f"pictures/{path}": id for path, id in before.items()}.items() <= full.paths().items()


def test_several_folders_and_a_move_between_them(full: Album, tmp_path: Path) -> None:
    other = tmp_path / "other"
    paint(other / "x.png", 300)
    assert counts(full.ingest(other)) == {"added": 1}
    id = full.paths()["part0/picture0006.png"]
    (full.folder / "part0/picture0006.png").rename(other / "moved.png")
    assert counts(full.ingest(other)) == {"moved": 1, "unchanged": 1}
    item = full.collection.items([id])[0]
    assert (item.path, item.root) == ("moved.png", 2) and full.collection.file(item).exists()
    assert counts(full.ingest()) == {"unchanged": 11}
    assert full.encoder.encoded == 13


def test_links_go_round_once_and_hidden_things_stay_out(album: Album) -> None:
    paint(album.folder / "a/one.png", 1)
    paint(album.folder / ".hidden/two.png", 2)
    paint(album.folder / "._three.png", 3)
    (album.folder / "a/loop").symlink_to(album.folder)
    (album.folder / "nothing.png").symlink_to(album.folder / "absent.png")
    assert counts(album.ingest()) == {"added": 1}
    assert list(album.paths()) == ["a/one.png"]


def test_the_collection_inside_its_own_folder_is_left_out(tmp_path: Path) -> None:
    from openitr.collection import Collection, ingest

    paint(tmp_path / "one.png", 1)
    with Collection.create(tmp_path / "col") as collection:
        paint(tmp_path / "col/stray.png", 2)
        assert ingest(collection, tmp_path, encoder=ColourEncoder(), workers=1).added == 1


def test_file_names_that_are_no_text(album: Album) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    try:
        paint(album.folder / "plain.png", 1).rename(album.folder / name)
    except OSError:
        pytest.skip("this file system takes no such name")
    (album.folder / os.fsdecode(b"torn\xff.jpg")).write_bytes(b"\xff\xd8\xff")
    paint(album.folder / "日本 '\"%;--.png", 2)
    assert counts(album.ingest()) == {"added": 2, "skipped": 1}
    assert counts(album.ingest()) == {"unchanged": 2, "skipped": 1}
    assert name in album.paths()
    assert album.collection.file(album.collection.items([album.paths()[name]])[0]).exists()
    (album.folder / name).unlink()
    assert counts(album.ingest()) == {"unchanged": 1, "removed": 1, "skipped": 1}


def test_a_wrong_folder_is_said_so(album: Album) -> None:
    with pytest.raises(InputError, match="no such folder"):
        album.ingest(album.folder / "absent")
    with pytest.raises(InputError, match="is a file"):
        album.ingest(paint(album.folder / "one.png", 1))
    assert counts(album.ingest(empty_ok=True)) == {"added": 1}


def test_another_model_is_refused_with_the_way_out(full: Album) -> None:
    with pytest.raises(FingerprintMismatch) as caught:
        full.ingest(encoder=ColourEncoder(seed=1))
    assert "openitr reindex" in caught.value.remedy
    assert full.collection.run_names() == ["colour-0"]


def test_a_failing_model_leaves_what_was_committed(album: Album) -> None:
    paint_many(album.folder, 20)

    class Failing(ColourEncoder):
        def encode_images(self, images):  # type: ignore[no-untyped-def]
            if self.encoded >= 10:
                raise KeyboardInterrupt
            return super().encode_images(images)

    (album.folder / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(KeyboardInterrupt):
        album.ingest(encoder=Failing(), batch=5)
    assert len(album.collection) == 10 == len(album.collection.run().index)
    assert (album.collection.path / "skipped.jsonl").exists()
    assert counts(album.ingest()) == {"added": 10, "unchanged": 10, "skipped": 1}
    assert album.encoder.encoded == 10


def test_a_full_disk_is_said_so_and_loses_nothing(full: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    import openitr.index.flat as flat

    def no_space(*about: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    paint_many(full.folder, 3, first=100)
    with monkeypatch.context() as broken:
        broken.setattr(flat, "_write_all", no_space)
        with pytest.raises(CollectionError, match="is full"):
            full.ingest()
    assert len(full.collection) == 12 == len(full.collection.run().index)
    assert counts(full.ingest()) == {"added": 3, "unchanged": 12}


def test_a_good_picture_with_a_wrong_name_is_noted(album: Album) -> None:
    paint(album.folder / "a.png", 1).rename(album.folder / "a.jpg")
    paint(album.folder / "b.png", 2).rename(album.folder / "b.dat")
    assert counts(album.ingest()) == {"added": 2}
    items = {item.path: item for item in album.collection.items(album.collection.ids())}
    assert items["a.jpg"].format == "png" and "extension says jpeg" in items["a.jpg"].notes[0]
    assert items["b.dat"].format == "png"


@pytest.mark.real_data
def test_real_photos_with_their_captions(album: Album, real_data: Path) -> None:
    source = real_data / "flickr8k"
    with (source / "captions.jsonl").open(encoding="utf-8") as file:
        lines = [next(file) for _ in range(60)]
    (album.folder / "captions.jsonl").write_text("".join(lines), "utf-8")
    for line in lines:
        image = json.loads(line)["image"]
        (album.folder / image).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / image, album.folder / image)
    assert counts(album.ingest(workers=2)) == {"added": 60}
    first = json.loads(lines[0])
    item = album.collection.items([album.paths()[first["image"]]])[0]
    assert (item.width, item.height, item.format) == (192, 192, "jpeg")
    assert item.metadata["split"] == first["split"]
    assert set(first["texts"]["en"]) <= set(item.captions)
    found = album.collection.matching({"captions": {"match": "girl"}})
    expected = {
        album.paths()[row["image"]]
        for row in map(json.loads, lines)
        if any("girl" in re.findall(r"\w+", text.casefold()) for text in _texts(row["texts"]))
    }
    assert found is not None and set(found.tolist()) == expected != set()


def _texts(value: object) -> list[str]:
    """All texts of a row, whatever its nesting."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [text for part in parts for text in _texts(part)]  # type: ignore[attr-defined]
