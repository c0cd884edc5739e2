"""Files that were cut, flipped or filled with noise: every reader gives a dataset or one of our own errors."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from openitr import datasets
from openitr.errors import OpenITRError, UnreadableImage

Png = Callable[[int], bytes]


def jsonl(folder: Path, png: Png) -> Path:
    rows = [{"image": f"{i}.png", "texts": {"en": ["x", "y"], "de": "z"}, "split": "val"} for i in range(3)]
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder / "captions.jsonl"


def table(folder: Path, png: Png) -> Path:
    (folder / "rows.csv").write_text('id,image,caption,lang\n1,0.png,"a, b",en\n2,1.png,c,de\n')
    return folder / "rows.csv"


def coco(folder: Path, png: Png) -> Path:
    images = [{"id": i, "file_name": f"{i}.png"} for i in range(3)]
    notes = [{"id": i, "image_id": i % 3, "caption": "x"} for i in range(5)]
    (folder / "captions_val.json").write_text(json.dumps({"images": images, "annotations": notes}))
    return folder / "captions_val.json"


def karpathy(folder: Path, png: Png) -> Path:
    images = [
        {"filename": f"{i}.png", "split": "train", "sentences": [{"raw": "x", "tokens": ["x"]}]} for i in range(3)
    ]
    (folder / "dataset_x.json").write_text(json.dumps({"images": images}))
    return folder / "dataset_x.json"


def tar(folder: Path, png: Png) -> Path:
    datasets.read(folder, "folder").write(folder / "out", "webdataset")
    return folder / "out" / "shard-000000.tar"


def parquet(folder: Path, png: Png) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"image": [png(0), png(1)], "text": ["x", "y"]}), folder / "rows.parquet")
    return folder / "rows.parquet"


def state(folder: Path, png: Png) -> Path:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"image": [png(0), png(1)], "text": ["x", "y"]})
    with pa.OSFile(str(folder / "d.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table)
    (folder / "state.json").write_text('{"_data_files": [{"filename": "d.arrow"}], "_split": "train"}')
    return folder / "state.json"


def arrow(folder: Path, png: Png) -> Path:
    state(folder, png)
    return folder / "d.arrow"


def sidecar(folder: Path, png: Png) -> Path:
    (folder / "0.json").write_text('{"texts": {"en": ["x"]}, "split": "val", "stars": 3}')
    return folder / "0.json"


def mutated(data: bytes, chance: random.Random) -> bytes:
    kind = chance.randrange(5)
    if kind == 0:
        return data[: chance.randrange(len(data) + 1)]
    if kind == 1:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(400)))
    if kind == 2:
        cut = chance.randrange(len(data))
        return (
            data[:cut]
            + chance.choice([b"null", b"[]", b"{}", b"1e999", b'"', b"\0", b"\xff", b"\n", b","])
            + data[cut:]
        )
    if kind == 3:
        # Another JSON value of another type where one stood.
        tokens = [
            b'"x"',
            b'"y"',
            b'"en"',
            b'"image"',
            b'["x"]',
            b"0",
            b"1",
            b'"val"',
            b'"texts"',
            b'"images"',
            b"[",
            b"{",
        ]
        return data.replace(
            chance.choice(tokens), chance.choice([b"null", b"[]", b"{}", b"3", b'"../x"', b"true", b"[[1]]"]), 1
        )
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("made", [jsonl, table, coco, karpathy, tar, parquet, state, arrow, sidecar])
def test_whatever_a_file_holds(tmp_path: Path, png: Png, made: Callable[[Path, Png], Path]) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(png(number))
    file = made(folder, png)
    place = folder if made in (state, arrow, sidecar) else file
    assert len(datasets.read(place)) >= 2
    whole = file.read_bytes()
    chance = random.Random(made.__name__)
    refused = 0
    for _ in range(250):
        file.write_bytes(mutated(whole, chance))
        try:
            data = datasets.read(place)
        except OpenITRError as error:
            refused += 1
            assert str(error).strip()
            continue
        assert data.hash and data.describe()
        for pair in data:
            with contextlib.suppress(UnreadableImage):
                pair.read()
    assert 0 < refused < 250, "the changes must reach both outcomes"
    shutil.rmtree(folder)
