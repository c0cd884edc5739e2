"""Exact search over vectors in a memory-mapped file that any number of processes may read while one writes.

Two files make a generation: ``vectors-N.f32``, rows of float32, and ``rows-N.log``, the journal that says which id
lives in which row (:mod:`openitr.index.rowlog`). Both only grow. Vectors reach the disk before the journal names
them, so a journal record that is there can be believed. A replaced or removed vector leaves a dead row behind;
:meth:`FlatIndex.compact` writes the living ones into the next generation.

What is valid is a pair of numbers, the :class:`Mark` (generation, records). A collection keeps it in the same
transaction as its items, and so vectors and items change together or not at all.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats, Ints, Kind
from openitr.errors import DamagedCollection, ShapeError
from openitr.index import rowlog
from openitr.index.base import Ranking
from openitr.index.disk import sync_folder
from openitr.index.exact import rescored, scores_of
from openitr.index.ranking import as_ids, check_batch, check_k, check_kind
from openitr.index.together import Together

_CELLS = 16_000_000  # scores held at once, 64 MB
_BLOCK = 2048  # rows written at once
_NO_CHANGES: tuple[Ints, Ints] = (np.zeros(0, np.int64), np.zeros(0, np.int64))


class Mark(NamedTuple):
    """Up to where an index is valid: its generation, and how many journal records of it."""

    generation: int
    records: int


@dataclass(frozen=True, eq=False)
class View:
    """One consistent state: ids ascending, the row of each, the mapped rows."""

    mark: Mark
    ids: Ints
    rows: Ints
    values: Floats


class FlatIndex:
    """Dense vectors on disk, searched exactly; opening costs the journal, not the vectors.

    Args:
        folder: Where the files are; made by the first writer.
        dim: Width of the vectors; may be left out (0) for an index that exists.
        writable: One writer at a time; the caller sees to that.
        mark: What is valid: a fixed :class:`Mark`, a function asked before each search (so that a reader follows a
            writer in another process), or None for the newest generation and all its intact records.

    Raises:
        ShapeError: ``dim`` differs from the stored one.
        DamagedCollection: Files are shorter than the mark says.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     index = FlatIndex(Path(folder), 2, writable=True)
    ...     index.add(np.array([7, 3]), DenseEmbeddings(np.eye(2, dtype=np.float32)))
    ...     index.search(DenseEmbeddings(np.array([[0.6, 0.8]], np.float32)), k=1)[0].ids.tolist()
    ...     index.close()
    [3]
    """

    kind: Kind = "dense"

    def __init__(
        self,
        folder: Path,
        dim: int = 0,
        *,
        writable: bool = False,
        mark: Mark | Callable[[], Mark] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.dim = _settled_dim(self.folder, dim, writable)
        self._ask: Callable[[], Mark] | None = mark if callable(mark) else None
        self._lock = threading.RLock()
        self._pending: list[tuple[Ints, Ints]] = []
        self._journalled = self._next_row = 0
        self._unjournalled: tuple[Ints, Ints] = _NO_CHANGES
        self._vectors: BinaryIO | None = None
        self._journal: BinaryIO | None = None
        if mark is None:
            newest = max((int(p.stem[5:]) for p in self.folder.glob("rows-*.log")), default=1)
            mark = Mark(newest, len(rowlog.read(self._path("rows", newest))[0]))
        self._scan: Together[Floats, tuple[View, Floats]] = Together(self._scanned)
        self._view = self._asked(mark) if callable(mark) else self._loaded(mark)
        if writable:
            self._open_for_writing()

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already; durable after :meth:`flush`."""
        unique, rows = check_batch(ids, embeddings, self.kind, self.dim)
        if not len(unique):
            return
        assert isinstance(embeddings, DenseEmbeddings)
        with self._lock:
            file = self._writing()
            file.seek(self._next_row * self.dim * 4)
            _write_all(file, np.ascontiguousarray(embeddings.values[rows], dtype="<f4").data.cast("B"))
            places = np.arange(self._next_row, self._next_row + len(unique), dtype=np.int64)
            self._pending.append((unique, places))
            self._next_row += len(unique)

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        with self._lock:
            self._writing()
            known = np.intersect1d(as_ids(ids), self._current().ids)
            if len(known):
                self._pending.append((known, np.full(len(known), rowlog.GONE, np.int64)))

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all); cosines summed in double precision."""
        check_kind(queries, self.kind, self.dim)
        check_k(k)
        assert isinstance(queries, DenseEmbeddings)
        if allowed is None and len(queries) == 1:
            # A pass over all vectors is shared by whoever asks at the same time.
            view, row = self._scan(queries.values[0])
            return [rescored(queries.values[0], view.values, view.ids, view.rows, row, k)]
        view = self._current()
        ids, rows = view.ids, view.rows
        if allowed is not None:
            chosen = _positions(ids, np.unique(as_ids(allowed)))
            ids, rows = ids[chosen], rows[chosen]
        step = max(1, _CELLS // max(1, len(view.values)))
        found: list[Ranking] = []
        for start in range(0, len(queries), step):
            part = queries.values[start : start + step]
            scores = scores_of(part, view.values, rows)
            found += [rescored(query, view.values, ids, rows, row, k) for query, row in zip(part, scores, strict=True)]
        return found

    def _scanned(self, queries: Sequence[Floats]) -> list[tuple[View, Floats]]:
        """Scores of several queries with all vectors, and the state they were asked in."""
        view = self._current()
        step = max(1, _CELLS // max(1, len(view.values)))
        found: list[tuple[View, Floats]] = []
        for start in range(0, len(queries), step):
            scores = scores_of(np.stack(queries[start : start + step]), view.values, view.rows)
            found += [(view, row) for row in scores]
        return found

    def state(self) -> View:
        """One consistent state, for an index that is derived from this one."""
        return self._current()

    def vectors(self, ids: Ints) -> DenseEmbeddings:
        """Stored vectors of ids, in that order; an unknown id is a KeyError."""
        return DenseEmbeddings(self.raw(ids))

    def raw(self, ids: Ints) -> Floats:
        """The same as an array as it lies on disk, damaged or not."""
        wanted, view = as_ids(ids), self._current()
        places = np.searchsorted(view.ids, wanted)
        inside = np.minimum(places, max(len(view.ids) - 1, 0))
        known = (view.ids[inside] == wanted) if len(view.ids) else np.zeros(len(wanted), bool)
        if not known.all():
            raise KeyError(int(wanted[~known][0]))
        return view.values[view.rows[places]]

    def holds(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which of these ids have a vector."""
        return np.isin(as_ids(ids), self._current().ids)

    def ids(self) -> Ints:
        """All ids, ascending."""
        return self._current().ids.copy()

    def __len__(self) -> int:
        return len(self._current().ids)

    def flush(self) -> None:
        """Return only when everything added so far would survive a power cut: vectors first, then their records."""
        with self._lock:
            if self._vectors is None or self._journal is None:
                return
            self._current()
            if len(self._unjournalled[0]):
                os.fsync(self._vectors.fileno())
                ids, rows = self._unjournalled
                self._journal.seek(self._journalled * rowlog.RECORD)
                _write_all(self._journal, memoryview(rowlog.pack(ids, rows, self._journalled)))
                os.fsync(self._journal.fileno())
                self._journalled += len(ids)
                self._unjournalled = _NO_CHANGES

    @property
    def mark(self) -> Mark:
        """What is valid after the last :meth:`flush`; a reader's: what it sees."""
        return Mark(self._view.mark.generation, self._journalled) if self._vectors else self._view.mark

    def compact(self) -> Mark:
        """Write the living rows into the next generation; old files stay until :meth:`drop_old_generations`."""
        self.flush()
        with self._lock:
            view = self._current()
            new = Mark(view.mark.generation + 1, len(view.ids))
            with self._path("vectors", new.generation).open("wb") as file:
                for start in range(0, len(view.rows), _BLOCK):
                    file.write(np.ascontiguousarray(view.values[view.rows[start : start + _BLOCK]], "<f4").data)
                file.flush()
                os.fsync(file.fileno())
            part = self._path("rows", new.generation).with_suffix(".part")
            with part.open("wb") as file:
                file.write(rowlog.pack(view.ids, np.arange(len(view.ids)), 0))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path("rows", new.generation))
            sync_folder(self.folder)
            self._close_files()
            self._view = self._loaded(new)
            self._open_for_writing()
            return new

    @property
    def dead_rows(self) -> int:
        """Rows on disk that no id lives in any more."""
        view = self._current()
        return len(view.values) - len(view.ids)

    def drop_old_generations(self) -> None:
        """Delete files of other generations; where a reader on Windows holds one, it goes next time."""
        keep = {self._path("vectors", self.mark.generation), self._path("rows", self.mark.generation)}
        for path in [*self.folder.glob("vectors-*.f32"), *self.folder.glob("rows-*")]:
            if path not in keep:
                try:
                    path.unlink()
                except OSError:
                    continue

    def close(self) -> None:
        """Release files and the mapping; what was not flushed is lost."""
        with self._lock:
            self._close_files()
            self._pending = []
            self._ask = None
            empty = np.zeros(0, np.int64)
            self._view = View(self._view.mark, empty, empty, np.zeros((0, self.dim), np.float32))

    def stats(self) -> dict[str, Any]:
        """Count, bytes on disk, engine, dead rows; search is always exact."""
        size = sum(p.stat().st_size for p in self.folder.iterdir() if p.is_file())
        return {
            "engine": "flat",
            "kind": self.kind,
            "dim": self.dim,
            "count": len(self),
            "dead_rows": self.dead_rows,
            "bytes": size,
            "exact": True,
        }

    def _path(self, what: str, generation: int) -> Path:
        return self.folder / f"{what}-{generation:06d}{'.f32' if what == 'vectors' else '.log'}"

    def _writing(self) -> BinaryIO:
        if self._vectors is None:
            raise ShapeError("this index was opened for reading", "open it with writable=True")
        return self._vectors

    def _loaded(self, mark: Mark, before: View | None = None) -> View:
        """The state at a mark, from scratch or on top of an earlier state of the same generation."""
        if before is not None and (before.mark.generation, before.mark.records) > (mark.generation, mark.records):
            before = None
        if before is not None and before.mark.generation == mark.generation:
            first, ids, rows = before.mark.records, before.ids, before.rows
        else:
            first, ids, rows = 0, np.zeros(0, np.int64), np.zeros(0, np.int64)
        path = self._path("rows", mark.generation)
        new_ids, new_rows = rowlog.read(path, first, mark.records)
        if first + len(new_ids) < mark.records:
            raise DamagedCollection(
                f"{path} holds {first + len(new_ids)} of {mark.records} records", "rebuild it with `openitr reindex`"
            )
        highest = max(int(new_rows.max(initial=-1)) + 1, len(before.values) if first and before else 0)
        ids, rows = rowlog.latest(np.concatenate([ids, new_ids]), np.concatenate([rows, new_rows]))
        return View(mark, ids, rows, self._mapped(mark.generation, highest))

    def _asked(self, ask: Callable[[], Mark], before: View | None = None) -> View:
        """The state at the mark a writer elsewhere has set; its files may be replaced while they are opened."""
        while True:
            mark = ask()
            if before is not None and before.mark == mark:
                return before
            try:
                return self._loaded(mark, before)
            except DamagedCollection:
                if ask() == mark:
                    raise

    def _mapped(self, generation: int, count: int) -> Floats:
        """The first ``count`` rows of a generation."""
        if not count:
            return np.zeros((0, self.dim), np.float32)
        path = self._path("vectors", generation)
        try:
            return np.asarray(np.memmap(path, "<f4", "r", shape=(count, self.dim)))
        except (OSError, ValueError) as error:
            raise DamagedCollection(f"{path}: {error}", "rebuild it with `openitr reindex`") from error

    def _current(self) -> View:
        """The newest state: a reader asks for the mark, a writer folds in what was added."""
        with self._lock:
            if self._ask is not None:
                self._view = self._asked(self._ask, self._view)
            if self._pending:
                ids = np.concatenate([part[0] for part in self._pending])
                rows = np.concatenate([part[1] for part in self._pending])
                self._pending = []
                old = self._unjournalled
                self._unjournalled = (np.concatenate([old[0], ids]), np.concatenate([old[1], rows]))
                view = self._view
                ids, rows = rowlog.latest(np.concatenate([view.ids, ids]), np.concatenate([view.rows, rows]))
                mapped = view.values
                if len(mapped) < self._next_row:
                    mapped = self._mapped(view.mark.generation, self._next_row)
                self._view = View(view.mark, ids, rows, mapped)
            return self._view

    def _open_for_writing(self) -> None:
        """Open both files and cut off what the mark does not cover: leftovers of an interrupted writer."""
        generation = self._view.mark.generation
        for what in ("vectors", "rows"):
            self._path(what, generation).touch()
        self._vectors = self._path("vectors", generation).open("r+b", buffering=0)
        self._journal = self._path("rows", generation).open("r+b", buffering=0)
        sync_folder(self.folder)
        self._journalled = self._view.mark.records
        self._next_row = len(self._view.values)
        self._unjournalled = _NO_CHANGES
        self._journal.truncate(self._journalled * rowlog.RECORD)
        self._vectors.truncate(self._next_row * self.dim * 4)

    def _close_files(self) -> None:
        for file in (self._vectors, self._journal):
            if file is not None:
                file.close()
        self._vectors = self._journal = None


