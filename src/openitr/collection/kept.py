"""The vectors of a run, whatever their kind: what is committed is what the database says.

dense          :class:`~openitr.index.flat.FlatIndex`, which keeps to a mark by itself
lexicon, late  an index of the kind, brought to the disk with a batch and taken back when the batch was not committed

An index of the second sort knows its last flush and nothing of the items. Before a batch is flushed, what it changes
is written down (:mod:`openitr.collection.undo`), and the number of the batch is committed with the items. A number that
was not committed is undone: on the disk by the next writer, in memory by a reader that comes before it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from openitr.collection.undo import Undo
from openitr.embeddings import Embeddings, Floats, Ints, Kind, LexiconEmbeddings, joined
from openitr.errors import DamagedCollection, ShapeError
from openitr.index.base import Index, Ranking
from openitr.index.flat import FlatIndex, Mark
from openitr.index.memory import MemoryIndex
from openitr.index.ranking import as_ids, best, check_kind

_INDEX = "index"
_NONE: Ints = np.zeros(0, np.int64)


class RunIndex(Index, Protocol):
    """An index that can be taken to a mark, as a run needs it."""

    @property
    def mark(self) -> Mark:
        """What is valid after the last flush."""
        ...

    def holds(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which of these ids have a vector."""
        ...

    @property
    def dead_rows(self) -> int:
        """Rows on disk that no id lives in any more, and that only :meth:`compact` takes away."""
        ...

    def compact(self) -> Mark:
        """Write the living rows anew."""
        ...

    def drop_old_generations(self) -> None:
        """Delete what compacting left."""
        ...


def open_run(
    folder: Path, kind: Kind, dim: int, *, writable: bool = False, mark: Mark | Callable[[], Mark]
) -> RunIndex:
    """The vectors of a run by their kind; arguments as of :class:`~openitr.index.flat.FlatIndex`."""
    if kind == "dense":
        return FlatIndex(folder, dim, writable=writable, mark=mark)
    return KeptIndex(folder, kind, dim, writable=writable, mark=mark)


