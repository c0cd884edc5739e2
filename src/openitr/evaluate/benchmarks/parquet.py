"""Rows of Parquet files as Hugging Face publishes them: values at once, pictures when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openitr.datasets.cells import CellImage, Shelf, broken, pyarrow
from openitr.datasets.parquet import RowGroup
from openitr.datasets.sources import ImageSource
from openitr.errors import DatasetError

Row = tuple[str, dict[str, Any], dict[str, ImageSource]]


def parquet_rows(root: Path, pattern: str, get: str) -> Iterator[Row]:
    """(where, values by column, pictures by column) of every row of the files that a pattern names, in their order.

    Columns of bytes, or of Hugging Face's struct of ``bytes`` and ``path``, are pictures; an empty cell has none.

    Args:
        root: Where the pattern starts.
        pattern: Alternatives separated by "|"; the first that names a file counts.
        get: Where the files are to be had.

    Raises:
        DatasetError: No file, or one that is damaged.
        MissingExtra: pyarrow is not installed.
    """
    files = next((found for one in pattern.split("|") if (found := sorted(root.glob(one)))), [])
    if not files:
        raise DatasetError(f"{root / pattern.split('|')[0]} is not there", f"get it from {get}")
    pyarrow()
    shelf = Shelf()
    for file in files:
        try:
            yield from _rows(file, shelf)
        except DatasetError:
            raise
        except broken() as error:
            raise DatasetError(f"{file}: not a whole Parquet file: {str(error)[:200]}", "fetch it again") from error


def _rows(file: Path, shelf: Shelf) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        groups, schema = opened.num_row_groups, opened.schema_arrow
    heavy = [field.name for field in schema if _is_picture(pa, field.type)]
    first = 0
    for group in range(groups):
        part = RowGroup(file, group)
        with pq.ParquetFile(file) as opened:
            light = opened.read_row_group(group, columns=[name for name in schema.names if name not in heavy])
            count = opened.metadata.row_group(group).num_rows
        sizes: dict[str, list[int | None]] = {}
        for name in heavy:
            cells = part.column(name)
            cells = pc.struct_field(cells, "bytes") if pa.types.is_struct(cells.type) else cells
            sizes[name] = pc.binary_length(cells).to_pylist()
        values = light.to_pylist() if light.num_columns else [{} for _ in range(count)]
        for row in range(count):
            where = f"{file}, row {first + row}"
            pictures: dict[str, ImageSource] = {
                name: CellImage(part, name, row, size, f"{file.name} {name} {first + row}", shelf)
                for name in heavy
                if (size := sizes[name][row])
            }
            yield where, values[row], pictures
        first += count


def _is_picture(pa: Any, kind: Any) -> bool:
    if pa.types.is_struct(kind):
        names = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
        return "bytes" in names and _is_picture(pa, names["bytes"])
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def first_of(record: Mapping[str, Any], *names: str) -> Any:
    """The value under the first of some names that is there and not null; None when none is."""
    return next((record[name] for name in names if record.get(name) is not None), None)
