"""What the fields of a collection hold: how many pictures have each, the commonest values, the range."""

from __future__ import annotations

import sqlite3
from typing import Any

from openitr.collection.collection import Collection
from openitr.collection.lines import from_db

_VALUES = 30
# Fields that differ from picture to picture: their values would be a list of names.
_UNIQUE = frozenset({"path", "name"})
_COLUMNS = (("folder", "text"), ("format", "text"), ("width", "number"), ("height", "number"), ("size", "number"))


def summarise(collection: Collection, values: int = _VALUES) -> list[dict[str, Any]]:
    """One entry per field that some picture has, those of every picture first.

    Args:
        collection: To look at.
        values: How many of the commonest values are given.

    Returns:
        name, kind ("text", "number", "bool" or "date"; a field of several kinds goes by the commonest), count of
        pictures that have it, values with their counts for texts and booleans, min and max for numbers and dates.
    """
    db = collection.store.read
    (total,) = db.execute("SELECT count(*) FROM items").fetchone()
    if not total:
        return []
    found = [_column(db, name, kind, total, values) for name, kind in _COLUMNS]
    found += [{"name": name, "kind": "text", "count": total} for name in sorted(_UNIQUE)]
    (captioned,) = db.execute("SELECT count(DISTINCT item) FROM captions").fetchone()
    if captioned:
        found.append({"name": "captions", "kind": "text", "count": captioned})
    rows = db.execute(
        "SELECT name, kind, count(DISTINCT item), min(value), max(value) FROM fields GROUP BY name, kind "
        "ORDER BY name, 3"
    ).fetchall()
    taken = {name for name, _ in _COLUMNS} | _UNIQUE | {"captions"}
    # The commonest kind of a name comes last and stays.
    commonest = {row[0]: row for row in rows if row[0] not in taken}
    return found + [_field(db, row, values) for row in commonest.values()]


def _column(db: sqlite3.Connection, name: str, kind: str, total: int, values: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "kind": kind, "count": total}
    if kind == "number":
        low, high = db.execute(f"SELECT min({name}), max({name}) FROM items").fetchone()
        return entry | {"min": low, "max": high}
    rows = db.execute(f"SELECT {name}, count(*) FROM items GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?", (values,))
    return entry | {"values": [{"value": from_db(value), "count": count} for value, count in rows]}


def _field(db: sqlite3.Connection, row: tuple[Any, ...], values: int) -> dict[str, Any]:
    name, kind, count, low, high = row
    shown = "text" if kind == "set" else kind
    entry: dict[str, Any] = {"name": name, "kind": shown, "count": count}
    if shown in ("number", "date"):
        return entry | {"min": low, "max": high}
    rows = db.execute(
        "SELECT value, count(*) FROM fields WHERE name = ? AND kind = ? GROUP BY value ORDER BY 2 DESC, 1 LIMIT ?",
        (name, kind, values),
    )
    convert = bool if shown == "bool" else str
    return entry | {"values": [{"value": convert(value), "count": times} for value, times in rows]}
