"""A fast index beside a flat one: it proposes, the store decides.

What is derived covers the first rows of one generation of a :class:`~openitr.index.flat.FlatIndex`. Rows are only ever
appended, so staleness needs no bookkeeping: a proposed row that no id lives in any more is dropped, and rows behind
the covered ones are scored exactly. Every score in an answer is the store's own. When the store was compacted, or
what was derived is missing or damaged, the store answers alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats, Ints, Kind
from openitr.index.base import Ranking
from openitr.index.exact import rescored
from openitr.index.flat import FlatIndex, Mark, View
from openitr.index.ranking import as_ids, check_k, check_kind

# Proposed for k hits: one bit a dimension orders coarsely, and the store then tells the best of them apart. Texts that
# ask for pictures lie far from all of them, and their best hits close together: there 60 for ten found nine of them.
_TIMES, _PLUS = 10, 100
# Up to so many allowed items, or this share, all of them are scored. What is allowed may lie far from the query, where
# scores differ by less than codes can tell: more is proposed under any filter.
_FEW, _FEW_SHARE, _FILTERED = 5000, 0.1, 2
_DEEP = 0.05  # asking for more than this share of everything is a scan anyway


class Near(Protocol):
    """What proposes rows of a flat index.

    Attributes:
        generation: Of the store when it was made.
        rows: It covers rows 0 to ``rows`` of that generation.
    """

    generation: int
    rows: int

    def propose(self, queries: Floats, count: int, view: View, allowed: npt.NDArray[np.bool_] | None) -> Sequence[Ints]:
        """Rows that may be among the nearest ``count`` of each query, by a (rows,) mask of those that may come."""
        ...

    def stats(self) -> dict[str, Any]:
        """Engine, and what it costs."""
        ...


class DerivedIndex:
    """A flat index that is searched through something faster; everything else is the flat index's.

    Args:
        store: The truth.
        near: What proposes; None leaves the store alone.

    When to use: from some 50,000 vectors on; below, an exact scan is as fast.
    """

    kind: Kind = "dense"

    def __init__(self, store: FlatIndex, near: Near | None) -> None:
        self.store, self.near = store, near
        self.folder, self.dim = store.folder, store.dim
        self._owners: tuple[Mark | None, Ints, Ints] = (None, np.zeros(0, np.int64), np.zeros(0, np.int64))

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all), never fewer than there are; scores are exact."""
        check_kind(queries, self.kind, self.dim)
        check_k(k)
        assert isinstance(queries, DenseEmbeddings)
        near, view = self.near, self.store.state()
        chosen = None if allowed is None else _rows_of(view, np.unique(as_ids(allowed)))
        count = len(view.ids) if chosen is None else len(chosen)
        few = chosen is not None and count <= max(_FEW, _FEW_SHARE * len(view.ids))
        if near is None or near.generation != view.mark.generation or few or k > _DEEP * count:
            return self.store.search(queries, k, allowed)
        owner, fresh = self._owner(view, near)
        mask = None
        if chosen is not None:
            mask = np.zeros(len(view.values), bool)
            mask[chosen] = True
            fresh = fresh[mask[fresh]]
        wanted = round((_TIMES * k + _PLUS) * near.rows / max(1, len(view.ids) - len(fresh)))
        wanted *= 1 if mask is None else _FILTERED
        found: list[Ranking] = []
        for place, proposed in enumerate(near.propose(queries.values, wanted, view, mask)):
            # A filter may keep nothing of what lies near: then there is no telling where the best of the rest are.
            lost = mask is not None and len(proposed) < min(wanted, count - len(fresh))
            rows = proposed[owner[proposed] >= 0]
            if mask is not None:
                rows = rows[mask[rows]]
            rows = np.concatenate([rows, fresh]) if len(fresh) else rows
            if lost or len(rows) < min(k, count):
                found += self.store.search(queries[[place]], k, allowed)
                continue
            query = queries.values[place]
            found.append(rescored(query, view.values, owner[rows], rows, view.values[rows] @ query, k))
        return found

    def _owner(self, view: View, near: Near) -> tuple[Ints, Ints]:
        """The id that lives in each row (-1: none), and the living rows that are not covered."""
        mark, owner, fresh = self._owners
        if mark != view.mark or len(owner) != len(view.values) or mark is None:
            owner = np.full(len(view.values), -1, np.int64)
            owner[view.rows] = view.ids
            fresh = near.rows + np.flatnonzero(owner[near.rows :] >= 0)
            self._owners = (view.mark, owner, fresh)
        return owner, fresh

    @property
    def stale(self) -> float:
        """Which share of the living vectors is scored exactly because it came later; 1 where nothing fits."""
        view = self.store.state()
        if self.near is None or self.near.generation != view.mark.generation:
            return 1.0
        return float(np.count_nonzero(view.rows >= self.near.rows)) / max(1, len(view.rows))

    # The store's own.

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already; found at once, by an exact look at what is new."""
        self.store.add(ids, embeddings)

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        self.store.remove(ids)

    def vectors(self, ids: Ints) -> DenseEmbeddings:
        """Stored vectors of ids, in that order; an unknown id is a KeyError."""
        return self.store.vectors(ids)

    def raw(self, ids: Ints) -> Floats:
        """The same as an array as it lies on disk, damaged or not."""
        return self.store.raw(ids)

    def holds(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which of these ids have a vector."""
        return self.store.holds(ids)

    def ids(self) -> Ints:
        """All ids, ascending."""
        return self.store.ids()

    def __len__(self) -> int:
        return len(self.store)

    def flush(self) -> None:
        """Return only when everything added so far would survive a power cut."""
        self.store.flush()

    @property
    def mark(self) -> Mark:
        """What is valid."""
        return self.store.mark

    @property
    def dead_rows(self) -> int:
        """Rows on disk that no id lives in any more."""
        return self.store.dead_rows

    def compact(self) -> Mark:
        """Write the living rows anew; the store answers alone until the index is derived again."""
        return self.store.compact()

    def drop_old_generations(self) -> None:
        """Delete what compacting left."""
        self.store.drop_old_generations()

    def close(self) -> None:
        """Release files and memory; idempotent."""
        self.near = None
        self.store.close()

    def stats(self) -> dict[str, Any]:
        """As the store's, with what is derived, and how much of it is behind."""
        facts = self.store.stats()
        if self.near is not None:
            facts |= {"exact": False, "derived": self.near.stats(), "stale": round(self.stale, 4)}
        return facts


def _rows_of(view: View, ids: Ints) -> Ints:
    """Rows of those of ids (ascending) that are stored."""
    if not len(view.ids):
        return np.zeros(0, np.int64)
    places = np.minimum(np.searchsorted(view.ids, ids), len(view.ids) - 1)
    found: Ints = view.rows[places[view.ids[places] == ids]]
    return found
