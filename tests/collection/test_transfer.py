"""Out to Parquet and in again: nothing is lost and nothing is encoded."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from openitr.collection import Collection, export, import_, reindex, verify
from openitr.errors import CollectionError, InputError
from tests.collection.conftest import Album
from tests.collection.fakes import ColourEncoder, paint

parquet = pytest.importorskip("pyarrow.parquet")


def described(album: Album) -> Album:
    """With metadata of every type, and an odd file name."""
    about = {"title": "Ä 'quoted'", "stars": 4.5, "kept": False, "tags": ["a", "b"], "day": "2024-05-01"}
    (album.folder / "part1/picture0001.json").write_text(json.dumps(about))
    paint(album.folder / "odd.png", 90).rename(album.folder / os.fsdecode(b"odd\xe9.png"))
    album.ingest()
    return album


def test_a_round_trip_keeps_everything(full: Album, tmp_path: Path) -> None:
    described(full)
    full.collection.remove([2])
    reindex(full.collection, ColourEncoder(seed=1, dim=8), workers=1)
    written = export(full.collection, tmp_path / "out", files=True)
    assert (written["items"], written["files"], written["missing_files"], written["runs"]) == (12, 12, 0, 2)
    assert written["bytes"] == sum(p.stat().st_size for p in (tmp_path / "out").rglob("*") if p.is_file())
    with import_(tmp_path / "out", tmp_path / "back") as back:
        ids = full.collection.ids()
        assert back.ids().tolist() == ids.tolist()
        assert back.items(ids) == full.collection.items(ids)
        assert back.hashes()[2].tolist() == full.collection.hashes()[2].tolist()
        for name in ("colour-0", "colour-1"):
            mine, theirs = full.collection.run(name), back.run(name)
            assert (mine.fingerprint, mine.state, mine.spec) == (theirs.fingerprint, theirs.state, theirs.spec)
            np.testing.assert_array_equal(mine.index.vectors(ids).values, theirs.index.vectors(ids).values)
        assert [back.thumbnail(i) for i in ids] == [full.collection.thumbnail(i) for i in ids]
        assert verify(back) == []
    table = parquet.read_table(tmp_path / "out/items.parquet").to_pylist()
    assert table[0]["path"] == "part0/picture0000.png" and json.loads(table[0]["metadata"]) == {}


def test_without_the_folder_the_copied_files_serve(full: Album, tmp_path: Path) -> None:
    export(full.collection, tmp_path / "out", files=True)
    shutil.rmtree(full.folder)
    with import_(tmp_path / "out", tmp_path / "back") as back:
        assert all(back.file(item).exists() for item in back.items(back.ids()))
        assert verify(back) == []


def test_wrong_places_are_refused(full: Album, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an empty folder"):
        export(full.collection, full.folder)
    with pytest.raises(InputError, match="holds no export"):
        import_(full.folder, tmp_path / "back")
    export(full.collection, tmp_path / "out")
    with pytest.raises(CollectionError):
        import_(tmp_path / "out", full.collection.path)
    about = json.loads((tmp_path / "out/export.json").read_text())
    (tmp_path / "out/export.json").write_text(json.dumps(about | {"format": 9}))
    with pytest.raises(InputError, match="newer"):
        import_(tmp_path / "out", tmp_path / "back")


@pytest.mark.parametrize("path", ["../outside.png", "/etc/passwd", "a/../../b", "C:\\x.png", ""])
def test_an_export_cannot_name_files_outside_its_folders(full: Album, tmp_path: Path, path: str) -> None:
    import pyarrow

    export(full.collection, tmp_path / "out")
    table = parquet.read_table(tmp_path / "out/items.parquet")
    rows = table.to_pylist()
    rows[3]["path"] = path
    parquet.write_table(pyarrow.Table.from_pylist(rows, table.schema), tmp_path / "out/items.parquet")
    with pytest.raises(InputError, match="outside its folder"):
        import_(tmp_path / "out", tmp_path / "back")


def test_nothing_is_made_of_a_broken_export(full: Album, tmp_path: Path) -> None:
    export(full.collection, tmp_path / "out")
    (tmp_path / "out/items.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(InputError, match="cannot be read"):
        import_(tmp_path / "out", tmp_path / "back")
    with pytest.raises(CollectionError):
        Collection.open(tmp_path / "back")
    assert {p.name for p in tmp_path.iterdir()} == {"pictures", "album", "out"}
