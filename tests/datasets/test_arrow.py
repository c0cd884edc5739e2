"""Parquet and saved Hugging Face datasets: both keep pictures in cells of Arrow tables."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openitr import datasets
from openitr.errors import DatasetError, UnreadableImage

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

Png = Callable[[int], bytes]


def image_table(png: Png, first: int, count: int) -> Any:
    numbers = range(first, first + count)
    return pa.table(
        {
            "image": [{"bytes": png(n), "path": f"{n}.png"} for n in numbers],
            "caption": [[f"one {n}", f"two {n}"] for n in numbers],
            "stars": [n / 2 for n in numbers],
        }
    )


def test_shards_of_bytes_in_any_order(tmp_path: Path, png: Png) -> None:
    (tmp_path / "data").mkdir()
    for number, name in enumerate(("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001")):
        pq.write_table(image_table(png, 5 * number, 5), tmp_path / "data" / f"{name}.parquet", row_group_size=2)
    data = datasets.read(tmp_path, lang="en")
    assert data.splits == {"train": 10, "val": 5}
    assert [p.id for p in data][8:11] == ["train/00000008", "train/00000009", "val/00000000"]
    for row in (14, 0, 9, 4, 5):
        assert data[row].read() == png(row)
        assert data[row].source.size == len(png(row))
        assert data[row].texts["en"] == (f"one {row}", f"two {row}")
        assert dict(data[row].metadata) == {"stars": row / 2}
    assert pickle.loads(pickle.dumps(data[7])).read() == png(7)


def test_paths_plain_bytes_and_languages(pictures: Path, png: Png) -> None:
    file = pictures / "rows.parquet"
    pq.write_table(pa.table({"path": ["a.png", "b.png", "a.png"], "text": ["x", "y", "z"]}), file)
    assert [(p.id, p.texts["und"]) for p in datasets.read(file)] == [("a.png", ("x", "z")), ("b.png", ("y",))]
    texts = [{"en": ["x"], "de": None}, {"en": None, "de": ["y"]}]
    pq.write_table(pa.table({"id": [7, 8], "image": [png(7), png(8)], "texts": texts}), file)
    data = datasets.read(file)
    assert [(p.id, dict(p.texts)) for p in data] == [("7", {"en": ("x",)}), ("8", {"de": ("y",)})]
    assert data.notes == ()
    pq.write_table(pa.table({"image": [None, png(1)], "text": ["x", None]}), file)
    data = datasets.read(file)
    with pytest.raises(UnreadableImage, match="no bytes"):
        data[0].read()
    assert dict(data[1].texts) == {}


def test_errors_of_parquet(pictures: Path) -> None:
    file = pictures / "rows.parquet"
    file.write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(DatasetError, match=r"rows\.parquet: not a whole Parquet file"):
        datasets.read(file)
    pq.write_table(pa.table({"text": ["x"]}), file)
    with pytest.raises(DatasetError, match="no column for the picture"):
        datasets.read(file)
    pq.write_table(pa.table({"image": [3], "text": ["x"]}), file)
    with pytest.raises(DatasetError, match="column 'image' is int64"):
        datasets.read(file)
    pq.write_table(pa.table({"image": ["../a.png"], "text": ["x"]}), file)
    with pytest.raises(DatasetError, match=r"row 0: .*leads out"):
        datasets.read(file)


def save_to_disk(table: Any, folder: Path, split: str | None) -> None:
    """What datasets 5.2 writes, as far as it is read."""
    folder.mkdir(parents=True)
    with (
        pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema) as out,
    ):
        out.write_table(table, max_chunksize=2)
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": split, "_fingerprint": "x"}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")


def test_a_saved_dataset_and_a_dict_of_them(tmp_path: Path, png: Png) -> None:
    save_to_disk(image_table(png, 0, 5), tmp_path / "one", "train")
    data = datasets.read(tmp_path / "one")
    assert data.splits == {"train": 5} and data[4].read() == png(4)
    for number, split in enumerate(("train", "validation")):
        save_to_disk(image_table(png, 5 * number, 5), tmp_path / "two" / split, split)
    (tmp_path / "two" / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')
    data = datasets.read(tmp_path / "two")
    assert data.splits == {"train": 5, "val": 5} and data[7].read() == png(7)
    assert data[7].texts["und"] == ("one 7", "two 7")


def test_errors_of_a_saved_dataset(tmp_path: Path, png: Png) -> None:
    save_to_disk(image_table(png, 0, 2), tmp_path / "one", None)
    arrow = tmp_path / "one" / "data-00000-of-00001.arrow"
    arrow.write_bytes(arrow.read_bytes()[:300])
    with pytest.raises(DatasetError, match="not a whole Arrow file"):
        datasets.read(tmp_path / "one")
    (tmp_path / "one" / "state.json").write_text('{"_data_files": [{"filename": "../x.arrow"}]}')
    with pytest.raises(DatasetError, match="leads out"):
        datasets.read(tmp_path / "one")
    (tmp_path / "one" / "state.json").write_text("[]")
    with pytest.raises(DatasetError, match="lists no plain Arrow files"):
        datasets.read(tmp_path / "one")
    (tmp_path / "one" / "dataset_dict.json").write_text('{"splits": ["../.."]}')
    with pytest.raises(DatasetError, match="leads out"):
        datasets.read(tmp_path / "one")
