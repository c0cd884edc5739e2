"""Write a pair dataset so that it can be read back: JSON lines, CSV, or WebDataset shards."""

from __future__ import annotations

import csv
import io
import itertools
import json
import tarfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from openitr.datasets.pair import UNDETERMINED, Pair
from openitr.errors import DatasetError
from openitr.media.formats import EXTENSIONS, HEAD, by_extension, sniff


def write(pairs: Iterable[Pair], folder: Path, layout: str, shard_size: int) -> Path:
    """See :meth:`openitr.datasets.pairs.PairDataset.write`, which calls this."""
    writers: dict[str, Callable[[Iterable[Pair], Path], None]] = {
        "jsonl": _jsonl,
        "csv": _csv,
        "webdataset": partial(_webdataset, shard_size=shard_size),
    }
    if layout not in writers:
        raise DatasetError(f"cannot write the layout {layout!r}", f"use {', '.join(writers)}")
    if shard_size < 1:
        raise DatasetError(f"shard_size is {shard_size}", "use 1 or more")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError(f"{folder} is not empty", "name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    writers[layout](pairs, folder)
    return folder


def _jsonl(pairs: Iterable[Pair], folder: Path) -> None:
    (folder / "images").mkdir()
    with (folder / "captions.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for number, pair in enumerate(pairs):
            file.write(json.dumps({"image": _copied(pair, folder, number), **_record(pair)}) + "\n")


def _csv(pairs: Iterable[Pair], folder: Path) -> None:
    (folder / "images").mkdir()
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        # Every field is quoted: a bare line break or a lone separator in a text would else end its row.
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["id", "image", "lang", "caption", "split", "metadata"])
        for number, pair in enumerate(pairs):
            image, metadata = _copied(pair, folder, number), json.dumps(dict(pair.metadata))
            rows = [(lang, text) for lang, texts in pair.texts.items() for text in texts] or [(UNDETERMINED, "")]
            for lang, text in rows:
                writer.writerow([pair.id, image, lang, text, pair.split, metadata])


def _webdataset(pairs: Iterable[Pair], folder: Path, shard_size: int) -> None:
    rows = enumerate(pairs)
    for count in itertools.count():
        batch = list(itertools.islice(rows, shard_size))
        if not batch:
            return
        with tarfile.open(folder / f"shard-{count:06d}.tar", "w") as shard:
            for number, pair in batch:
                data = pair.read()
                _put(shard, f"{number:08d}{_ending(pair, data)}", data)
                _put(shard, f"{number:08d}.json", json.dumps(_record(pair)).encode())


def _put(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    shard.addfile(info, io.BytesIO(data))


def _record(pair: Pair) -> dict[str, Any]:
    texts = {lang: list(said) for lang, said in pair.texts.items()}
    return {"id": pair.id, "texts": texts, "split": pair.split, "metadata": dict(pair.metadata)}


def _copied(pair: Pair, folder: Path, number: int) -> str:
    data = pair.read()
    name = f"images/{number:08d}{_ending(pair, data)}"
    (folder / name).write_bytes(data)
    return name


def _ending(pair: Pair, data: bytes) -> str:
    ending = PurePath(pair.source.name).suffix.lower()
    if ending and by_extension(Path(f"x{ending}")):
        return ending
    kind = sniff(data[:HEAD])
    return EXTENSIONS[kind][0] if kind else ".bin"
