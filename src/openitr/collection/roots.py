"""The folders a collection was made from, and how a folder that is given relates to them."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from openitr.collection.lines import from_db, to_db
from openitr.collection.writing import Writer
from openitr.errors import CollectionError, InputError


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the file system that one ingest brings up to date.

    Args:
        root: Id of the root.
        folder: The root's folder.
        under: Where below it, "" for all of it.
    """

    root: int
    folder: Path
    under: str

    def sql(self) -> tuple[str, tuple[int, bytes, bytes, bytes, bytes]]:
        """A condition on ``items`` that holds for what lies in this scope, and its values."""
        under = os.fsencode(self.under)
        inside = "(? = x'' OR CAST(folder AS BLOB) = ? OR (CAST(folder AS BLOB) >= ? AND CAST(folder AS BLOB) < ?))"
        return f"(root = ? AND {inside})", (self.root, under, under, under + b"/", under + b"0")

    def holds(self, path: str) -> bool:
        """Whether a path, relative to the root, lies in this scope."""
        return not self.under or path.startswith(f"{self.under}/")


def settle(writer: Writer, folder: Path) -> Scope:
    """The scope of a folder: a known root, a part of one, or a new root.

    A new root that contains known ones takes them over: their items keep their ids and vectors.

    Raises:
        InputError: There is no such folder.
        CollectionError: It was indexed before and is not there now; nothing is changed.
    """
    place = Path(os.path.realpath(folder))
    known = {number: Path(from_db(path)) for number, path in writer.db.execute("SELECT id, path FROM roots")}
    for number, root in known.items():
        if place == root or root in place.parents:
            if not root.is_dir():
                raise CollectionError(
                    f"{root} was indexed before and is not there now; nothing was changed",
                    "plug in its disk, or forget its pictures with `openitr remove`",
                )
            return Scope(number, root, "" if place == root else place.relative_to(root).as_posix())
    if not place.exists():
        raise InputError(f"{folder}: there is no such folder", "check the path")
    if not place.is_dir():
        raise InputError(f"{folder} is a file", f"index the folder it is in: {place.parent}")
    with writer.batch() as db:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        cursor = db.execute("INSERT INTO roots (path, added) VALUES (?, ?)", (to_db(str(place)), now))
        number = int(cursor.lastrowid or 0)
        for inner, root in known.items():
            if place in root.parents:
                _take_over(db, inner, number, root.relative_to(place).as_posix())
    return Scope(number, place, "")


def _take_over(db: sqlite3.Connection, inner: int, outer: int, before: str) -> None:
    """Make everything of one root part of another that contains it."""
    for id, path in db.execute("SELECT id, path FROM items WHERE root = ?", (inner,)).fetchall():
        longer = f"{before}/{from_db(path)}"
        folder = longer.rpartition("/")[0]
        db.execute(
            "UPDATE items SET root = ?, path = ?, folder = ? WHERE id = ?", (outer, to_db(longer), to_db(folder), id)
        )
    for (path,) in db.execute("SELECT path FROM skipped WHERE root = ?", (inner,)).fetchall():
        longer = f"{before}/{from_db(path)}"
        db.execute(
            "UPDATE skipped SET root = ?, path = ? WHERE root = ? AND path = ?", (outer, to_db(longer), inner, path)
        )
    db.execute("DELETE FROM roots WHERE id = ?", (inner,))
