"""``collection.json``: what a directory is, and in which version of the format.

A newer format is refused with a hint; an older one is brought up to date step by step when it is next written to.
Each step changes the database in one transaction that also records the version, so that a step which was cut off
is done again, whole.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from openitr.collection import wording
from openitr.errors import CollectionError, DamagedCollection, NewerFormat, NoSuchCollection

FORMAT = 3
NAME = "collection.json"

Step = Callable[[sqlite3.Connection, Path], None]


def _forgotten(database: sqlite3.Connection, folder: Path) -> None:
    """Format 2 remembers which files were removed by the user, so that indexing does not bring them back."""
    database.execute(
        "CREATE TABLE forgotten (root INTEGER NOT NULL REFERENCES roots, path NOT NULL, size INTEGER NOT NULL, "
        "mtime_ns INTEGER NOT NULL, PRIMARY KEY (root, path)) WITHOUT ROWID"
    )


def _words(database: sqlite3.Connection, folder: Path) -> None:
    """Format 3 makes what is written of pictures searchable."""
    wording.lay_out(database)


# From which format, and what brings it to the next one. Format 1 is the first that was released.
STEPS: dict[int, Step] = {1: _forgotten, 2: _words}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The few facts that can be read before the database is opened."""

    format: int
    made_by: str
    created: str


def write(folder: Path, manifest: Manifest) -> None:
    """Replace the file in one step."""
    part = folder / f"{NAME}.part"
    facts = {"openitr": "collection", "format": manifest.format, "made_by": manifest.made_by}
    with part.open("w", encoding="utf-8") as file:
        json.dump({**facts, "created": manifest.created}, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / NAME)


def read(folder: Path, newest: int | None = None) -> Manifest:
    """What a directory says of itself.

    Raises:
        NoSuchCollection: There is no such directory, or it holds no collection.
        NewerFormat: It was written by a newer OpenITR.
        DamagedCollection: The file cannot be read.
    """
    path = folder / NAME
    newest = FORMAT if newest is None else newest
    if not path.is_file():
        what = "no such directory" if not folder.exists() else "that directory holds no collection"
        raise NoSuchCollection(f"{folder}: {what}", f"make one with `openitr index FOLDER --into {folder}`")
    try:
        facts = json.loads(path.read_text("utf-8"))
        manifest = Manifest(int(facts["format"]), str(facts["made_by"]), str(facts["created"]))
        if facts["openitr"] != "collection":
            raise ValueError("not a collection")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DamagedCollection(f"{path} cannot be read: {error}", "put back a copy, or index again") from error
    if manifest.format > newest:
        raise NewerFormat(
            f"{folder} has format {manifest.format}, written by OpenITR {manifest.made_by}; this one reads {newest}",
            "pip install --upgrade openitr",
        )
    if manifest.format < 1:
        raise DamagedCollection(f"{path} names format {manifest.format}", "put back a copy, or index again")
    return manifest


def migrate(
    folder: Path,
    database: sqlite3.Connection,
    manifest: Manifest,
    *,
    newest: int | None = None,
    steps: Mapping[int, Step] | None = None,
) -> Manifest:
    """Bring a collection of an older format up to date; the caller holds the writer's lock.

    ``PRAGMA user_version`` of the database is the truth while steps run; the manifest follows at the end. A copy
    of the database as it was stays beside it as ``items.sqlite.format-N``.
    """
    newest = FORMAT if newest is None else newest
    steps = STEPS if steps is None else steps
    at = int(database.execute("PRAGMA user_version").fetchone()[0])
    if at < newest:
        _keep_copy(database, folder / f"items.sqlite.format-{at}")
    for number in range(at, newest):
        if number not in steps:
            raise CollectionError(f"{folder} has format {at}, which is too old", "index the folder again")
        database.execute("BEGIN IMMEDIATE")
        try:
            steps[number](database, folder)
            database.execute(f"PRAGMA user_version = {number + 1}")
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise
    if manifest.format != newest:
        manifest = Manifest(newest, manifest.made_by, manifest.created)
        write(folder, manifest)
    return manifest


def _keep_copy(database: sqlite3.Connection, path: Path) -> None:
    """A copy of the database made by SQLite itself, unless an interrupted migration made it already."""
    if path.exists():
        return
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    target = sqlite3.connect(part)
    try:
        database.backup(target)
    finally:
        target.close()
    part.replace(path)
