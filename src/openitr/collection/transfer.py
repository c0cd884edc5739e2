"""Export to Parquet, which other programs read, and import on another machine without encoding anything again.

export.json            format version, folders, runs
items.parquet          a row per item; facts and metadata as JSON texts, captions and notes as lists
vectors-N.parquet      id and vectors of a run (:mod:`~openitr.collection.columns`)
thumbs.parquet         content hash and small copy
files/ROOT/...         the pictures, where asked for
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, get_args

import numpy as np

from openitr.collection import columns
from openitr.collection.collection import Collection
from openitr.collection.lines import to_db
from openitr.collection.places import find
from openitr.collection.sidecars import Words
from openitr.collection.skipped import write_skipped
from openitr.collection.writing import Writer
from openitr.embeddings import Kind
from openitr.errors import CollectionError, InputError
from openitr.types import Item

FORMAT = 1
_BLOCK = 2000
_COLUMNS = ("sha256", "size", "mtime_ns", "width", "height", "format")


def export(collection: Collection, folder: str | os.PathLike[str], *, files: bool = False) -> dict[str, Any]:
    """Write a collection to a new or empty folder.

    Args:
        collection: What to write.
        folder: Where to.
        files: Copy the pictures too; those that are gone are counted.

    Returns:
        ``items``, ``runs``, ``files``, ``missing_files`` and ``bytes`` that were written.

    Raises:
        InputError: The folder holds something.
        MissingExtra: pyarrow is not installed.
    """
    arrow, parquet = columns.parquet()
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is not an empty folder", "name a new one")
    target.mkdir(parents=True, exist_ok=True)
    ids = collection.ids()
    texts, numbers = arrow.string(), arrow.int64()
    schema = arrow.schema(
        [("id", numbers), ("root", numbers), ("path", texts), ("path_bytes", arrow.binary()), ("sha256", texts)]
        + [(name, numbers) for name in ("size", "mtime_ns", "width", "height", "phash")]
        + [("format", texts), ("facts", texts), ("metadata", texts)]
        + [("captions", arrow.list_(texts)), ("notes", arrow.list_(texts))]
    )
    hashes = dict(zip(ids.tolist(), collection.hashes()[2].tolist(), strict=True))
    copied = missing = 0
    with parquet.ParquetWriter(target / "items.parquet", schema) as writer:
        for start in range(0, len(ids), _BLOCK):
            items = collection.items(ids[start : start + _BLOCK])
            writer.write_table(arrow.Table.from_pylist([row_of(i, hashes[i.id]) for i in items], schema))
            for item in items if files else ():
                done = _copy(collection.file(item), target / "files" / str(item.root) / item.path)
                copied, missing = copied + done, missing + (not done)
    runs = [_export_run(collection, name, target) for name in collection.run_names()]
    _export_thumbs(collection, target)
    about = {
        "openitr": "export",
        "format": FORMAT,
        "roots": {str(number): _readable(path) for number, path in collection.roots().items()},
        "runs": runs,
    }
    (target / "export.json").write_text(json.dumps(about, indent=2), "utf-8")
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    return {"items": len(ids), "runs": len(runs), "files": copied, "missing_files": missing, "bytes": size}


def row_of(item: Item, phash: int) -> dict[str, Any]:
    stored = to_db(item.path)
    return {
        "id": item.id,
        "root": item.root,
        "path": _readable(item.path),
        "path_bytes": stored if isinstance(stored, bytes) else None,
        **{name: getattr(item, name) for name in _COLUMNS},
        "phash": phash,
        "facts": json.dumps(dict(item.facts)),
        "metadata": json.dumps(dict(item.metadata)),
        "captions": list(item.captions),
        "notes": list(item.notes),
    }


def _readable(path: str | Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")


def _copy(source: Path, target: Path) -> bool:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    except FileNotFoundError:
        return False
    return True


def _export_run(collection: Collection, name: str, target: Path) -> dict[str, Any]:
    _, parquet = columns.parquet()
    run = collection.run(name)
    file = f"vectors-{len(list(target.glob('vectors-*')))}.parquet"
    ids = run.index.ids()
    with parquet.ParquetWriter(target / file, columns.schema(run.kind, run.dim)) as writer:
        for start in range(0, len(ids), _BLOCK):
            part = ids[start : start + _BLOCK]
            writer.write_table(columns.table(part, run.index.vectors(part)))
    facts = {"spec": run.spec, "fingerprint": run.fingerprint, "kind": run.kind, "dim": run.dim, "state": run.state}
    return {"name": name, "file": file, **facts}


def _export_thumbs(collection: Collection, target: Path) -> None:
    arrow, parquet = columns.parquet()
    schema = arrow.schema([("sha256", arrow.string()), ("data", arrow.binary())])
    rows = collection.store.read.execute("SELECT sha256, data FROM thumbs.thumbs")
    with parquet.ParquetWriter(target / "thumbs.parquet", schema) as writer:
        while part := rows.fetchmany(_BLOCK):
            table = [{"sha256": sha256.hex(), "data": data} for sha256, data in part]
            writer.write_table(arrow.Table.from_pylist(table, schema))


def import_(folder: str | os.PathLike[str], into: str | os.PathLike[str]) -> Collection:
    """Make a collection from an export; ids stay what they were.

    A folder that is not on this machine is looked for in the export's ``files``.

    Raises:
        CollectionError: There is something at ``into`` already.
        InputError: The folder holds no export, or one that names files outside its folders.
        MissingExtra: pyarrow is not installed.
    """
    source, target = Path(folder), find(into)
    columns.parquet()
    about = _about(source)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CollectionError(f"{target} is not empty", "choose another place")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Built beside its place and moved there when whole, so that a broken export leaves nothing behind.
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as workshop:
        with Collection.create(Path(workshop) / "new") as collection, collection.writing() as writer:
            _fill(writer, source, about)
        if target.exists():
            target.rmdir()
        (Path(workshop) / "new").rename(target)
    return Collection.open(target)


def _fill(writer: Writer, source: Path, about: dict[str, Any]) -> None:
    with writer.batch() as db:
        for number, path in about["roots"].items():
            there = Path(path) if Path(path).is_dir() else (source / "files" / str(int(number))).absolute()
            place = str(there if there.is_dir() else Path(path))
            db.execute("INSERT INTO roots VALUES (?, ?, '')", (int(number), place))
    for rows in _rows(source / "items.parquet"):
        with writer.batch():
            for row in rows:
                put_row(writer, row)
    for rows in _rows(source / "thumbs.parquet"):
        with writer.batch():
            for row in rows:
                writer.put_thumbnail(row["sha256"], row["data"])
    for run in about["runs"]:
        _import_run(writer, source, run)
    write_skipped(writer)


def _about(source: Path) -> dict[str, Any]:
    if not (source / "export.json").is_file():
        raise InputError(f"{source} holds no export", "name a folder that `openitr export` wrote")
    try:
        about: dict[str, Any] = json.loads((source / "export.json").read_text("utf-8"))
        if about["openitr"] != "export" or not isinstance(about["runs"], list):
            raise ValueError("not an export")
        newer = int(about["format"]) > FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{source} holds no export: {error}", "name a folder that `openitr export` wrote") from error
    if newer:
        raise InputError(f"{source} was written by a newer OpenITR", "pip install --upgrade openitr")
    return about


def _rows(path: Path) -> Iterator[list[dict[str, Any]]]:
    arrow, parquet = columns.parquet()
    try:
        for batch in parquet.ParquetFile(path).iter_batches(_BLOCK):
            yield batch.to_pylist()
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"{path} cannot be read: {error}", "copy the export again") from error


def put_row(writer: Writer, row: dict[str, Any]) -> None:
    path = os.fsdecode(row["path_bytes"]) if row["path_bytes"] else row["path"]
    inside, drive = PurePosixPath(path), PureWindowsPath(path).drive
    if inside.is_absolute() or drive or ".." in inside.parts or not inside.parts or "\0" in path:
        raise InputError(f"the export names {path!r}, which is outside its folder", "do not import it")
    facts = {name: row[name] for name in (*_COLUMNS, "phash")}
    words = Words(json.loads(row["metadata"]), row["captions"])
    about = json.loads(row["facts"])
    writer.put_item(int(row["id"]), int(row["root"]), path, facts, about, row["notes"], words, "")


def _import_run(writer: Writer, source: Path, run: dict[str, Any]) -> None:
    name = str(run["name"])
    if run["kind"] not in get_args(Kind):
        raise InputError(f"the export has a run of kind {run['kind']!r}", "pip install --upgrade openitr")
    maker = Maker(str(run["spec"]), str(run["fingerprint"]), run["kind"], int(run["dim"]))
    writer.add_run(name, maker, "ready")
    for rows in _rows(source / Path(run["file"]).name):
        with writer.batch():
            vectors = columns.embeddings(rows, maker.kind, maker.dim)
            writer.put_vectors(name, np.array([row["id"] for row in rows], np.int64), vectors)
    if run["state"] == "active":
        writer.activate(name)


@dataclass(frozen=True, slots=True)
class Maker:
    """What is known of the encoder that made exported vectors."""

    spec: str
    fingerprint: str
    kind: Kind
    dim: int
