"""Runs: which encoder writes where, filling gaps, and a new model beside the old one."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from openitr.collection.batches import donors, encode, stored
from openitr.collection.collection import Collection
from openitr.collection.lines import from_db
from openitr.collection.ray_workers import workshop
from openitr.collection.report import IngestReport, Progress
from openitr.collection.writing import Writer, check_fingerprint
from openitr.embeddings import joined
from openitr.encoders.base import Encoder
from openitr.errors import CollectionError
from openitr.media.results import Decoded

_PAGE = 1000
Told = Callable[[int, int], None]


def name_of(encoder: Encoder) -> str:
    """A run's name from the encoder's spec.

    >>> class Known: spec = "transformers:openai/clip-vit"
    >>> name_of(Known())
    'clip-vit'
    """
    last = encoder.spec.replace("\\", "/").rstrip("/").split("/")[-1].split(":")[-1]
    return re.sub(r"[^\w.+-]+", "-", last).strip(".-+ ")[:60] or "run"


def _new_name(writer: Writer, encoder: Encoder) -> str:
    """The run an encoder has begun already, else a name that no other encoder's run has."""
    rows = writer.db.execute("SELECT name, fingerprint FROM runs").fetchall()
    for name, fingerprint in rows:
        if fingerprint == encoder.fingerprint:
            return str(name)
    taken, first = {name for name, _ in rows}, name_of(encoder)
    return next(name for name in chain([first], (f"{first}-{n}" for n in count(2))) if name not in taken)


def _outdated(writer: Writer, encoder: Encoder) -> list[str]:
    """Runs of an earlier version of the same model: it cannot be loaded any more, so they cannot be asked."""
    rows = writer.db.execute(
        "SELECT name FROM runs WHERE spec = ? AND fingerprint <> ?", (encoder.spec, encoder.fingerprint)
    ).fetchall()
    return [name for (name,) in rows]


def run_for(writer: Writer, encoder: Encoder) -> str:
    """The run that an encoder writes; the first encoder of a kind begins one.

    Raises:
        FingerprintMismatch: There are runs of its kind, and none was made by this encoder.
    """
    rows = writer.db.execute(
        "SELECT name, fingerprint FROM runs WHERE kind = ? ORDER BY state <> 'active', name", (encoder.kind,)
    ).fetchall()
    if not rows:
        name = _new_name(writer, encoder)
        empty = writer.db.execute("SELECT 1 FROM items LIMIT 1").fetchone() is None
        writer.add_run(name, encoder, "ready" if empty else "building")
        return name
    mine = [name for name, fingerprint in rows if fingerprint == encoder.fingerprint]
    if not mine:
        check_fingerprint(rows[0][0], rows[0][1], encoder)
    return str(mine[0])


def add_run(collection: Collection, name: str, encoder: Encoder) -> None:
    """Begin a run beside those there are; ``ingest`` or ``reindex`` with its encoder fills it.

    Raises:
        FingerprintMismatch: There is a run of that name made by another encoder.
    """
    with collection.writing() as writer:
        writer.add_run(name, encoder)


def drop_run(collection: Collection, name: str) -> None:
    """Delete a run that is not the active one, and its vectors."""
    with collection.writing() as writer:
        writer.drop_run(name)


