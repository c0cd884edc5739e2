"""Decoded pictures become items and vectors, a batch at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from openitr.collection.lines import to_db
from openitr.collection.roots import Scope
from openitr.collection.scan import Task
from openitr.collection.sidecars import Table
from openitr.collection.writing import Writer
from openitr.embeddings import Embeddings, Ints, joined, nothing
from openitr.encoders.base import Encoder
from openitr.encoders.together import Together
from openitr.errors import ShapeError
from openitr.media.results import Decoded, Failed


@dataclass
class Batch:
    """Results of the decoding pool that wait to be committed together."""

    pictures: list[Decoded[Task]] = field(default_factory=list)
    failures: list[Failed[Task]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.pictures) + len(self.failures)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What committing a batch changed."""

    added: int
    updated: int
    removed: int


def encode(encoder: Encoder, pictures: Sequence[Decoded[Any]]) -> Embeddings:
    """Vectors of decoded pictures, checked before anything is written.

    Raises:
        ShapeError: The encoder does not keep its word.
    """
    return encode_all(Together([encoder]), pictures)[0]


def encode_all(together: Together, pictures: Sequence[Decoded[Any]]) -> list[Embeddings]:
    """Vectors of decoded pictures by several encoders, checked before anything is written.

    Raises:
        ShapeError: One of them does not keep its word.
    """
    if not pictures:
        return [nothing(encoder.kind, encoder.dim) for encoder in together.encoders]
    found = together.encode_images([picture.array for picture in pictures])
    for encoder, made in zip(together.encoders, found, strict=True):
        if made.kind != encoder.kind or len(made) != len(pictures) or made.dim != encoder.dim:
            wanted = f"{len(pictures)} x {encoder.dim} {encoder.kind}"
            what = f"{encoder.spec} made {len(made)} x {made.dim} {made.kind}, not {wanted}"
            raise ShapeError(what, "mend the encoder")
    return found


def donors(writer: Writer, run: str, hashes: set[str]) -> dict[str, int]:
    """For each content (sha256, hex) an item that has it and has a vector in the run."""
    marks = ", ".join("?" * len(hashes))
    rows = writer.db.execute(
        f"SELECT id, sha256 FROM items WHERE sha256 IN ({marks}) ORDER BY id DESC", [bytes.fromhex(h) for h in hashes]
    ).fetchall()
    if not rows:
        return {}
    with_vector = writer.index(run).holds(np.array([id for id, _ in rows], np.int64))
    return {sha256.hex(): id for (id, sha256), has in zip(rows, with_vector, strict=True) if has}


def commit(
    writer: Writer, scope: Scope, runs: Sequence[str], together: Together, table: Table, batch: Batch
) -> Outcome:
    """Encode what is new, then write small copies, and vectors, items and failures in one transaction.

    Args:
        writer: Of the collection.
        scope: Where the pictures lie.
        runs: Of the encoders. A picture whose content the first of them holds is not encoded for the others either.
        together: The encoders.
        table: What is written of the pictures.
        batch: What was decoded.
    """
    shared = donors(writer, runs[0], {picture.sha256 for picture in batch.pictures})
    fresh = list({p.sha256: p for p in batch.pictures if p.sha256 not in shared}.values())
    made = dict(zip(runs, encode_all(together, fresh), strict=True))
    rows = {picture.sha256: row for row, picture in enumerate(fresh)}
    added = updated = 0
    placed: list[tuple[int, str]] = []
    edited: list[int] = []
    with writer.batch():
        # By themselves and first: of two files that are committed at once, a kill may leave the one without the other.
        for picture in batch.pictures:
            writer.put_thumbnail(picture.sha256, picture.thumbnail)
    with writer.batch():
        # Copied before anything is replaced: a donor may itself be edited in this batch.
        copies = {name: _copied(writer, name, batch) for name in writer.run_names()}
        for picture in batch.pictures:
            id, is_new = _put(writer, scope, table, picture)
            placed.append((id, picture.sha256))
            added, updated = added + is_new, updated + (not is_new)
            if not is_new:
                edited.append(id)
        for name, known in copies.items():
            if name != runs[0]:
                writer.index(name).remove(np.array(edited, np.int64))
            new = rows if name in made else {}
            _put_vectors(writer, name, [p for p in placed if p[1] in known or p[1] in new], new, made.get(name), known)
        writer.db.executemany(
            "DELETE FROM skipped WHERE root = ? AND path = ?",
            [(scope.root, to_db(picture.key[0])) for picture in batch.pictures],
        )
        removed = sum(_fail(writer, scope, failure) for failure in batch.failures)
    return Outcome(added, updated, removed)


def stored(writer: Writer, run: str, shared: Mapping[str, int]) -> dict[str, Embeddings]:
    """Vectors of contents, each taken from an item that has it."""
    if not shared:
        return {}
    vectors = writer.index(run).vectors(np.array(list(shared.values()), np.int64))
    return {sha: vectors[row : row + 1] for row, sha in enumerate(shared)}


def _copied(writer: Writer, run: str, batch: Batch) -> dict[str, Embeddings]:
    """Vectors that another run has of contents in this batch."""
    return stored(writer, run, donors(writer, run, {picture.sha256 for picture in batch.pictures}))


def _put(writer: Writer, scope: Scope, table: Table, picture: Decoded[Task]) -> tuple[int, bool]:
    """Insert or replace one item; its id, and whether it is new."""
    path, _, _, sidecar = picture.key
    row = writer.db.execute("SELECT id FROM items WHERE root = ? AND path = ?", (scope.root, to_db(path))).fetchone()
    columns = ("sha256", "size", "mtime_ns", "width", "height", "format", "phash")
    facts = {name: getattr(picture, name) for name in columns}
    words = table.words(path, sidecar)
    id = writer.put_item(row[0] if row else None, scope.root, path, facts, picture.facts, picture.notes, words, sidecar)
    return id, row is None


def _put_vectors(
    writer: Writer,
    run: str,
    placed: Sequence[tuple[int, str]],
    rows: dict[str, int],
    vectors: Embeddings | None,
    copies: Mapping[str, Embeddings],
) -> None:
    if not placed:
        return
    ids: Ints = np.array([id for id, _ in placed], np.int64)
    parts = [copies[sha] if sha in copies else _row(vectors, rows[sha]) for _, sha in placed]
    writer.put_vectors(run, ids, joined(parts))


def _row(vectors: Embeddings | None, row: int) -> Embeddings:
    assert vectors is not None
    return vectors[row : row + 1]


def _fail(writer: Writer, scope: Scope, failure: Failed[Task]) -> int:
    """Write down why a file was skipped; an item of the same path is stale then. Returns how many items went."""
    path, size, mtime_ns, _ = failure.key
    writer.db.execute(
        "INSERT OR REPLACE INTO skipped VALUES (?, ?, ?, ?, ?, ?)",
        (scope.root, to_db(path), size, mtime_ns, failure.reason, failure.remedy),
    )
    rows = writer.db.execute("SELECT id FROM items WHERE root = ? AND path = ?", (scope.root, to_db(path))).fetchall()
    return writer.drop_items([id for (id,) in rows])
