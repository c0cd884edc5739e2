"""Read a pair dataset from wherever it lies, finding the layout by looking."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from openitr.datasets.builder import Layout, Options
from openitr.datasets.coco import COCO
from openitr.datasets.folder import FOLDER
from openitr.datasets.huggingface import HUGGINGFACE
from openitr.datasets.imagefolder import IMAGEFOLDER
from openitr.datasets.jsonl import JSON_LIST, JSONL
from openitr.datasets.pair import UNDETERMINED
from openitr.datasets.pairs import PairDataset
from openitr.datasets.parquet import PARQUET
from openitr.datasets.tables import TABLE
from openitr.datasets.webdataset import WEBDATASET
from openitr.errors import DatasetError

# The more telling first: any folder with pictures somewhere below is a FOLDER, so that one is last.
LAYOUTS: tuple[Layout, ...] = (
    HUGGINGFACE, JSONL, IMAGEFOLDER, WEBDATASET, PARQUET, JSON_LIST, COCO, TABLE, FOLDER,
)  # fmt: skip


def read(
    path: str | Path,
    layout: str | None = None,
    *,
    missing: Literal["error", "skip"] = "error",
    lang: str = UNDETERMINED,
    images: str | Path | None = None,
    columns: Mapping[str, str | None] | None = None,
    merge: bool | None = None,
    name: str = "",
) -> PairDataset:
    """Read a pair dataset; pictures stay where they are and are read when they are asked for.

    Args:
        path: A file, a folder, or a pattern of shards (``train-{000..009}.tar``).
        layout: One of huggingface, jsonl, imagefolder, webdataset, parquet, json, coco, table, folder; found by looking
            when None.
        missing: What to do about rows whose picture file is not there.
        lang: Language of texts that do not say theirs.
        images: The folder that picture names start from, when it is not beside the file. No name may lead out of it.
        columns: Role to column where the usual names do not fit: image, text, split, lang, id; None for "none".
        merge: Whether rows of one picture are joined. By default they are in tables and JSON lists, and refused in
            JSON lines, where a row is a picture.
        name: How reports call the dataset; by default the name of the file or folder.

    Raises:
        DatasetError: Nothing there, an unknown layout, or files that do not hold what they should; the message
            names the file and the line.
        MissingExtra: Parquet and Arrow need pyarrow.
    """
    place = Path(path).expanduser()
    if missing not in ("error", "skip"):
        raise DatasetError(f"missing={missing!r}", 'use "error" or "skip"')
    folder = Path(images).expanduser() if images is not None else None
    if folder is not None and not folder.is_dir():
        raise DatasetError(f"images={str(folder)!r} is no folder", "name the folder of the pictures")
    options = Options(missing, lang, folder, columns or {}, merge, name)
    if not place.exists() and "{" not in str(path):
        raise DatasetError(f"there is nothing at {place}", "check the path")
    try:
        return _chosen(place, layout).read(place, options)
    except OSError as error:
        raise DatasetError(f"{error.filename or place}: {error.strerror or error}", "check the file") from error


def _chosen(place: Path, name: str | None) -> Layout:
    if name is not None:
        for layout in LAYOUTS:
            if layout.name == name:
                return layout
        raise DatasetError(f"no layout is called {name!r}", f"layouts: {', '.join(known.name for known in LAYOUTS)}")
    for layout in LAYOUTS:
        if layout.claims(place):
            return layout
    if (place / "collection.json").is_file():
        raise DatasetError(
            f"{place} is a collection, not a pair dataset",
            f"give the folder or file that it was made of; `openitr info {place}` names its folders",
        )
    looked = "; ".join(f"{known.looks_for} ({known.name})" for known in LAYOUTS)
    raise DatasetError(f"{place} is no pair dataset that is known here", f"looked for: {looked}")
