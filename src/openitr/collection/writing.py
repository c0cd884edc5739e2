"""The one writer of a collection: vectors and items change together, in batches that are whole or not there.

A batch appends vectors, brings them to the disk, and then commits one SQLite transaction that holds the items and
the new length of each journal. That commit is the acknowledgement. Whatever a killed process had appended beyond
the committed length is cut off by the next writer and never seen by a reader.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from openitr.collection import wording
from openitr.collection.kept import RunIndex, open_run
from openitr.collection.lines import Value, put_captions, put_fields, to_db
from openitr.collection.sidecars import Words
from openitr.collection.store import Store
from openitr.embeddings import Embeddings, Ints, Kind
from openitr.errors import CollectionError, FingerprintMismatch, InputError
from openitr.index.flat import Mark

_NAME = re.compile(r"[\w][\w .+-]{0,99}")
# Dead rows are tolerated up to this share before the living ones are written anew.
_DEAD_SHARE, _DEAD_ROWS = 0.25, 1000


class Maker(Protocol):
    """What a run remembers of the encoder that makes its vectors."""

    @property
    def spec(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def dim(self) -> int: ...


class Writer:
    """What :meth:`Collection.writing` hands out.

    Args:
        path: Of the collection.
        store: Its databases.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self.path = path
        self._indexes: dict[str, RunIndex] = {}
        self.db = store.for_writing()
        # A collection made where SQLite has no full-text search gets its words from the first writer that has it.
        if not wording.there(self.db):
            with self.batch() as db:
                wording.lay_out(db)
        self._has_words = wording.there(self.db)

    @contextmanager
    def batch(self) -> Iterator[sqlite3.Connection]:
        """One transaction over items and vectors; Ctrl-C waits for its end.

        Raises:
            CollectionError: The disk is full; nothing of the batch remains.
        """
        with _undisturbed():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self._commit_vectors()
                self.db.execute("COMMIT")
            except BaseException as error:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                self._forget_indexes()
                if _disk_full(error):
                    raise CollectionError(
                        f"the disk of {self.path} is full; everything committed before is safe",
                        "free some space and run the same command again",
                    ) from error
                raise

    def _commit_vectors(self) -> None:
        for name, index in self._indexes.items():
            index.flush()
            self.db.execute(
                "UPDATE runs SET generation = ?, records = ? WHERE name = ? AND (generation, records) <> (?, ?)",
                (*index.mark, name, *index.mark),
            )

    def index(self, run: str) -> RunIndex:
        """The vectors of a run, for writing; leftovers of an interrupted writer are cut off here."""
        if run not in self._indexes:
            row = self.db.execute(
                "SELECT kind, dim, generation, records, created FROM runs WHERE name = ?", (run,)
            ).fetchone()
            if row is None:
                raise CollectionError(f"{self.path} has no run {run!r}", "see `openitr info`")
            kind, dim, generation, records, created = row
            folder = run_folder(self.path, run, created)
            index = open_run(folder, kind, dim, writable=True, mark=Mark(generation, records))
            index.drop_old_generations()
            self._indexes[run] = index
        return self._indexes[run]

    def add_run(self, name: str, encoder: Maker, state: str = "ready") -> None:
        """Begin a run; the first one of a collection becomes the active one.

        Raises:
            FingerprintMismatch: There is a run of that name made by another encoder.
            InputError: A name that cannot be used.
        """
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} cannot name a run", "use letters, digits, and . + - _ inside")
        known = self.db.execute("SELECT fingerprint FROM runs WHERE name = ?", (name,)).fetchone()
        if known is not None:
            check_fingerprint(name, known[0], encoder)
            return
        if not self.db.execute("SELECT 1 FROM runs WHERE state = 'active'").fetchone():
            state = "active"
        now = datetime.now(UTC).isoformat()
        with self.batch() as db:
            db.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0)",
                (name, encoder.spec, encoder.fingerprint, encoder.kind, encoder.dim, now, state),
            )

    def settle_run(self, name: str) -> None:
        """A run is whole: it answers searches from now on, or those for its kind where the active one is of another."""
        row = self.db.execute(
            "SELECT 1 FROM runs a JOIN runs b ON a.kind = b.kind WHERE a.state = 'active' AND b.name = ?", (name,)
        ).fetchone()
        if row is not None:
            self.activate(name)
            return
        with self.batch() as db:
            db.execute("UPDATE runs SET state = 'ready' WHERE name = ? AND state = 'building'", (name,))

    def activate(self, name: str) -> None:
        """Make a run the one that answers searches."""
        with self.batch() as db:
            db.execute("UPDATE runs SET state = 'ready' WHERE state = 'active'")
            db.execute("UPDATE runs SET state = 'active' WHERE name = ?", (name,))

    def drop_run(self, name: str) -> None:
        """Delete a run and its vectors.

        Raises:
            CollectionError: It is the active one, or there is none of that name.
        """
        row = self.db.execute("SELECT state, created FROM runs WHERE name = ?", (name,)).fetchone()
        if row is None or row[0] == "active":
            what = f"has no run {name!r}" if row is None else f"answers searches with {name!r}"
            raise CollectionError(f"{self.path} {what}", "see `openitr info`; reindex with another model first")
        index = self._indexes.pop(name, None)
        if index is not None:
            index.close()
        with self.batch() as db:
            db.execute("DELETE FROM runs WHERE name = ?", (name,))
        self.sweep_runs()

    def sweep_runs(self) -> None:
        """Delete folders of vectors that belong to no run: dropped ones, and what a killed process left of them."""
        import shutil

        rows = self.db.execute("SELECT name, created FROM runs").fetchall()
        keep = {run_folder(self.path, name, created) for name, created in rows}
        for folder in (self.path / "runs").glob("*"):
            if folder not in keep:
                shutil.rmtree(folder, ignore_errors=True)

    def put_item(
        self,
        id: int | None,
        root: int,
        path: str,
        facts: Mapping[str, Any],
        fields: Mapping[str, Value],
        notes: Sequence[str],
        words: Words,
        sidecar: str,
    ) -> int:
        """Insert an item, or replace what is known of it; inside a batch. Returns its id.

        Args:
            id: Of the item to replace or to insert; None takes the next free one.
            root: Id of its root.
            path: Relative to the root.
            facts: The columns sha256 (hex), size, mtime_ns, width, height, format, phash.
            fields: What the file says of itself.
            notes: Oddities met while decoding.
            words: What the user says of it.
            sidecar: Stamp of the files that say so.
        """
        folder, _, name = path.rpartition("/")
        fresh = id is None
        row = {
            "root": root,
            "path": to_db(path),
            "folder": to_db(folder),
            "name": to_db(name),
            "notes": json.dumps(list(notes)),
            "word_notes": json.dumps(words.notes),
            "sidecar": sidecar,
            **facts,
            "sha256": bytes.fromhex(facts["sha256"]),
        }
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        changes = ", ".join(f"{column} = excluded.{column}" for column in row)
        [(number,)] = self.db.execute(
            f"INSERT INTO items (id, {names}) VALUES (?, {marks}) "
            f"ON CONFLICT (id) DO UPDATE SET {changes} RETURNING id",
            (id, *row.values()),
        ).fetchall()
        put_fields(self.db, number, "fact", fields, fresh=fresh)
        put_fields(self.db, number, "meta", words.metadata, fresh=fresh)
        put_captions(self.db, number, words.captions, fresh=fresh)
        if self._has_words:
            wording.put(self.db, number, path, (*fields.values(), *words.metadata.values()), words.captions)
        return int(number)

    def put_words(self, id: int, words: Words, sidecar: str) -> None:
        """Replace what the user says of an item; inside a batch."""
        put_fields(self.db, id, "meta", words.metadata)
        put_captions(self.db, id, words.captions)
        self.db.execute(
            "UPDATE items SET sidecar = ?, word_notes = ? WHERE id = ?", (sidecar, json.dumps(words.notes), id)
        )
        if self._has_words:
            wording.put_again(self.db, id)

    def put_thumbnail(self, sha256: str, data: bytes) -> None:
        """Keep a small copy; inside a batch."""
        self.db.execute("INSERT OR REPLACE INTO thumbs.thumbs VALUES (?, ?)", (bytes.fromhex(sha256), data))

    def put_vectors(self, run: str, ids: Ints, embeddings: Embeddings) -> None:
        """Insert or replace vectors; inside a batch."""
        self.index(run).add(ids, embeddings)

    def remove(self, ids: Sequence[int], *, for_good: bool = False) -> int:
        """Forget items in all runs; their files stay, and with ``for_good`` are left out from now on. How many."""
        removed = 0
        for start in range(0, len(ids), 5000):
            part = ids[start : start + 5000]
            with self.batch() as db:
                if for_good:
                    db.execute(
                        "INSERT OR REPLACE INTO forgotten SELECT root, path, size, mtime_ns FROM items "
                        "WHERE id IN (SELECT value FROM json_each(?))",
                        (json.dumps([int(i) for i in part]),),
                    )
                removed += self.drop_items(part)
        return removed

    def drop_items(self, ids: Sequence[int]) -> int:
        """Forget items in all runs; inside a batch."""
        if not len(ids):
            return 0
        chosen = [int(i) for i in ids]
        cursor = self.db.execute(
            "DELETE FROM items WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(chosen),)
        )
        removed = cursor.rowcount
        if self._has_words:
            wording.drop(self.db, chosen)
        for run in self.run_names():
            self.index(run).remove(np.array(chosen, np.int64))
        return removed

    def run_names(self) -> list[str]:
        """Names of all runs."""
        return [name for (name,) in self.db.execute("SELECT name FROM runs ORDER BY name")]

    def tidy(self) -> None:
        """Drop thumbnails of forgotten contents and, where much is dead, rewrite vectors."""
        with self.batch() as db:
            db.execute("DELETE FROM thumbs.thumbs WHERE sha256 NOT IN (SELECT sha256 FROM items)")
        for run in self.run_names():
            index = self.index(run)
            if index.dead_rows > max(_DEAD_ROWS, _DEAD_SHARE * len(index)):
                with self.batch():
                    index.compact()
                index.drop_old_generations()
        self.sweep_runs()

    def close(self) -> None:
        """Release files."""
        self._forget_indexes()
        self.db.close()

    def _forget_indexes(self) -> None:
        for index in self._indexes.values():
            index.close()
        self._indexes = {}


@lru_cache(maxsize=256)
def run_folder(path: Path, name: str, created: str) -> Path:
    """Where the vectors of a run are; a run that is dropped and made again gets another folder."""
    safe = re.sub(r"[^\w.+-]", "_", name)[:60]
    return path / "runs" / f"{safe}-{hashlib.sha256(f'{name}|{created}'.encode()).hexdigest()[:8]}"


def check_fingerprint(run: str, stored: str, encoder: Maker) -> None:
    """Raise :class:`FingerprintMismatch` unless the encoder is the one that made the run."""
    if stored != encoder.fingerprint:
        raise FingerprintMismatch(
            f"run {run!r} was made by {stored[:12]}, but {encoder.spec} is {encoder.fingerprint[:12]}",
            f"openitr reindex COLLECTION --model {encoder.spec}",
        )


def _disk_full(error: BaseException) -> bool:
    import errno

    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, sqlite3.OperationalError) and "full" in str(error)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done (only the main thread can receive it)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda *about: pressed.append(about))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed and callable(before):
            before(*pressed[0])
