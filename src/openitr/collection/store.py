"""``items.sqlite``: items, what is known of them, runs, and what was skipped; ``thumbs.sqlite`` beside it.

The database is the truth. It runs in write-ahead mode, so that readers go on while one process writes, with
``synchronous=FULL``: a commit is what acknowledges an item, and at the default a power cut may take back the last
ones. Thumbnails can be made again from the files; they have a database of their own, which may lose the last second.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from pathlib import Path

from openitr.collection import wording
from openitr.errors import DamagedCollection

ITEMS = "items.sqlite"
THUMBS = "thumbs.sqlite"

SCHEMA = """
CREATE TABLE roots (id INTEGER PRIMARY KEY, path NOT NULL UNIQUE, added TEXT NOT NULL);
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, root INTEGER NOT NULL REFERENCES roots, path NOT NULL,
    folder NOT NULL, name NOT NULL, sha256 BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, format TEXT NOT NULL, phash INTEGER NOT NULL,
    notes TEXT NOT NULL, word_notes TEXT NOT NULL DEFAULT '[]', sidecar TEXT NOT NULL, UNIQUE (root, path));
CREATE INDEX items_by_content ON items (sha256);
CREATE INDEX items_by_folder ON items (folder);
CREATE TABLE fields (
    item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE, source TEXT NOT NULL, name TEXT NOT NULL,
    position INTEGER NOT NULL, kind TEXT NOT NULL, value NOT NULL,
    PRIMARY KEY (item, source, name, position)) WITHOUT ROWID;
CREATE INDEX fields_by_value ON fields (name, kind, value);
CREATE TABLE captions (
    item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE, position INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (item, position)) WITHOUT ROWID;
CREATE TABLE skipped (
    root INTEGER NOT NULL REFERENCES roots, path NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    reason TEXT NOT NULL, remedy TEXT NOT NULL, PRIMARY KEY (root, path)) WITHOUT ROWID;
CREATE TABLE forgotten (
    root INTEGER NOT NULL REFERENCES roots, path NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    PRIMARY KEY (root, path)) WITHOUT ROWID;
CREATE TABLE runs (
    name TEXT PRIMARY KEY, spec TEXT NOT NULL, fingerprint TEXT NOT NULL, kind TEXT NOT NULL, dim INTEGER NOT NULL,
    created TEXT NOT NULL, state TEXT NOT NULL, generation INTEGER NOT NULL, records INTEGER NOT NULL);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_THUMBS_SCHEMA = "CREATE TABLE IF NOT EXISTS thumbs.thumbs (sha256 BLOB PRIMARY KEY, data BLOB NOT NULL);"


class Store:
    """Connections to the two databases, one per thread for reading and one for the writer.

    Args:
        folder: Of the collection.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._local = threading.local()
        self._lock = threading.Lock()
        # A thread's connection goes with it: a server's threads come and go for months.
        self._open: weakref.WeakSet[_Held] = weakref.WeakSet()

    @classmethod
    def create(cls, folder: Path, format: int) -> Store:
        """Lay out both databases in a new directory."""
        db = sqlite3.connect(folder / ITEMS, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {format}; COMMIT;")
            wording.lay_out(db)
            db.execute("ATTACH ? AS thumbs", (str(folder / THUMBS),))
            db.execute("PRAGMA thumbs.journal_mode = WAL")
            db.executescript(_THUMBS_SCHEMA)
        finally:
            db.close()
        return cls(folder)

    @property
    def read(self) -> sqlite3.Connection:
        """This thread's connection; it cannot write."""
        found: _Held | None = getattr(self._local, "held", None)
        if found is None:
            found = self._local.held = _Held(self._connect(readonly=True))
            with self._lock:
                self._open.add(found)
        return found.db

    def connect_aside(self) -> sqlite3.Connection:
        """A connection for reading that belongs to no thread; the caller closes it and sees that one thread uses it."""
        return self._connect(readonly=True)

    def for_writing(self) -> sqlite3.Connection:
        """A connection for the one writer; the caller closes it."""
        db = self._connect(readonly=False)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA thumbs.synchronous = NORMAL")
        db.executescript(_THUMBS_SCHEMA)
        return db

    def close(self) -> None:
        """Close every connection for reading."""
        with self._lock:
            while self._open:
                self._open.pop().db.close()
            self._local = threading.local()

    def _connect(self, *, readonly: bool) -> sqlite3.Connection:
        path = self.folder / ITEMS
        if not path.is_file():
            raise DamagedCollection(f"{path} is missing", "put back a copy, or index the folder again")
        # A collection on a disk that cannot be written has no one writing to it: no locks are needed.
        frozen = readonly and not os.access(self.folder, os.W_OK)
        tail = "?mode=ro&immutable=1" if frozen else "?mode=rw"
        try:
            db = sqlite3.connect(
                path.absolute().as_uri() + tail, uri=True, isolation_level=None, timeout=30, check_same_thread=False
            )
            thumbs = (self.folder / THUMBS).absolute().as_uri() + (tail if frozen else "?mode=rwc")
            db.execute("ATTACH ? AS thumbs", (thumbs,))
            if readonly:
                db.execute("PRAGMA query_only = ON")
        except sqlite3.DatabaseError as error:
            raise DamagedCollection(f"{path}: {error}", "`openitr verify` says more; put back a copy") from error
        return db


class _Held:
    """A thread's connection; closed when the thread has ended."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def __del__(self) -> None:
        self.db.close()
