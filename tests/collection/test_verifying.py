"""Damage of every kind is seen, and said with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from openitr.collection import Collection, verify
from openitr.errors import DamagedCollection
from tests.collection.conftest import Album
from tests.collection.fakes import ColourEncoder, paint


def errors(collection: Collection) -> list[str]:
    return [problem.what for problem in verify(collection) if problem.level == "error"]


def vectors_file(album: Album) -> Path:
    return next(album.collection.path.glob("runs/*/vectors-*.f32"))


def test_a_whole_collection_has_no_problem(full: Album) -> None:
    assert verify(full.collection, full.encoder) == []


def test_files_gone_and_changed_are_news_and_no_damage(full: Album, tmp_path: Path) -> None:
    (full.folder / "part0/picture0000.png").unlink()
    paint(full.folder / "part1/picture0001.png", 70)
    found = verify(full.collection)
    assert [(p.level, p.what.split(" since")[0]) for p in found] == [
        ("info", "1 files are gone"), ("info", "1 files have changed"),
    ]  # fmt: skip
    full.folder.rename(tmp_path / "away")
    [problem] = verify(full.collection)
    assert problem.level == "warning" and problem.to_json()["remedy"]


def test_another_model_is_an_error(full: Album) -> None:
    [problem] = verify(full.collection, ColourEncoder(seed=3))
    assert problem.level == "error" and "reindex" in problem.remedy


@pytest.mark.parametrize("keep", [0, 10, 11 * 24 * 4])
def test_cut_off_vectors(full: Album, keep: int) -> None:
    with vectors_file(full).open("r+b") as file:
        file.truncate(keep)
    full.collection.close()
    with Collection.open(full.collection.path) as again:
        assert errors(again) != []


def test_overwritten_vectors(full: Album) -> None:
    with vectors_file(full).open("r+b") as file:
        file.seek(24 * 4 * 3)
        file.write(b"\xff" * 24)
    assert any("no unit vector" in what for what in errors(full.collection))


def test_a_lost_journal(full: Album) -> None:
    full.collection.close()
    next(full.collection.path.glob("runs/*/rows-*.log")).unlink()
    with Collection.open(full.collection.path) as again:
        assert any("0 of 12 records" in what for what in errors(again))


def test_items_without_vectors(full: Album) -> None:
    with full.collection.writing() as writer, writer.batch():
        import numpy as np

        writer.index("colour-0").remove(np.array([4]))
    assert any("1 items have no vector" in what for what in errors(full.collection))
    full.ingest()
    assert errors(full.collection) == []


def test_a_damaged_database(full: Album) -> None:
    full.collection.close()
    path = full.collection.path / "items.sqlite"
    with Collection.open(full.collection.path) as clean:
        clean.store.for_writing().close()  # the last one out folds the write-ahead log in
    raw = bytearray(path.read_bytes())
    for page in range(2, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 200] = b"\x55" * 200
    path.write_bytes(raw)
    with Collection.open(full.collection.path) as again:
        assert errors(again) != []
    path.unlink()
    with Collection.open(full.collection.path) as again, pytest.raises(DamagedCollection, match="missing"):
        len(again)
