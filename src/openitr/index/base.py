"""The index protocol: ids and embeddings in, nearest ids out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from openitr.embeddings import Embeddings, Floats, Ints, Kind


@dataclass(frozen=True, eq=False)
class Ranking:
    """The nearest items of one query.

    Args:
        ids: (m,) int64, best first, m = min(k, how many are allowed).
        scores: (m,) float32, exact scores of the embeddings' kind, descending; ties by ascending id.
    """

    ids: Ints
    scores: Floats

    def __len__(self) -> int:
        return len(self.ids)


@runtime_checkable
class Index(Protocol):
    """Where vectors live. Every engine passes the battery in ``tests/index/battery.py``.

    Attributes:
        kind: Which kind of embeddings it holds.
        dim: Their width.
    """

    kind: Kind
    dim: int

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already. Wrong kind, width or count is a ShapeError."""
        ...

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        ...

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all), never fewer than ``min(k, allowed and present)``."""
        ...

    def vectors(self, ids: Ints) -> Embeddings:
        """Stored embeddings of ids, in that order; an unknown id is a KeyError."""
        ...

    def ids(self) -> Ints:
        """All ids, ascending."""
        ...

    def __len__(self) -> int: ...

    def flush(self) -> None:
        """Return only when everything added so far would survive a power cut."""
        ...

    def close(self) -> None:
        """Release files and memory; idempotent."""
        ...

    def stats(self) -> dict[str, Any]:
        """Count, bytes on disk, engine, whether search is exact."""
        ...


def padded(rankings: Sequence[Ranking], k: int) -> tuple[Ints, Floats]:
    """Rankings as two (n, k) arrays, short ones filled with id -1 and score -inf."""
    import numpy as np

    ids = np.full((len(rankings), k), -1, np.int64)
    scores = np.full((len(rankings), k), -np.inf, np.float32)
    for row, ranking in enumerate(rankings):
        m = min(k, len(ranking))
        ids[row, :m], scores[row, :m] = ranking.ids[:m], ranking.scores[:m]
    return ids, scores
