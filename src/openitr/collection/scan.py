"""From the files that are there to the work that is to be done, in temporary tables and not in memory.

seen       every file of the scope that looks like a picture
todo       those that are new or changed; ``known`` says that the content may be one we have
displaced  items whose file is gone or changed: a file with their content is them, moved
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from openitr.collection.lines import from_db, to_db
from openitr.collection.roots import Scope
from openitr.collection.sidecars import Table
from openitr.collection.walk import Walk
from openitr.errors import CollectionError

_PAGE = 1000
_TABLES = """
DROP TABLE IF EXISTS temp.seen; DROP TABLE IF EXISTS temp.todo; DROP TABLE IF EXISTS temp.displaced;
CREATE TEMP TABLE seen (path PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sidecar TEXT) WITHOUT ROWID;
CREATE TEMP TABLE todo (n INTEGER PRIMARY KEY, path, size INTEGER, mtime_ns INTEGER, sidecar TEXT,
                        known INTEGER DEFAULT 0);
CREATE TEMP TABLE displaced (item INTEGER PRIMARY KEY, size INTEGER);
"""

Task = tuple[str, int, int, str]
"""Path relative to the root, size, modification time, stamp of the sidecars."""


class Scan:
    """One look at a scope.

    Args:
        db: The writer's connection.
        scope: What to look at.
        table: What the folder's own tables say.
        retry: Also look again at files that could not be read and did not change since.
        restore: Also take files again that were removed from the collection and did not change since.
    """

    def __init__(
        self, db: sqlite3.Connection, scope: Scope, table: Table, *, retry: bool, restore: bool = False
    ) -> None:
        self.db = db
        self.scope = scope
        self.table = table
        self.retry = retry
        self.restore = restore
        self.kept_out = 0
        self.unreadable: list[str] = []

    def look(self, *, empty_ok: bool) -> None:
        """Fill the tables.

        Raises:
            CollectionError: The folder cannot be listed, or it is empty although pictures of it are known: the look
                of an unplugged disk. Nothing is changed then.
        """
        self.db.executescript(_TABLES)
        walk = Walk(self.scope.folder, self.scope.under, self._known)
        stamped = (
            (to_db(f.path), f.size, f.mtime_ns, "|".join(filter(None, (f.sidecar, self.table.stamp(f.path)))))
            for f in walk
        )
        self.db.execute("BEGIN")
        try:
            self.db.executemany("INSERT OR IGNORE INTO temp.seen VALUES (?, ?, ?, ?)", stamped)
        finally:
            self.db.execute("COMMIT")
        self.unreadable = walk.unreadable
        self._guard(empty_ok)
        self._plan()

    def _known(self, path: str, size: int, mtime_ns: int) -> bool:
        for table in ("items", "skipped", "forgotten"):
            row = self.db.execute(
                f"SELECT 1 FROM {table} WHERE root = ? AND path = ? AND size = ? AND mtime_ns = ?",
                (self.scope.root, to_db(path), size, mtime_ns),
            ).fetchone()
            if row:
                return True
        return False

    def _guard(self, empty_ok: bool) -> None:
        start = self.scope.folder / self.scope.under
        if self.scope.under in self.unreadable and (start.exists() or not self._listable(self.scope.folder)):
            raise CollectionError(f"{start} cannot be listed; nothing was changed", "check its permissions")
        condition, values = self.scope.sql()
        had = self.db.execute(f"SELECT count(*) FROM items WHERE {condition}", values).fetchone()[0]
        if had and not empty_ok and not self.count("seen") and (start.exists() or self._bare(self.scope.folder)):
            raise CollectionError(
                f"{start} holds no picture now, but {had} of it are in the collection; nothing was changed",
                "plug in its disk; if they are gone for good: `openitr remove`",
            )

    @staticmethod
    def _listable(folder: Path) -> bool:
        try:
            os.scandir(folder).close()
        except OSError:
            return False
        return True

    @staticmethod
    def _bare(folder: Path) -> bool:
        try:
            return not any(folder.iterdir())
        except OSError:
            return True

    def _plan(self) -> None:
        condition, values = self.scope.sql()
        root = self.scope.root
        self.db.execute(
            "INSERT INTO temp.todo (path, size, mtime_ns, sidecar) "
            "SELECT s.path, s.size, s.mtime_ns, s.sidecar FROM temp.seen s "
            "LEFT JOIN items i ON i.root = ? AND i.path = s.path AND i.size = s.size AND i.mtime_ns = s.mtime_ns "
            "LEFT JOIN skipped k ON k.root = ? AND k.path = s.path AND k.size = s.size AND k.mtime_ns = s.mtime_ns "
            "WHERE i.id IS NULL AND (? OR k.path IS NULL) ORDER BY s.path",
            (root, root, self.retry),
        )
        self._keep_out()
        self.db.execute(
            f"INSERT INTO temp.displaced SELECT id, size FROM items WHERE {condition} AND NOT EXISTS (SELECT 1 FROM "
            "temp.seen s WHERE s.path = items.path AND s.size = items.size AND s.mtime_ns = items.mtime_ns)",
            values,
        )
        roots = {number: Path(from_db(path)) for number, path in self.db.execute("SELECT id, path FROM roots")}
        elsewhere = self.db.execute(
            f"SELECT id, size, root, path FROM items WHERE NOT {condition} AND size IN (SELECT size FROM temp.todo)",
            values,
        ).fetchall()
        gone = [
            (id, size)
            for id, size, number, path in elsewhere
            if roots[number].is_dir() and not os.path.lexists(roots[number] / from_db(path))
        ]
        self.db.executemany("INSERT INTO temp.displaced VALUES (?, ?)", gone)
        self.db.execute("UPDATE temp.todo SET known = 1 WHERE size IN (SELECT size FROM temp.displaced)")

    def _keep_out(self) -> None:
        same = "f.root = ? AND f.path = todo.path AND f.size = todo.size AND f.mtime_ns = todo.mtime_ns"
        removed = f"EXISTS (SELECT 1 FROM forgotten f WHERE {same})"
        if self.restore:
            self.db.execute(
                "DELETE FROM forgotten WHERE root = ? AND path IN (SELECT path FROM temp.todo)", (self.scope.root,)
            )
        else:
            self.kept_out = self.db.execute(f"DELETE FROM temp.todo WHERE {removed}", (self.scope.root,)).rowcount

    def tasks(self, known: bool) -> Iterator[Task]:
        """What is to be done, by path; the table may change meanwhile."""
        last = 0
        while True:
            rows = self.db.execute(
                "SELECT n, path, size, mtime_ns, sidecar FROM temp.todo WHERE known = ? AND n > ? ORDER BY n LIMIT ?",
                (known, last, _PAGE),
            ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            for _, path, size, mtime_ns, sidecar in rows:
                yield from_db(path), size, mtime_ns, sidecar

    def done(self, path: str) -> None:
        """A file needs no further work."""
        self.db.execute("DELETE FROM temp.todo WHERE path = ?", (to_db(path),))

    def decode_all(self) -> None:
        """What is still to be done holds no content we know."""
        self.db.execute("UPDATE temp.todo SET known = 0")

    def reworded(self) -> list[tuple[int, str, str]]:
        """Items whose file is as it was but whose sidecars are not: id, path, new stamp."""
        rows = self.db.execute(
            "SELECT i.id, i.path, s.sidecar FROM temp.seen s JOIN items i ON i.root = ? AND i.path = s.path "
            "WHERE i.size = s.size AND i.mtime_ns = s.mtime_ns AND i.sidecar <> s.sidecar",
            (self.scope.root,),
        )
        return [(id, from_db(path), sidecar) for id, path, sidecar in rows]

    def gone(self) -> list[int]:
        """Items of the scope whose file is not there; a folder that could not be listed hides nothing."""
        condition, values = self.scope.sql()
        rows = self.db.execute(
            f"SELECT id, path FROM items WHERE {condition} AND path NOT IN (SELECT path FROM temp.seen)", values
        )
        hidden = tuple(f"{folder}/" for folder in self.unreadable if folder)
        return [id for id, path in rows if not from_db(path).startswith(hidden or ("\0",))]

    def forget_skipped(self) -> None:
        """Drop what is known of unreadable files that are not there any more; inside a batch."""
        rows = self.db.execute("SELECT path FROM skipped WHERE root = ?", (self.scope.root,)).fetchall()
        for (path,) in rows:
            if self.scope.holds(from_db(path)):
                self.db.execute(
                    "DELETE FROM skipped WHERE root = ? AND path = ? AND path NOT IN (SELECT path FROM temp.seen)",
                    (self.scope.root, path),
                )

    def count(self, table: str) -> int:
        """Rows of one of the temporary tables."""
        return int(self.db.execute(f"SELECT count(*) FROM temp.{table}").fetchone()[0])