def _settled_dim(folder: Path, dim: int, writable: bool) -> int:
    """The stored width, written down by the first writer."""
    about = folder / "flat.json"
    if about.exists():
        stored = int(json.loads(about.read_text("utf-8"))["dim"])
        if dim not in (0, stored):
            raise ShapeError(f"{folder} holds {stored} dimensions, not {dim}", "use the model it was built with")
        return stored
    if dim < 1:
        raise ShapeError(f"{folder} holds no index, and no width was given for a new one", "give dim")
    if writable:
        folder.mkdir(parents=True, exist_ok=True)
        part = about.with_suffix(".part")
        part.write_text(json.dumps({"format": 1, "kind": "dense", "dim": dim}), "utf-8")
        part.replace(about)
    return dim


def _write_all(file: BinaryIO, data: memoryview) -> None:
    """Write everything: an unbuffered write may stop short when the disk is nearly full."""
    while data:
        data = data[file.write(data) :]


def _positions(sorted_ids: Ints, wanted: Ints) -> Ints:
    """Where those of ``wanted`` (ascending) that are present stand in ``sorted_ids``."""
    if not len(sorted_ids):
        return np.zeros(0, np.int64)
    places = np.searchsorted(sorted_ids, wanted)
    found: Ints = places[sorted_ids[np.minimum(places, len(sorted_ids) - 1)] == wanted]
    return found
