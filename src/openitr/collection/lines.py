"""How items, their fields and captions lie in the database, and how they come back as :class:`~openitr.types.Item`."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from openitr.types import Item, Scalar

Value = Scalar | Sequence[str]
_DATE = re.compile(r"\d{4}-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?")


def to_db(path: str) -> str | bytes:
    """A file name as the database holds it: text, or the raw bytes where they are no valid text.

    >>> to_db("a.jpg"), to_db("caf\\udce9.jpg")
    ('a.jpg', b'caf\\xe9.jpg')
    """
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def from_db(stored: str | bytes) -> str:
    """The file name again, as Python gives it (with surrogates for bytes that are no text)."""
    return os.fsdecode(stored) if isinstance(stored, bytes) else stored


def kind_of(value: Value) -> str:
    """Which type a field has: "bool", "number", "date", "text" or "set" (a list of texts).

    >>> kind_of(True), kind_of(3), kind_of("2024-05-01T10:00"), kind_of("red"), kind_of(["a"])
    ('bool', 'number', 'date', 'text', 'set')
    """
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "date" if _DATE.fullmatch(value) else "text"
    return "set"


def put_fields(
    db: sqlite3.Connection, item: int, source: str, values: Mapping[str, Value], *, fresh: bool = False
) -> None:
    """Replace all fields of an item that come from one source ("fact" or "meta"); a fresh item has none yet."""
    if not fresh:
        db.execute("DELETE FROM fields WHERE item = ? AND source = ?", (item, source))
    rows: list[tuple[Any, ...]] = []
    for name, value in values.items():
        kind = kind_of(value)
        if isinstance(value, str | int | float):
            rows.append((item, source, name, 0, kind, int(value) if isinstance(value, bool) else value))
        else:
            rows += [(item, source, name, place, kind, text) for place, text in enumerate(value)]
    if rows:
        db.executemany("INSERT INTO fields VALUES (?, ?, ?, ?, ?, ?)", rows)


def put_captions(db: sqlite3.Connection, item: int, captions: Sequence[str], *, fresh: bool = False) -> None:
    """Replace the captions of an item; a fresh one has none yet."""
    if not fresh:
        db.execute("DELETE FROM captions WHERE item = ?", (item,))
    if captions:
        db.executemany("INSERT INTO captions VALUES (?, ?, ?)", [(item, n, text) for n, text in enumerate(captions)])


def _notes(stored: str) -> list[str]:
    # Most pictures have none.
    return [] if stored == "[]" else list(json.loads(stored))


def read_items(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Item]:
    """Items by id; those that do not exist are left out."""
    wanted = json.dumps([int(i) for i in ids])
    chosen = "(SELECT value FROM json_each(?))"
    facts: dict[int, dict[str, Any]] = {}
    metadata: dict[int, dict[str, Any]] = {}
    captions: dict[int, list[str]] = {}
    for item, source, name, kind, value in db.execute(
        f"SELECT item, source, name, kind, value FROM fields WHERE item IN {chosen} "
        "ORDER BY item, source, name, position",
        (wanted,),
    ):
        home = (facts if source == "fact" else metadata).setdefault(item, {})
        if kind == "set":
            home.setdefault(name, []).append(value)
        else:
            home[name] = bool(value) if kind == "bool" else value
    for item, text in db.execute(
        f"SELECT item, text FROM captions WHERE item IN {chosen} ORDER BY item, position", (wanted,)
    ):
        captions.setdefault(item, []).append(text)
    items: dict[int, Item] = {}
    for row in db.execute(
        "SELECT id, root, path, sha256, size, mtime_ns, width, height, format, notes, word_notes FROM items "
        f"WHERE id IN {chosen}",
        (wanted,),
    ):
        number, root, path, sha256, size, mtime_ns, width, height, format, notes, word_notes = row
        items[number] = Item(
            id=number,
            root=root,
            path=from_db(path),
            sha256=sha256.hex(),
            size=size,
            mtime_ns=mtime_ns,
            width=width,
            height=height,
            format=format,
            facts=facts.get(number, {}),
            metadata=metadata.get(number, {}),
            captions=tuple(captions.get(number, ())),
            notes=(*_notes(notes), *_notes(word_notes)),
        )
    return items
