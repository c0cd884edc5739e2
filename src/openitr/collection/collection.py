"""A collection: a directory with items, vectors, thumbnails and what was skipped.

collection.json   format version (:mod:`~openitr.collection.manifest`)
items.sqlite      items, fields, captions, runs: the truth (:mod:`~openitr.collection.store`)
thumbs.sqlite     small copies, by content hash
runs/NAME/        vectors of one encoder, of any kind (:mod:`~openitr.collection.kept`)
skipped.jsonl     files that could not be read, with reason and remedy
writer.lock       held by the one process that writes
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.collection import engines, filters, manifest, wording
from openitr.collection.kept import RunIndex, open_run
from openitr.collection.lines import from_db
from openitr.collection.lookup import Lookup
from openitr.collection.places import find
from openitr.collection.store import ITEMS, THUMBS, Store
from openitr.collection.wording import WordIndex
from openitr.collection.writing import Writer, run_folder
from openitr.embeddings import Ints, Kind
from openitr.errors import CollectionError, InputError
from openitr.index.flat import Mark
from openitr.index.lock import FileLock
from openitr.types import Item

_CHUNK = 5000
# What a process leaves that was killed while it made a collection.
_LEFTOVERS = {f"{name}{tail}" for name in (ITEMS, THUMBS) for tail in ("", "-wal", "-shm", "-journal")}
_LEFTOVERS |= {"writer.lock", f"{manifest.NAME}.part"}


@dataclass(frozen=True, eq=False)
class Run:
    """The vectors that one encoder made of a collection.

    Args:
        name: Of the run.
        spec: What :func:`openitr.encoders.load` makes the encoder from.
        fingerprint: Of the encoder.
        kind, dim: Of its embeddings.
        state: "active" (answers searches), "ready", or "building".
        index: The vectors; follows what other processes commit.
    """

    name: str
    spec: str
    fingerprint: str
    kind: Kind
    dim: int
    state: str
    index: RunIndex


class Collection:
    """Items and vectors on disk; one process writes, any number read.

    Use :meth:`create` or :meth:`open`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Collection.create(folder + "/photos") as collection:
    ...     len(collection)
    0
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = manifest.read(path)
        self.store = Store(path)
        self._lookup = Lookup(self.store)
        self._lock = FileLock(path / "writer.lock", f"{path} is being written")
        self._indexes: dict[str, tuple[str, RunIndex]] = {}

    @classmethod
    def create(cls, name_or_path: str | os.PathLike[str]) -> Collection:
        """Make an empty collection.

        Raises:
            CollectionError: There is something at that place already.
        """
        from openitr import __version__

        path = find(name_or_path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            if (path / manifest.NAME).exists():
                raise CollectionError(f"{path} is a collection already", "open it, or choose another place")
            if not path.is_dir() or not {p.name for p in path.iterdir()} <= _LEFTOVERS:
                raise CollectionError(f"{path} exists and is no collection", "choose an empty or a new directory")
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / "writer.lock", f"{path} is being written")
        lock.take()
        try:
            # The manifest comes last: without it this is no collection, and making it can be tried again.
            for leftover in path.glob("*.sqlite*"):
                leftover.unlink()
            Store.create(path, manifest.FORMAT)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            manifest.write(path, manifest.Manifest(manifest.FORMAT, __version__, now))
        finally:
            lock.release()
        return cls(path)

    @classmethod
    def open(cls, name_or_path: str | os.PathLike[str]) -> Collection:
        """Open an existing collection; an older format is brought up to date.

        Raises:
            NoSuchCollection, NewerFormat, DamagedCollection: As they say.
            CollectionBusy: An older format, and another process is writing.
        """
        collection = cls(find(name_or_path))
        if collection.manifest.format < manifest.FORMAT:
            collection._migrate()
        return collection

    def _migrate(self) -> None:
        self._lock.take()
        try:
            db = self.store.for_writing()
            try:
                self.manifest = manifest.migrate(self.path, db, self.manifest)
            finally:
                db.close()
        finally:
            self._lock.release()

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Be the one writer.

        Raises:
            CollectionBusy: Another process is; the message names it.
        """
        self._lock.take()
        try:
            writer = Writer(self.path, self.store)
            try:
                yield writer
            finally:
                writer.close()
        finally:
            self._lock.release()

    def __len__(self) -> int:
        return int(self.store.read.execute("SELECT count(*) FROM items").fetchone()[0])

    def ids(self) -> Ints:
        """Ids of all items, ascending."""
        return _ids(self.store.read.execute("SELECT id FROM items ORDER BY id"))

    def items(self, ids: Sequence[int] | npt.NDArray[Any]) -> list[Item]:
        """Items in the order of ``ids``; an id that is gone (removed a moment ago) is left out."""
        found: list[Item] = []
        for start in range(0, len(ids), _CHUNK):
            part = [int(i) for i in ids[start : start + _CHUNK]]
            known = self._lookup.items(part)
            found += [known[i] for i in part if i in known]
        return found

    def matching(self, where: Mapping[str, Mapping[str, Any]] | None) -> Ints | None:
        """Ids that pass a filter, ascending; None when there is no filter.

        Raises:
            FilterError: An unknown field, test or value.
        """
        if not where:
            return None
        db = self.store.read
        filters.teach(db)
        condition, values = filters.compile(where, filters.known_fields(db))
        return _ids(db.execute(f"SELECT id FROM items WHERE {condition} ORDER BY id", values))

    def fields(self) -> dict[str, list[str]]:
        """What can be asked for in a filter: each field with its types."""
        return {name: sorted(kinds) for name, kinds in sorted(filters.known_fields(self.store.read).items())}

    def roots(self) -> dict[int, Path]:
        """The indexed folders by id."""
        rows = self.store.read.execute("SELECT id, path FROM roots ORDER BY id")
        return {number: Path(from_db(path)) for number, path in rows}

    def file(self, item: Item) -> Path:
        """Where the picture is; whether it is still there is for the caller to see."""
        row = self.store.read.execute("SELECT path FROM roots WHERE id = ?", (item.root,)).fetchone()
        if row is None:
            raise CollectionError(f"item {item.id} belongs to no known folder", "see `openitr verify`")
        return Path(from_db(row[0]), *item.path.split("/"))

    def thumbnail(self, id: int) -> bytes:
        """A small copy of a picture, in a format that browsers show; made anew where it is missing.

        Raises:
            InputError: No such item.
            UnreadableImage: It was missing, and the file cannot be read any more.
        """
        db = self.store.read
        row = db.execute(
            "SELECT data FROM items JOIN thumbs.thumbs USING (sha256) WHERE items.id = ?", (int(id),)
        ).fetchone()
        if row is not None:
            return bytes(row[0])
        items = self.items([id])
        if not items:
            raise InputError(f"there is no item {id}", "it may have been removed")
        from openitr.media.images import decode
        from openitr.media.limits import Limits, read_file
        from openitr.media.thumbnails import LONGEST, thumbnail

        path = self.file(items[0])
        return thumbnail(decode(path, shrink_to=LONGEST), original=read_file(path, Limits()).data)

    def hashes(self) -> tuple[Ints, list[str], Ints]:
        """Ids ascending, content hashes (hex) and 63-bit perceptual hashes of all items."""
        rows = self.store.read.execute("SELECT id, sha256, phash FROM items ORDER BY id").fetchall()
        return (
            np.array([r[0] for r in rows], np.int64),
            [r[1].hex() for r in rows],
            np.array([r[2] for r in rows], np.int64),
        )

    def run(self, name: str | None = None, *, kind: Kind | None = None) -> Run:
        """A run by name or by kind, or the one that answers searches.

        Args:
            name: Of the run.
            kind: Without a name: the run of that kind, the newest where there are several that are whole.

        Raises:
            CollectionError: There is none of that name or kind, or none at all.
        """
        asked, values = "state = 'active'", list[str]()
        if name is not None:
            asked, values = "name = ?", [name]
        elif kind is not None:
            asked, values = "kind = ? AND state <> 'building' ORDER BY state <> 'active', created DESC", [kind]
        row = self.store.read.execute(
            f"SELECT name, spec, fingerprint, kind, dim, state, created FROM runs WHERE {asked} LIMIT 1", values
        ).fetchone()
        if row is None:
            raise self._no_run(name, kind)
        name, spec, fingerprint, found, dim, state, created = row
        return Run(name, spec, fingerprint, found, dim, state, self._index(name, created, found, dim))

    def _no_run(self, name: str | None, kind: Kind | None) -> CollectionError:
        have = self.run_names()
        if not have:
            return CollectionError(f"{self.path} holds no vectors yet", f"openitr index FOLDER --into {self.path}")
        if name is not None:
            return CollectionError(f"{self.path} has no run {name!r}", f"runs: {', '.join(have)}")
        begun = self.store.read.execute("SELECT name FROM runs WHERE kind = ?", (kind,)).fetchone()
        what = f"the {kind} run {begun[0]!r} of {self.path} is not whole" if begun else f"{self.path} has no {kind} run"
        return CollectionError(what, f"openitr reindex {self.path} --kind {kind}")

    def kinds(self) -> list[Kind]:
        """Kinds of embeddings that searches can use, that of the active run first."""
        rows = self.store.read.execute(
            "SELECT kind FROM runs WHERE state <> 'building' ORDER BY state <> 'active', kind"
        )
        return list(dict.fromkeys(row[0] for row in rows))

    def _index(self, name: str, created: str, kind: Kind, dim: int) -> RunIndex:
        folder = run_folder(self.path, name, created)
        held, now = self._indexes.get(name), f"{created}|{engines.stamp(self.path, folder)}"
        if held is not None and held[0] == now:
            return held[1]

        def mark() -> Mark:
            row = self.store.read.execute(
                "SELECT generation, records FROM runs WHERE name = ? AND created = ?", (name, created)
            ).fetchone()
            if row is None:
                raise CollectionError(f"the run {name} was dropped", "open the collection again")
            return Mark(*row)

        index = engines.served(self.path, name, open_run(folder, kind, dim, mark=mark))
        self._indexes[name] = (now, index)
        return index

    def words(self) -> WordIndex | None:
        """What is written of the pictures, to be searched; None where this Python's SQLite has no full-text search."""
        return WordIndex(lambda: self.store.read) if wording.there(self.store.read) else None

    def run_names(self) -> list[str]:
        """Names of all runs, the active one first."""
        rows = self.store.read.execute("SELECT name FROM runs ORDER BY state <> 'active', name")
        return [row[0] for row in rows]

    def skipped(self) -> list[dict[str, Any]]:
        """Files that look like pictures and could not be read: root, file, reason, remedy."""
        rows = self.store.read.execute("SELECT root, path, reason, remedy FROM skipped ORDER BY root, path")
        return [{"root": r[0], "file": from_db(r[1]), "reason": r[2], "remedy": r[3]} for r in rows]

    def remove(self, ids: Sequence[int] | npt.NDArray[Any]) -> int:
        """Forget items in all runs; their files stay, and indexing their folder again leaves them out.

        A file that changes after that is a new picture; ``ingest(restore=True)`` takes all of them again.

        Returns:
            How many there were.

        Raises:
            CollectionBusy: Another process is writing.
        """
        with self.writing() as writer:
            removed = writer.remove([int(i) for i in ids], for_good=True)
            writer.tidy()
        return removed

    def close(self) -> None:
        """Release files; idempotent."""
        for _, index in self._indexes.values():
            index.close()
        self._indexes = {}
        self._lookup.close()
        self.store.close()

    def __enter__(self) -> Collection:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()


def _ids(rows: Any) -> Ints:
    return np.fromiter((row[0] for row in rows), np.int64)
