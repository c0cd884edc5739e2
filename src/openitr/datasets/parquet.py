"""Parquet files, alone or as the shards of a folder; pictures as paths, as bytes, or as Hugging Face writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openitr.datasets.builder import Builder, Layout, Options
from openitr.datasets.cells import CellReader, broken, pyarrow
from openitr.datasets.naming import split_in_name
from openitr.datasets.pairs import PairDataset
from openitr.errors import DatasetError


@dataclass(frozen=True)
class RowGroup:
    """One row group of a Parquet file."""

    file: Path
    group: int

    def column(self, name: str) -> Any:
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.file) as opened:
            return opened.read_row_group(self.group, columns=[name]).column(0)


def read_parquet(path: Path, options: Options) -> PairDataset:
    """Read one Parquet file, or all below a folder (``data/train-00000-of-00001.parquet`` and the like)."""
    pyarrow()
    import pyarrow.parquet as pq

    builder = Builder(path, options, merge=True)
    base = path if path.is_dir() else path.parent
    reader = CellReader(builder, options, base)
    rows: dict[str, int] = {}
    for file in _files(path):
        split = split_in_name(file.relative_to(base).as_posix())
        try:
            with pq.ParquetFile(file) as opened:
                groups, schema = opened.num_row_groups, opened.schema_arrow
            for group in range(groups):
                rows[split] = rows.get(split, 0) + reader.add(RowGroup(file, group), schema, split, rows.get(split, 0))
        except DatasetError:
            raise
        except broken() as error:
            raise DatasetError(f"{file}: not a whole Parquet file: {str(error)[:200]}", "fetch it again") from error
    return builder.done()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() in (".parquet", ".pq") else []
    return sorted(p for pattern in ("*.parquet", "*/*.parquet") for p in path.glob(pattern))


PARQUET = Layout("parquet", "a .parquet file, or a folder of them", lambda p: bool(_files(p)), read_parquet)
