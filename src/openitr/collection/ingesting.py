"""Bring a collection up to date with a folder: look, compare, decode what is new, encode, commit, and go on.

Interrupted at any moment, the next run goes on behind the last commit, because what is done is found by looking and
not remembered by a list.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from openitr.collection.batches import Batch, commit
from openitr.collection.collection import Collection
from openitr.collection.lines import from_db
from openitr.collection.moves import settle_known
from openitr.collection.ray_workers import workshop
from openitr.collection.report import IngestReport, Progress
from openitr.collection.roots import Scope, settle
from openitr.collection.runs import catch_up, run_for, telling
from openitr.collection.scan import Scan
from openitr.collection.sidecars import Table
from openitr.collection.skipped import write_skipped
from openitr.collection.writing import Writer
from openitr.encoders.base import Encoder
from openitr.encoders.together import Together
from openitr.media.pool import DecodePool
from openitr.media.results import Decoded

OnProgress = Callable[[Progress], None]
_SECONDS = 2.0  # a commit at least so often, so that little is lost to a power cut


def ingest(
    collection: Collection,
    folder: str | os.PathLike[str],
    *,
    encoder: Encoder | Sequence[Encoder],
    workers: int | str | None = None,
    batch: int = 128,
    retry: bool = False,
    restore: bool = False,
    empty_ok: bool = False,
    on_progress: OnProgress | None = None,
) -> IngestReport:
    """Index a folder, or bring an indexed one up to date.

    Args:
        collection: Where to.
        folder: A folder of pictures; a part of a known folder is looked at alone.
        encoder: What makes vectors; of several, those that read pictures as the first does encode beside it, and the
            others afterwards. Each writes the run that its fingerprint belongs to; the first of a kind begins one.
        workers: Decoding processes, None goes by the machine; or the address of a cluster that decodes and encodes
            (:mod:`~openitr.collection.ray_workers`).
        batch: Pictures per encoding and commit.
        retry: Look again at files that could not be read before and did not change.
        restore: Take pictures again that were removed from the collection and whose files are still there.
        empty_ok: A known folder without any picture means that they were deleted, not that a disk is missing.
        on_progress: Called after each commit.

    Returns:
        What changed.

    Raises:
        CollectionBusy: Another process is writing.
        CollectionError: A known folder is missing or empty, or the disk is full.
        FingerprintMismatch: There are runs of the encoder's kind, and none belongs to it.
        InputError: There is no such folder.
    """
    encoders = list(encoder) if isinstance(encoder, Sequence) else [encoder]
    start = time.perf_counter()
    with collection.writing() as writer:
        runs = [run_for(writer, one) for one in encoders]
        scope = settle(writer, Path(folder))
        work = _Work(writer, scope, on_progress, start)
        try:
            work.look(retry=retry, restore=restore, empty_ok=empty_ok)
            with workshop(encoders[0], workers, 2 * batch) as (pool, first):
                # What comes from a cluster is encoded there, for the first alone.
                beside = encoders[1:] if first is encoders[0] else []
                work.made_by(runs, [first, *beside])
                work.settle_known(pool)
                work.add_new(pool, batch)
            work.drop_gone()
            begun = _begun(writer)
            for run, one in zip(runs, encoders, strict=True):
                told = telling(writer, run, on_progress)
                _, unreached = catch_up(writer, run, one, workers=workers, batch=batch, told=told)
                if unreached:
                    work.notes.append(f"{unreached} items have no vector in run {run}: their file changed or is gone")
                if run in begun:
                    writer.settle_run(run)
            if work.report.removed or work.report.updated:
                writer.tidy()
        finally:
            write_skipped(writer)
        return work.finish()


def _begun(writer: Writer) -> set[str]:
    """Runs under way that are the first of their kind: those that ingesting began and is to finish."""
    rows = writer.db.execute(
        "SELECT name FROM runs WHERE state = 'building' "
        "AND kind NOT IN (SELECT kind FROM runs WHERE state <> 'building')"
    )
    return {name for (name,) in rows}


class _Work:
    """One ingest under way."""

    def __init__(
        self,
        writer: Writer,
        scope: Scope,
        on_progress: OnProgress | None,
        start: float,
    ) -> None:
        self.writer = writer
        self.scope = scope
        self.on_progress = on_progress
        self.start = start
        self.report = IngestReport()
        self.notes = self.report.notes
        self.decoded = self.total = self.done = self.failed = 0
        self.told = (-1, -1, -1)

    def made_by(self, runs: Sequence[str], encoders: Sequence[Encoder]) -> None:
        """Which runs the new pictures get vectors in at once: those whose encoders can do with what the first reads."""
        alike = [n for n, one in enumerate(encoders) if one.preparation == encoders[0].preparation]
        self.runs = [runs[n] for n in alike]
        self.together = Together([encoders[n] for n in alike])

    def look(self, *, retry: bool, restore: bool, empty_ok: bool) -> None:
        """Find out what is to be done; the words of unchanged pictures are brought up to date at once."""
        self.table = Table(self.scope.folder)
        self.scan = Scan(self.writer.db, self.scope, self.table, retry=retry, restore=restore)
        self.scan.look(empty_ok=empty_ok)
        self.total = self.scan.count("seen")
        self.done = self.total - self.scan.count("todo")
        reworded = self.scan.reworded()
        for first in range(0, len(reworded), 1000):
            with self.writer.batch():
                for id, path, sidecar in reworded[first : first + 1000]:
                    self.writer.put_words(id, self.table.words(path, sidecar), sidecar)
        self.report.updated += len(reworded)
        condition, values = self.scope.sql()
        intact = self.writer.db.execute(
            f"SELECT count(*) FROM items JOIN temp.seen s USING (path, size, mtime_ns) WHERE {condition}", values
        ).fetchone()[0]
        self.report.unchanged = intact - len(reworded)
        self.notes += self.table.notes
        self.notes += [f"{folder or '.'} cannot be listed" for folder in self.scan.unreadable]
        if self.scan.kept_out:
            self.notes.append(f"{self.scan.kept_out} removed pictures stay out; --restore takes them again")

    def settle_known(self, pool: DecodePool) -> None:
        """Moved and touched files, by their hash."""
        settled = settle_known(self.writer, self.scan, pool, self.table)
        self.scan.decode_all()
        self.report.moved += settled.moved
        self.report.updated += settled.touched
        self.report.removed += settled.removed
        self.done = self.total - self.scan.count("todo")

    def add_new(self, pool: DecodePool, size: int) -> None:
        """Decode, encode and commit; the pool works ahead while the model is busy."""
        waiting, last = Batch(), time.perf_counter()
        files = ((task, self.scope.folder.joinpath(*task[0].split("/"))) for task in self.scan.tasks(known=False))
        for result in pool.map(files):
            if isinstance(result, Decoded):
                waiting.pictures.append(result)
            elif self.scope.folder.joinpath(*result.key[0].split("/")).exists():
                waiting.failures.append(result)
            else:
                self.done += 1  # gone since the look; the next run sees it so
            if len(waiting) >= size or time.perf_counter() - last > _SECONDS:
                self._commit(waiting, result.key[0])
                waiting, last = Batch(), time.perf_counter()
        if len(waiting):
            self._commit(waiting, "")

    def _commit(self, waiting: Batch, current: str) -> None:
        outcome = commit(self.writer, self.scope, self.runs, self.together, self.table, waiting)
        self.report.added += outcome.added
        self.report.updated += outcome.updated
        self.report.removed += outcome.removed
        self.failed += len(waiting.failures)
        self.decoded += len(waiting)
        self.done += len(waiting)
        self._tell(current)

    def drop_gone(self) -> None:
        """Forget items whose file is gone, and what is known of unreadable files that are gone."""
        self.report.removed += self.writer.remove(self.scan.gone())
        with self.writer.batch():
            self.scan.forget_skipped()

    def finish(self) -> IngestReport:
        """The report, after a last word on progress."""
        rows = self.writer.db.execute("SELECT path FROM skipped WHERE root = ?", (self.scope.root,)).fetchall()
        self.report.skipped = self.failed = sum(self.scope.holds(from_db(path)) for (path,) in rows)
        self.report.seconds = time.perf_counter() - self.start
        self.report.images_per_second = self.decoded / self.report.seconds if self.decoded else 0.0
        self._tell("")
        return self.report

    def _tell(self, current: str) -> None:
        if self.on_progress is None:
            return
        rate = self.decoded / max(1e-9, time.perf_counter() - self.start)
        left = self.total - self.done
        count = self.writer.db.execute("SELECT count(*) FROM items").fetchone()[0]
        eta = left / rate if rate else 0.0
        step = Progress(self.done, self.total, self.report.added, self.failed, rate, eta, count, current)
        if (step.done, step.committed, step.skipped) != self.told:
            self.told = (step.done, step.committed, step.skipped)
            self.on_progress(step)