def reindex(
    collection: Collection,
    encoder: Encoder,
    name: str | None = None,
    *,
    workers: int | str | None = None,
    batch: int = 128,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Build a run with another encoder beside the old one, and switch to it when it is whole.

    The old run answers searches meanwhile. A run of another kind than the active one's answers where its kind is asked
    for; the active one stays. Interrupted, the same call goes on where it stopped. A run that an earlier
    version of the same model made is deleted at the end.

    Returns:
        ``updated``: items encoded; ``unchanged``: those that had a vector already; ``skipped``: items whose file is
        gone or changed, which have no vector in the new run until they are ingested again.

    Raises:
        CollectionError: Not one of the files can be reached: the old run stays.
        FingerprintMismatch: The name belongs to a run of another encoder.
    """
    start = time.perf_counter()
    with collection.writing() as writer:
        name = name or _new_name(writer, encoder)
        writer.add_run(name, encoder, "building")
        had = len(writer.index(name))
        told = telling(writer, name, on_progress)
        done, unreached = catch_up(writer, name, encoder, workers=workers, batch=batch, told=told)
        if unreached and not had + done:
            raise CollectionError(
                f"none of the {unreached} files can be read; the old run stays in use", "plug in their disk"
            )
        writer.settle_run(name)
        for old in _outdated(writer, encoder):
            writer.drop_run(old)
    seconds = time.perf_counter() - start
    rate = done / seconds if done else 0.0
    return IngestReport(0, done, had, 0, 0, unreached, seconds, rate, [])


def telling(writer: Writer, run: str, on_progress: Callable[[Progress], None] | None) -> Told | None:
    """What :func:`catch_up` tells of a run, as progress."""
    if on_progress is None:
        return None
    start, had = time.perf_counter(), len(writer.index(run))
    total = int(writer.db.execute("SELECT count(*) FROM items").fetchone()[0])

    def told(done: int, unreached: int) -> None:
        rate = done / max(1e-9, time.perf_counter() - start)
        left = (total - had - done - unreached) / rate if rate else 0.0
        on_progress(Progress(had + done + unreached, total, done, unreached, rate, left, had + done, run=run))

    return told


def catch_up(
    writer: Writer,
    run: str,
    encoder: Encoder,
    *,
    workers: int | str | None = None,
    batch: int = 128,
    told: Told | None = None,
) -> tuple[int, int]:
    """Encode items that have no vector in a run.

    Returns:
        How many were encoded, and how many could not be: their file is gone, unreadable or changed.
    """
    rows = writer.db.execute("SELECT id FROM items ORDER BY id").fetchall()
    missing = np.setdiff1d(np.array([row[0] for row in rows], np.int64), writer.index(run).ids())
    done = unreached = 0
    if not len(missing):
        return done, unreached
    with workshop(encoder, workers, 2 * batch) as (pool, encoder):
        waiting: list[Decoded[Any]] = []
        for result in pool.map(_files(writer, missing)):
            if isinstance(result, Decoded) and result.sha256 == result.key[1]:
                waiting.append(result)
            else:
                unreached += 1
            if len(waiting) >= batch:
                done += _commit(writer, run, encoder, waiting)
                waiting = []
                if told:
                    told(done, unreached)
        done += _commit(writer, run, encoder, waiting)
    if told:
        told(done, unreached)
    return done, unreached


def _commit(writer: Writer, run: str, encoder: Encoder, pictures: list[Decoded[Any]]) -> int:
    if not pictures:
        return 0
    shared = donors(writer, run, {picture.sha256 for picture in pictures})
    fresh = list({p.sha256: p for p in pictures if p.sha256 not in shared}.values())
    made = encode(encoder, fresh)
    vectors = {picture.sha256: made[row : row + 1] for row, picture in enumerate(fresh)}
    with writer.batch():
        vectors |= stored(writer, run, shared)
        ids = np.array([picture.key[0] for picture in pictures], np.int64)
        writer.put_vectors(run, ids, joined([vectors[p.sha256] for p in pictures]))
    return len(pictures)


def _files(writer: Writer, ids: Any) -> Iterator[tuple[tuple[int, str], Path]]:
    """Items by id and content hash, with their file."""
    import json

    for start in range(0, len(ids), _PAGE):
        chosen = json.dumps(ids[start : start + _PAGE].tolist())
        rows = writer.db.execute(
            "SELECT items.id, sha256, roots.path, items.path FROM items JOIN roots ON roots.id = root "
            "WHERE items.id IN (SELECT value FROM json_each(?)) ORDER BY items.id",
            (chosen,),
        ).fetchall()
        for id, sha256, root, path in rows:
            yield (id, sha256.hex()), Path(from_db(root)) / os.fspath(from_db(path))
