"""Looking through a collection without a question: pages of pictures and of files that could not be read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from openitr.collection import filters
from openitr.collection.collection import Collection
from openitr.collection.lines import from_db
from openitr.embeddings import Ints
from openitr.errors import QueryError

Order = Literal["date", "path", "added"]

# What the file says, else when it was last changed: as `openitr.search.answer.taken_at`, in SQL.
_TAKEN = "(SELECT value FROM fields WHERE item = items.id AND source = 'fact' AND name = 'taken_at' AND position = 0)"
_ORDERS: dict[str, str] = {
    "date": f"coalesce({_TAKEN}, strftime('%Y-%m-%dT%H:%M:%S', mtime_ns / 1000000000, 'unixepoch')) DESC, id DESC",
    "path": "root, path",
    "added": "id DESC",
}


@dataclass(frozen=True, slots=True)
class Brief:
    """What a grid needs of a picture.

    Args:
        id, root, path, size, width, height: As of an :class:`~openitr.types.Item`.
        taken_at: ISO 8601, "" when the file does not say.
    """

    id: int
    root: int
    path: str
    size: int
    width: int
    height: int
    taken_at: str

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        facts: dict[str, Any] = {
            "id": self.id,
            "root": self.root,
            "path": self.path,
            "name": self.path.rpartition("/")[2],
        }
        facts |= {"width": self.width, "height": self.height}
        return facts | ({"taken_at": self.taken_at} if self.taken_at else {})


def order(collection: Collection, where: Mapping[str, Mapping[str, Any]] | None = None, sort: Order = "date") -> Ints:
    """Ids of the pictures that pass a filter: the newest first, by folder and path, or the last added first.

    Raises:
        FilterError: An unknown field, test or value.
        QueryError: An unknown order.
    """
    if sort not in _ORDERS:
        raise QueryError(f"cannot sort by {sort!r}", f"use {', '.join(_ORDERS)}")
    db = collection.store.read
    condition, values = "1", list[Any]()
    if where:
        filters.teach(db)
        condition, values = filters.compile(where, filters.known_fields(db))
    rows = db.execute(f"SELECT id FROM items WHERE {condition} ORDER BY {_ORDERS[sort]}", values)
    return np.fromiter((row[0] for row in rows), np.int64)


def briefs(collection: Collection, ids: Sequence[int] | Ints) -> list[Brief]:
    """What a grid needs of pictures, in the order of ``ids``; one that is gone is left out."""
    rows = collection.store.read.execute(
        f"SELECT items.id, items.root, items.path, size, width, height, coalesce({_TAKEN}, '') "
        "FROM json_each(?) AS wanted JOIN items ON items.id = wanted.value ORDER BY wanted.key",
        (json.dumps([int(i) for i in ids]),),
    )
    return [Brief(r[0], r[1], from_db(r[2]), r[3], r[4], r[5], str(r[6])) for r in rows]


def skipped_page(collection: Collection, offset: int = 0, limit: int = 100) -> tuple[list[dict[str, Any]], int]:
    """Files that could not be read, by folder and path, and how many there are in all."""
    db = collection.store.read
    rows = db.execute(
        "SELECT root, path, reason, remedy FROM skipped ORDER BY root, path LIMIT ? OFFSET ?", (limit, offset)
    )
    found = [{"root": r[0], "path": from_db(r[1]), "reason": r[2], "remedy": r[3]} for r in rows]
    return found, int(db.execute("SELECT count(*) FROM skipped").fetchone()[0])


def stored_thumbnail(collection: Collection, id: int) -> tuple[str, bytes | None] | None:
    """Content hash (hex) of a picture and the small copy that is kept of it; None when there is no such picture."""
    row = collection.store.read.execute(
        "SELECT sha256, data FROM items LEFT JOIN thumbs.thumbs USING (sha256) WHERE items.id = ?", (int(id),)
    ).fetchone()
    return None if row is None else (row[0].hex(), None if row[1] is None else bytes(row[1]))
