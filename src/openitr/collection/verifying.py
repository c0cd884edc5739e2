"""Whether a collection is whole, and what to do where it is not."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from openitr.collection import engines
from openitr.collection.collection import Collection, Run
from openitr.collection.lines import from_db
from openitr.collection.writing import run_folder
from openitr.encoders.base import Encoder
from openitr.errors import OpenITRError, ShapeError

_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be.

    Args:
        level: "error": the collection is not whole; "warning": something it needs is not there now; "info": it is
            behind the folder, or carries something of no use.
        what: What is wrong.
        where: The file, folder or run.
        remedy: What to do.
    """

    level: Literal["error", "warning", "info"]
    what: str
    where: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def verify(collection: Collection, encoder: Encoder | None = None) -> list[Problem]:
    """Look at everything: databases, vectors, thumbnails, files, and the model where one is given.

    Returns:
        What was found, errors first; none at level "error" means that the collection is whole.
    """
    found: list[Problem] = []
    for check in (_databases, _runs, _thumbnails, _files):
        try:
            found += check(collection)
        except (OpenITRError, sqlite3.DatabaseError, OSError) as error:
            remedy = getattr(error, "remedy", "") or "put back a copy, or index the folder again"
            found.append(Problem("error", str(getattr(error, "message", error)), str(collection.path), remedy))
    if encoder is not None:
        found += _model(collection, encoder)
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda problem: order[problem.level])


def _databases(collection: Collection) -> Iterator[Problem]:
    db = collection.store.read
    for schema, remedy in (
        ("main", "put back a copy of items.sqlite, or index the folders again"),
        ("thumbs", "delete thumbs.sqlite: thumbnails are made again when they are shown"),
    ):
        for (line,) in db.execute(f"PRAGMA {schema}.integrity_check(20)"):
            if line != "ok":
                yield Problem("error", line, f"{'items' if schema == 'main' else schema}.sqlite", remedy)
    lost = Counter(row[0] for row in db.execute("PRAGMA main.foreign_key_check"))
    for table, count in lost.items():
        yield Problem("error", f"{count} rows of {table} belong to nothing", "items.sqlite", "put back a copy")


def _runs(collection: Collection) -> Iterator[Problem]:
    names = collection.run_names()
    if not names and len(collection):
        yield Problem("error", "items, but no vectors", str(collection.path), "openitr reindex")
    ids = collection.ids()
    folders = set()
    for name, created in collection.store.read.execute("SELECT name, created FROM runs").fetchall():
        folders.add(run_folder(collection.path, name, created))
        try:
            run = collection.run(name)
            yield from _run(run, ids)
            for what in engines.problems(collection.path, run.index):
                yield Problem("info", what, f"run {name}", "the next `openitr index` makes it again")
        except OpenITRError as error:
            yield Problem("error", error.message, f"run {name}", error.remedy)
    for folder in (collection.path / "runs").glob("*"):
        if folder not in folders:
            yield Problem(
                "info", "vectors of a run that was dropped", str(folder), "the next `openitr index` cleans up"
            )


def _run(run: Run, ids: Any) -> Iterator[Problem]:
    held = run.index.ids()
    orphans, missing = np.setdiff1d(held, ids), np.setdiff1d(ids, held)
    where = f"run {run.name}"
    if len(orphans):
        yield Problem("error", f"{len(orphans)} vectors of items that do not exist", where, "openitr reindex")
    if len(missing):
        level: Literal["error", "info"] = "error" if run.state == "active" else "info"
        remedy = "index the folder again with its model; files that are gone cannot be encoded"
        yield Problem(level, f"{len(missing)} items have no vector and are not found by searching", where, remedy)
    bad = sum(_bad(run, held[start : start + _BLOCK]) for start in range(0, len(held), _BLOCK))
    if bad:
        what = "no unit vector" if run.kind == "dense" else "what no encoder makes"
        yield Problem("error", f"{bad} vectors hold {what}: the file was damaged", where, "openitr reindex")


def _bad(run: Run, ids: Any) -> int:
    """How many stored vectors hold values that no encoder makes."""
    if (store := engines.store_of(run.index)) is not None:
        norms = np.linalg.norm(store.raw(ids), axis=1)
        return int((~(np.abs(norms - 1) < 1e-3)).sum())
    try:
        return len(ids) - len(run.index.vectors(ids))
    except (ShapeError, ValueError):
        return len(ids)


def _thumbnails(collection: Collection) -> Iterator[Problem]:
    [(count,)] = collection.store.read.execute(
        "SELECT count(*) FROM items WHERE sha256 NOT IN (SELECT sha256 FROM thumbs.thumbs)"
    ).fetchall()
    if count:
        yield Problem("info", f"{count} thumbnails are missing", "thumbs.sqlite", "they are made again when shown")


def _files(collection: Collection) -> Iterator[Problem]:
    for number, root in collection.roots().items():
        if not root.is_dir():
            yield Problem("warning", "an indexed folder is not there", str(root), "plug in its disk")
            continue
        gone = changed = 0
        rows = collection.store.read.execute("SELECT path, size, mtime_ns FROM items WHERE root = ?", (number,))
        for path, size, mtime_ns in rows:
            try:
                status = (root / from_db(path)).stat()
            except OSError:
                gone += 1
            else:
                changed += (status.st_size, status.st_mtime_ns) != (size, mtime_ns)
        for count, what in ((gone, "are gone"), (changed, "have changed")):
            if count:
                remedy = f"openitr index {root} --into {collection.path}"
                yield Problem("info", f"{count} files {what} since they were indexed", str(root), remedy)


def _model(collection: Collection, encoder: Encoder) -> Iterator[Problem]:
    if collection.run_names():
        run = collection.run()
        if run.fingerprint != encoder.fingerprint:
            what = f"the model {run.spec} is not the one that made the vectors"
            yield Problem("error", what, f"run {run.name}", f"openitr reindex {collection.path} --model {run.spec}")
