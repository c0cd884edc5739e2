"""CSV and TSV: a column that names the picture file, one or several of texts, perhaps split, language and id.

A picture may have several rows, one per text. The separator (, ; tab |) is the one under which the header names a
picture and a text.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openitr.datasets.builder import Builder, Layout, Options
from openitr.datasets.decoding import encoding_of
from openitr.datasets.jsonl import add_records
from openitr.datasets.pairs import PairDataset
from openitr.datasets.rows import NAMES, Columns
from openitr.errors import DatasetError

_SEPARATORS = (",", "\t", ";", "|")
_MAX_HEADER = 1 << 16


def read_table(path: Path, options: Options) -> PairDataset:
    """Read one CSV or TSV file, or the only one of a folder."""
    file = _only_table(path) if path.is_dir() else path
    builder = Builder(path, options, merge=True)
    add_records(table_rows(file, options), file.parent, builder, options)
    return builder.done()


def table_rows(path: Path, options: Options) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, record) for every row. Raises DatasetError naming file and line."""
    encoding = encoding_of(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        header = file.readline(_MAX_HEADER)
        separator = _separator(header, options)
        if not separator:
            raise DatasetError(
                f"{path}: no column for the picture and the text in the header {header.strip()[:120]!r}",
                f"a picture column is called {', '.join(NAMES['image'])}; a text column {', '.join(NAMES['text'])}; "
                'or say columns={"image": NAME, "text": NAME}',
            )
        file.seek(0)
        reader = csv.reader(file, delimiter=separator)
        try:
            names = [name.strip() for name in next(reader)]
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                if not row:
                    continue
                if len(row) != len(names):
                    raise DatasetError(
                        f"{where}: {len(row)} fields under {len(names)} columns", "quote texts that hold the separator"
                    )
                yield where, dict(zip(names, row, strict=True))
        except csv.Error as error:
            raise DatasetError(f"{path}, line {reader.line_num}: {error}", "mend that row") from error


def _separator(header: str, options: Options) -> str:
    for separator in _SEPARATORS:
        names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
        try:
            found = Columns.of(names, options.columns)
        except DatasetError:
            continue
        if found.image and found.texts:
            return separator
    return ""


def _tables(folder: Path) -> list[Path]:
    names = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".csv", ".tsv") and p.is_file())
    # Kaggle's Flickr sets call theirs captions.txt.
    return names or [p for p in (folder / "captions.txt", folder / "results.csv") if p.is_file()]


def _only_table(folder: Path) -> Path:
    tables = _tables(folder)
    if len(tables) != 1:
        raise DatasetError(f"{folder} holds {len(tables)} tables", "name the file itself")
    return tables[0]


def _claims(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() in (".csv", ".tsv") or path.name == "captions.txt"
    return path.is_dir() and len(_tables(path)) == 1


TABLE = Layout("table", "a .csv or .tsv file with a header, or a folder that holds one", _claims, read_table)
