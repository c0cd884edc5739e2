"""Two stages of late interaction: a few pooled vectors per item first, all tokens of the promising ones after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import Embeddings, Ints, Kind, TokenEmbeddings
from openitr.errors import InputError
from openitr.index.base import Ranking
from openitr.index.ranking import check_k
from openitr.index.tokens.index import TokenIndex


class PooledPrefetch:
    """Token embeddings searched through pooled, rounded copies of themselves, then by exact MaxSim.

    Args:
        folder: Where both indexes are; made when missing.
        dim: Width of a token vector; 0 for an index that exists.
        prefetch: Items whose tokens are all looked at; at least ``k`` are.
        oversampling: So many times ``prefetch`` are taken from the pooled copies, since these are rounded; all of them
            are scored with all their tokens.
        pool: Vectors per item in the first stage.
        bits: Per dimension of a pooled vector.

    Raises:
        InputError: A count below 1, or an oversampling below 1.

    When to use: where items have hundreds of tokens (pages, paintings with text) and floats fit the disk; else
    :class:`~openitr.index.TokenIndex`, which is smaller and needs no second copy. Source: ArtSeek (2025), whose
    engine prefetches 500 with oversampling 2.

    >>> import tempfile
    >>> index = PooledPrefetch(Path(tempfile.mkdtemp()), 2)
    >>> index.add(np.array([4]), TokenEmbeddings(np.eye(2, dtype=np.float32), np.array([0, 2])))
    >>> index.search(TokenEmbeddings(np.eye(2, dtype=np.float32), np.array([0, 2])), k=1)[0].scores.tolist()
    [2.0]
    """

    kind: Kind = "late"

    def __init__(
        self,
        folder: Path,
        dim: int = 0,
        *,
        prefetch: int = 500,
        oversampling: float = 2.0,
        pool: int = 4,
        bits: int = 8,
    ) -> None:
        if prefetch < 1 or not oversampling >= 1:
            raise InputError(f"prefetch {prefetch}, oversampling {oversampling}", "use 1 or more for both")
        self.prefetch, self.oversampling = prefetch, oversampling
        self._tokens = TokenIndex(Path(folder) / "tokens", dim, bits=32)
        self._pooled = TokenIndex(Path(folder) / "pooled", dim, bits=bits, pool=pool, probes=64)
        self.dim = self._tokens.dim
        # A process that was killed between the two flushes left ids in one of them alone.
        both = self.ids()
        for index in (self._tokens, self._pooled):
            index.remove(np.setdiff1d(index.ids(), both))

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already; durable after :meth:`flush`."""
        self._tokens.add(ids, embeddings)
        self._pooled.add(ids, embeddings)

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        self._tokens.remove(ids)
        self._pooled.remove(ids)

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all), scored with all tokens of the prefetched items."""
        check_k(k)
        many = max(k, round(self.prefetch * self.oversampling))
        if len(self._tokens) <= many:
            return self._tokens.search(queries, k, allowed)
        first = self._pooled.search(queries, many, allowed)
        return [self._tokens.search(queries[[row]], k, promising.ids)[0] for row, promising in enumerate(first)]

    def vectors(self, ids: Ints) -> TokenEmbeddings:
        """Stored embeddings of ids, all tokens, in that order; an unknown id is a KeyError."""
        return self._tokens.vectors(ids)

    def ids(self) -> Ints:
        """All ids, ascending."""
        return np.intersect1d(self._tokens.ids(), self._pooled.ids())

    def __len__(self) -> int:
        return len(self.ids())

    def flush(self) -> None:
        """Write what is new, the pooled copies last: an item that they name has its tokens on disk."""
        self._tokens.flush()
        self._pooled.flush()

    def close(self) -> None:
        """Release files; what was not flushed is lost. Idempotent."""
        self._tokens.close()
        self._pooled.close()

    def stats(self) -> dict[str, Any]:
        """Count, bytes on disk of both stages, vectors per item of the first."""
        both = self._tokens.stats(), self._pooled.stats()
        return {
            **both[0],
            "engine": "tokens, pooled prefetch",
            "count": len(self),
            "bytes": both[0]["bytes"] + both[1]["bytes"],
            "pool": both[1]["pool"],
            "exact": len(self._tokens) <= self.prefetch * self.oversampling,
        }
