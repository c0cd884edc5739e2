"""Hugging Face's ``imagefolder``: ``metadata.csv`` or ``metadata.jsonl`` with ``file_name``, perhaps one a split.

Layout read from https://huggingface.co/docs/datasets/image_dataset ("ImageFolder").
"""

from __future__ import annotations

from pathlib import Path

from openitr.datasets.builder import Builder, Layout, Options
from openitr.datasets.decoding import json_lines
from openitr.datasets.jsonl import add_records
from openitr.datasets.pair import split_name
from openitr.datasets.pairs import PairDataset
from openitr.datasets.tables import table_rows

_NAMES = ("metadata.jsonl", "metadata.csv", "metadata.tsv")


def read_imagefolder(path: Path, options: Options) -> PairDataset:
    """Read the metadata files of a folder and of its folders train, val, test."""
    builder = Builder(path, options, merge=True)
    for file in _files(path):
        rows = json_lines(file) if file.suffix == ".jsonl" else table_rows(file, options)
        inside = file.parent.relative_to(path).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        named = ((where, {**row, "file_name": prefix + str(row.get("file_name", ""))}) for where, row in rows)
        columns = Options(
            images=options.images or path, lang=options.lang, columns={"image": "file_name", **options.columns}
        )
        add_records(named, path, builder, columns, split_name(inside) if prefix else "")
    return builder.done()


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    places = [folder, *sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))]
    found = [next((place / name for name in _NAMES if (place / name).is_file()), None) for place in places]
    return [file for file in found if file is not None]


IMAGEFOLDER = Layout(
    "imagefolder",
    "metadata.csv or metadata.jsonl in a folder or its split folders",
    lambda p: bool(_files(p)),
    read_imagefolder,
)
