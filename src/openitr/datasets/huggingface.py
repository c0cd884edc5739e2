"""A dataset that Hugging Face's ``datasets`` saved with ``save_to_disk``: Arrow files, read in place with pyarrow.

Layout as written by ``datasets`` 5.2 (``Dataset.save_to_disk``): ``state.json`` lists the Arrow stream files of a
split, ``dataset_dict.json`` the split folders. The package itself is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openitr.datasets.builder import Builder, Layout, Options
from openitr.datasets.cells import CellReader, broken, pyarrow
from openitr.datasets.decoding import json_file
from openitr.datasets.pairs import PairDataset
from openitr.datasets.roots import Root
from openitr.errors import DatasetError


@dataclass(frozen=True)
class ArrowFile:
    """One Arrow stream file, mapped into memory."""

    file: Path

    def table(self) -> Any:
        pa = pyarrow()
        from pyarrow import ipc

        with pa.memory_map(str(self.file)) as mapped, ipc.open_stream(mapped) as reader:
            return reader.read_all()

    def column(self, name: str) -> Any:
        return self.table().column(name)


def read_huggingface(path: Path, options: Options) -> PairDataset:
    """Read a saved ``Dataset`` or ``DatasetDict``."""
    builder = Builder(path, options, merge=True)
    reader = CellReader(builder, options, path)
    for split, folder in _splits(path):
        state = json_file(folder / "state.json")
        files = state.get("_data_files") if isinstance(state, dict) else None
        if not isinstance(files, list) or state.get("_indices_files"):
            raise DatasetError(
                f"{folder / 'state.json'} lists no plain Arrow files", "save it again with a recent version of datasets"
            )
        rows = 0
        for entry in files:
            name = entry.get("filename") if isinstance(entry, dict) else None
            part = ArrowFile(Root(folder).file(str(name or ""), str(folder / "state.json")))
            try:
                table = part.table()
                # Arrow trusts the offsets in a file, and a wrong one would be read out of bounds.
                table.validate(full=True)
                rows += reader.add(part, table.schema, split, rows)
            except DatasetError:
                raise
            except broken() as error:
                raise DatasetError(
                    f"{part.file}: not a whole Arrow file: {str(error)[:200]}", "save it again"
                ) from error
    return builder.done()


def _splits(path: Path) -> list[tuple[str, Path]]:
    if not (path / "dataset_dict.json").is_file():
        state = json_file(path / "state.json")
        split = state.get("_split") if isinstance(state, dict) else None
        return [(str(split or ""), path)]
    names = json_file(path / "dataset_dict.json").get("splits", [])
    return [
        (str(name), Root(path).file(f"{name}/state.json", str(path / "dataset_dict.json")).parent) for name in names
    ]


HUGGINGFACE = Layout(
    "huggingface",
    "state.json or dataset_dict.json of a Hugging Face dataset saved to disk",
    lambda p: (p / "dataset_dict.json").is_file() or (p / "state.json").is_file(),
    read_huggingface,
)
