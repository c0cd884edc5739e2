"""JSON lines: one object per picture, ``{"image": ..., "texts": ..., "split": ..., ...}``.

Texts are a string, a list, or either of them by language; what is no role is metadata. ``captions.jsonl`` beside an
``images`` folder is the usual form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from openitr.datasets.builder import Builder, Layout, Options
from openitr.datasets.decoding import json_file, json_lines
from openitr.datasets.pairs import PairDataset
from openitr.datasets.roots import Root, picture_folder
from openitr.datasets.rows import Columns, texts_of
from openitr.datasets.sources import FileImage
from openitr.errors import DatasetError


def read_jsonl(path: Path, options: Options) -> PairDataset:
    """Read a file of JSON lines, or ``captions.jsonl`` of a folder."""
    file = path / "captions.jsonl" if path.is_dir() else path
    builder = Builder(path, options)
    add_records(json_lines(file), file.parent, builder, options)
    return builder.done()


def read_json_list(path: Path, options: Options) -> PairDataset:
    """Read one JSON list of objects; rows of one picture are joined, as such files hold a row per text."""
    document = json_file(path)
    if not isinstance(document, list):
        raise DatasetError(f"{path} is no list of objects", "name the layout with layout=...")
    builder = Builder(path, options, merge=True)
    rows = ((f"{path}, entry {number}", row) for number, row in enumerate(document, 1))
    add_records(_objects(rows), path.parent, builder, options)
    return builder.done()


def add_records(
    records: Iterable[tuple[str, Mapping[str, Any]]],
    beside: Path,
    builder: Builder,
    options: Options,
    split: str = "",
) -> None:
    """Add objects that each name a picture file; ``split`` is for those that name none."""
    root: Root | None = None
    for where, record in records:
        # Objects of one file may differ in their keys, so the roles are found for each.
        columns = Columns.of(list(record), options.columns)
        name = record.get(columns.image)
        if not isinstance(name, str):
            raise DatasetError(
                f"{where}: no picture named (keys: {', '.join(list(record)[:12])})",
                'each object needs "image": a relative path; or say columns={"image": NAME}',
            )
        if root is None:
            root = Root(options.images or picture_folder(beside, name))
        file = root.file(name, where)
        texts: dict[str, list[str]] = {}
        lang = str(record.get(columns.lang) or options.lang) if columns.lang else options.lang
        for column in columns.texts:
            for code, said in texts_of(record[column], lang, where).items():
                texts.setdefault(code, []).extend(said)
        builder.add(
            root.id_of(file),
            FileImage(file),
            texts,
            id=str(record[columns.id]) if columns.id and record[columns.id] is not None else "",
            split=str(record.get(columns.split) or "") or split if columns.split else split,
            metadata=columns.rest(record),
            where=where,
        )


def _objects(rows: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for where, row in rows:
        if not isinstance(row, dict):
            raise DatasetError(f"{where}: a {type(row).__name__}, not an object", "every entry is one object")
        yield where, row


def _starts_as_list(path: Path) -> bool:
    if not (path.is_file() and path.suffix.lower() == ".json"):
        return False
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


JSONL = Layout(
    "jsonl",
    "a .jsonl file, or captions.jsonl in a folder",
    lambda p: p.suffix.lower() in (".jsonl", ".ndjson") if p.is_file() else (p / "captions.jsonl").is_file(),
    read_jsonl,
)
JSON_LIST = Layout("json", "a .json file that is a list of objects", _starts_as_list, read_json_list)