class KeptIndex:
    """Lexicon or late vectors that change together with the items of a collection, or not at all.

    Args:
        folder: Of the run.
        kind, dim: Of its embeddings.
        writable: One writer at a time; the caller sees to that.
        mark: What is committed, or a function asked before each search.

    Raises:
        DamagedCollection: Files are missing or none of ours.
    """

    def __init__(
        self, folder: Path, kind: Kind, dim: int, *, writable: bool = False, mark: Mark | Callable[[], Mark]
    ) -> None:
        self.folder, self.kind, self.dim = Path(folder), kind, dim
        self._ask: Callable[[], Mark] | None = mark if callable(mark) else None
        self._lock = threading.RLock()
        self._writable = writable
        self.compiled = False
        self._touched: Ints = _NONE
        self._before: list[tuple[Ints, Embeddings]] = []
        self._view = _View(Mark(0, -1), MemoryIndex(kind, dim), _NONE, None)
        if callable(mark):
            self._current()
        else:
            self._view = self._loaded(mark)
            if writable and self._view.undo is not None:
                self._undo(self._view.undo)

    # Changing

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already; durable after :meth:`flush`."""
        check_kind(embeddings, self.kind, self.dim)
        with self._lock:
            index = self._writing(embeddings)
            self._touch(np.unique(as_ids(ids)))
            index.add(ids, embeddings)
            self._view = self._view.having(np.union1d(self._view.ids, as_ids(ids)))

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        with self._lock:
            known = np.intersect1d(as_ids(ids), self._view.ids)
            if len(known):
                self._touch(known)
                self._writing(None).remove(known)
                self._view = self._view.having(np.setdiff1d(self._view.ids, known, assume_unique=True))

    def flush(self) -> None:
        """Return only when everything added so far would survive a power cut, and could still be undone."""
        with self._lock:
            if not self._writable or not len(self._touched):
                return
            number = self._view.mark.records + 1
            Undo.write(self.folder, number, self._touched, self._before)
            self._view.index.flush()
            self._view = _View(Mark(1, number), self._view.index, self._view.ids, None)
            self._touched, self._before = _NONE, []

    def _writing(self, first: Embeddings | None) -> Index:
        """The index to change; the first vectors say how it is laid out."""
        if not self._writable:
            raise ShapeError("this index was opened for reading", "open it for writing")
        if isinstance(self._view.index, MemoryIndex) and first is not None:
            (self.folder / _INDEX).mkdir(parents=True, exist_ok=True)
            made = _opened(self.folder / _INDEX, self.kind, self.dim, first)
            self._view = _View(self._view.mark, made, self._view.ids, None)
        return self._view.index

    def _touch(self, ids: Ints) -> None:
        """Remember what these ids are before the batch."""
        fresh = np.setdiff1d(ids, self._touched, assume_unique=True)
        old = np.intersect1d(fresh, self._view.ids, assume_unique=True)
        if len(old):
            self._before.append((old, self._view.index.vectors(old)))
        self._touched = np.union1d(self._touched, fresh)

    def _undo(self, undo: Undo) -> None:
        """Take back a batch that was flushed and not committed."""
        index = self._writing(undo.vectors if len(undo.old) else None)
        index.remove(undo.touched)
        if len(undo.old):
            index.add(undo.old, undo.vectors)
        index.flush()
        undo.done(self.folder)
        self._view = _View(self._view.mark, index, index.ids(), None)

    # Asking

    def compile(self) -> None:
        """Search by machine code (numba) from now on; answers go on as before until it is there, some seconds later.

        Raises:
            MissingExtra: numba is not installed.
        """
        place = self.folder / _INDEX
        if self.compiled or self._writable or not place.is_dir():
            return
        # Machine code is made at the first question: this one is asked here.
        index = _opened(place, self.kind, self.dim, None, compiled=True)
        try:
            if len(ids := index.ids()):
                index.search(index.vectors(ids[:1]), 1)
        finally:
            index.close()
        with self._lock:
            self.compiled = True
            # Files that a writer is replacing are opened with the next mark.
            with suppress(DamagedCollection, FileNotFoundError):
                self._view = self._loaded(self._view.mark)

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all)."""
        view = self._current()
        if view.undo is None:
            return view.index.search(queries, k, allowed)
        found = view.index.search(queries, k + len(view.undo.touched), allowed)
        as_before = MemoryIndex(self.kind, self.dim)
        as_before.add(view.undo.old, view.undo.vectors)
        return [
            _merged(one, other, view.undo.touched, k)
            for one, other in zip(found, as_before.search(queries, k, allowed), strict=True)
        ]

    def vectors(self, ids: Ints) -> Embeddings:
        """Stored vectors of ids, in that order; an unknown id is a KeyError."""
        wanted, view = as_ids(ids), self._current()
        if view.undo is None or not len(wanted):
            return view.index.vectors(wanted)
        if len(unknown := wanted[~np.isin(wanted, view.ids)]):
            raise KeyError(int(unknown[0]))
        back = np.isin(wanted, view.undo.old)
        parts = []
        if not back.all():
            parts.append(view.index.vectors(wanted[~back]))
        if back.any():
            parts.append(view.undo.vectors[np.searchsorted(view.undo.old, wanted[back])])
        # What stayed comes first in the joined rows, what is taken back behind it.
        return joined(parts)[np.argsort(np.argsort(back, kind="stable"))]

    def weights(self, ids: Ints, terms: Ints) -> Floats:
        """(n, t) stored weights of terms in items of a lexicon run; an unknown id is a KeyError."""
        from openitr.index.lexicon import LexiconIndex

        view = self._current()
        if view.undo is None and isinstance(view.index, LexiconIndex):
            return view.index.weights(ids, terms)
        stored = self.vectors(ids)
        if not isinstance(stored, LexiconEmbeddings):
            raise ShapeError(f"{self.kind} embeddings have no terms", "ask a lexicon run")
        return np.asarray(stored.matrix[:, terms].toarray(), np.float32)

    def holding(self, term: int, least: float = 0.0) -> Ints:
        """Ids, ascending, of the items of a lexicon run in which a term weighs more than ``least``."""
        from openitr.index.lexicon import LexiconIndex

        view = self._current()
        if view.undo is None and isinstance(view.index, LexiconIndex):
            return view.index.holding(term, least)
        ids = np.sort(view.ids)
        return ids[self.weights(ids, np.array([term]))[:, 0] > least]

    def holds(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which of these ids have a vector."""
        return np.isin(as_ids(ids), self._current().ids)

    def ids(self) -> Ints:
        """All ids, ascending."""
        return self._current().ids.copy()

    def __len__(self) -> int:
        return len(self._current().ids)

    @property
    def mark(self) -> Mark:
        """What is valid after the last :meth:`flush`; a reader's: what it sees."""
        return self._view.mark

    @property
    def dead_rows(self) -> int:
        """None: these indexes tidy up by themselves."""
        return 0

    def compact(self) -> Mark:
        """Nothing but a flush: these indexes tidy up by themselves."""
        self.flush()
        return self.mark

    def drop_old_generations(self) -> None:
        """There is one generation only."""

    def stats(self) -> dict[str, Any]:
        """As the index of the kind says."""
        return self._current().index.stats()

    def close(self) -> None:
        """Release files; what was not flushed is lost. Idempotent."""
        with self._lock:
            self._ask, self._writable = None, False
            self._view.index.close()
            self._view = _View(self._view.mark, MemoryIndex(self.kind, self.dim), _NONE, None)
            self._touched, self._before = _NONE, []

    def _current(self) -> _View:
        if self._ask is None:
            return self._view
        with self._lock:
            while self._ask is not None and (mark := self._ask()) != self._view.mark:
                # A writer may replace files while they are opened: what was read then is read again.
                try:
                    found = self._loaded(mark)
                except (DamagedCollection, FileNotFoundError):
                    if self._ask() == mark:
                        raise
                else:
                    if self._ask() == mark:
                        self._view = found
            return self._view

    def _loaded(self, mark: Mark) -> _View:
        """The state of a mark: the index first, then what of it is to be undone."""
        place = self.folder / _INDEX
        there = place.is_dir() and any(place.iterdir())
        if not there and mark.records:
            raise DamagedCollection(f"{place} is missing", "rebuild it with `openitr reindex`")
        index: Index = MemoryIndex(self.kind, self.dim)
        if there:
            index = _opened(place, self.kind, self.dim, None, compiled=self.compiled)
        undo = Undo.read(self.folder, self.kind, self.dim) if there else None
        ids = index.ids()
        if undo is None or undo.number <= mark.records:
            return _View(mark, index, ids, None)
        return _View(mark, index, np.union1d(np.setdiff1d(ids, undo.touched), undo.old), undo)


class _View:
    """One consistent state: the index, the ids that count, and what is to be overlooked in it."""

    def __init__(self, mark: Mark, index: Index, ids: Ints, undo: Undo | None) -> None:
        self.mark, self.index, self.ids, self.undo = mark, index, ids, undo

    def having(self, ids: Ints) -> _View:
        """The same with other ids."""
        return _View(self.mark, self.index, ids, self.undo)


def _opened(folder: Path, kind: Kind, dim: int, first: Embeddings | None, *, compiled: bool = False) -> Index:
    """The index of a kind; ``first`` vectors lay out a new one."""
    if kind == "late":
        from openitr.index.tokens import TokenIndex

        # A byte a dimension: with half of it four more in a hundred of the best are others; a thumbnail takes far more.
        return TokenIndex(folder, dim, bits=8, compiled=compiled)
    from openitr.index.lexicon import LexiconIndex

    # Bytes hold weights up to 1; heavier ones would be cut, so they are kept as they are.
    heavy = isinstance(first, LexiconEmbeddings) and float(first.matrix.data.max(initial=0.0)) > 1.0
    return LexiconIndex(folder, dim, bits=32 if heavy else 8, compiled=compiled)


def _merged(found: Ranking, before: Ranking, hidden: Ints, k: int) -> Ranking:
    stays = ~np.isin(found.ids, hidden)
    ids = np.concatenate([found.ids[stays], before.ids])
    scores: Floats = np.concatenate([found.scores[stays], before.scores])
    return Ranking(*best(ids, scores, k))
