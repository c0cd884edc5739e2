"""In-process Qdrant (``qdrant-edge-py``): dense vectors on disk, a graph above a size.

One shard may be open in one process only: with version 0.9 a second process that merely loads a shard makes the
next flush of the first one fail. Hence the lock file, and hence :class:`~openitr.index.flat.FlatIndex` as what a
collection keeps.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats, Ints, Kind
from openitr.errors import MissingExtra, ShapeError
from openitr.index.base import Ranking
from openitr.index.complete import complete, ranked
from openitr.index.lock import FileLock
from openitr.index.ranking import as_ids, check_batch, check_k, check_kind

_BATCH = 512  # points per update
_GRAPH = {"m": 16, "ef_construct": 128, "full_scan_threshold": 1000}


class EdgeIndex:
    """Dense vectors in a Qdrant shard of one's own process.

    Args:
        folder: Of the shard; made when it does not exist.
        dim: Width of the vectors; may be left out (0) for a shard that exists.
        exact_up_to: Search computes every score up to so many vectors, and after :meth:`optimize` asks the graph
            above it. Measured recall@10 of the graph is in the tests; scores are exact cosines either way.

    Raises:
        CollectionBusy: Another process has the shard open.
        ShapeError: ``dim`` differs from the stored one.

    When to use: hundreds of thousands of vectors in one long-lived process. Needs: :meth:`optimize` after filling.
    """

    kind: Kind = "dense"

    def __init__(self, folder: Path, dim: int = 0, *, exact_up_to: int = 100_000) -> None:
        try:
            import qdrant_edge as qdrant
        except ImportError as error:
            raise MissingExtra("Qdrant Edge indexes", "edge") from error
        self.folder = Path(folder)
        self.exact_up_to = exact_up_to
        self._q = qdrant
        self._lock = threading.RLock()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._owner = FileLock(self.folder / "owner.lock", "the shard is open")
        self._owner.take()
        try:
            self._shard = self._opened(dim)
        except BaseException:
            self._owner.release()
            raise

    def _opened(self, dim: int) -> Any:
        q = self._q
        home = self.folder / "shard"
        if (home / "edge_config.json").exists():
            shard = q.EdgeShard.load(str(home))
            self.dim = int(shard_dim(home))
            if dim not in (0, self.dim):
                shard.close()
                raise ShapeError(f"{home} holds {self.dim} dimensions, not {dim}", "use the model it was built with")
            return shard
        if dim < 1:
            raise ShapeError(f"{self.folder} holds no shard, and no width was given for a new one", "give dim")
        self.dim = dim
        home.mkdir(exist_ok=True)
        # Dot product of unit vectors is the cosine; without the write-ahead log a flush is what makes things durable.
        params = q.EdgeVectorParams(size=dim, distance=q.Distance.Dot)
        config = q.EdgeConfig(
            vectors=params,
            hnsw_config=q.HnswIndexConfig(**_GRAPH),
            optimizers=q.EdgeOptimizersConfig(indexing_threshold=1000),
            wal_enabled=False,
        )
        return q.EdgeShard.create(str(home), config)

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already; durable after :meth:`flush`."""
        unique, rows = check_batch(ids, embeddings, self.kind, self.dim)
        assert isinstance(embeddings, DenseEmbeddings)
        q, values = self._q, embeddings.values
        for start in range(0, len(unique), _BATCH):
            pairs = zip(unique[start : start + _BATCH].tolist(), rows[start : start + _BATCH], strict=True)
            points = [q.Point(i, values[row].tolist(), {}) for i, row in pairs]
            with self._lock:
                self._shard.update(q.UpdateOperation.upsert_points(points))

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        gone = as_ids(ids).tolist()
        with self._lock:
            if gone:
                self._shard.update(self._q.UpdateOperation.delete_points(gone))

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all).

        Under a filter every allowed vector is scored, for the graph loses hits there: with 2.5 % of 4,000 vectors
        allowed it returned one hit of ten, with 10 % ten of which a third were wrong (see the tests).
        """
        check_kind(queries, self.kind, self.dim)
        check_k(k)
        assert isinstance(queries, DenseEmbeddings)
        if allowed is not None:
            allowed = np.unique(as_ids(allowed))
            if not len(allowed):
                return [_nothing() for _ in queries.values]
        exact = allowed is not None or len(self) <= self.exact_up_to
        return [self._one(row, k, allowed, exact) for row in queries.values]

    def _one(self, query: Floats, k: int, allowed: Ints | None, exact: bool) -> Ranking:
        def ask(limit: int, exact: bool) -> tuple[Ints, Floats]:
            return self._ask(query, limit, allowed, exact)

        return ranked(*complete(ask, k, exact=exact), k)

    def _ask(self, query: Floats, limit: int, allowed: Ints | None, exact: bool) -> tuple[Ints, Floats]:
        q = self._q
        chosen = None
        if allowed is not None:
            chosen = q.Filter(must=[q.HasIdCondition(set(allowed.tolist()))])
        request = q.QueryRequest(
            limit=limit,
            query=q.Query.Nearest(query.tolist(), using=None),
            filter=chosen,
            params=q.SearchParams(exact=exact, hnsw_ef=None if exact else max(256, limit)),
        )
        points = self._shard.query(request)
        scores = np.array([p.score for p in points], np.float32)
        return np.array([p.id for p in points], np.int64), scores

    def vectors(self, ids: Ints) -> DenseEmbeddings:
        """Stored vectors of ids, in that order; an unknown id is a KeyError."""
        wanted = as_ids(ids)
        values = np.empty((len(wanted), self.dim), np.float32)
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH].tolist()
            held = {int(r.id): r.vector for r in self._shard.retrieve(sorted(set(part)), False, True)}
            for place, one in enumerate(part, start):
                values[place] = held[one]
        return DenseEmbeddings(values)

    def ids(self) -> Ints:
        """All ids, ascending."""
        q = self._q
        request = q.ScrollRequest(limit=max(1, len(self)), with_vector=False, with_payload=False)
        return np.sort(np.array([p.id for p in self._shard.scroll(request)[0]], np.int64))

    def __len__(self) -> int:
        return int(self._shard.count(self._q.CountRequest(exact=True)))

    def flush(self) -> None:
        """Return only when everything added so far is on disk."""
        with self._lock:
            self._shard.flush()

    def optimize(self) -> None:
        """Build the graph and drop dead vectors; minutes for 100,000 vectors, and search goes on meanwhile."""
        with self._lock:
            self._shard.optimize()
            self._shard.flush()

    def close(self) -> None:
        """Release files and the lock; idempotent."""
        with self._lock:
            if self._shard is not None:
                self._shard.close()
                self._shard = None
                self._owner.release()

    def stats(self) -> dict[str, Any]:
        """Count, bytes on disk, engine, and whether search is exact at this size."""
        size = sum(p.stat().st_blocks * 512 for p in self.folder.rglob("*") if p.is_file())
        return {
            "engine": "qdrant-edge",
            "kind": self.kind,
            "dim": self.dim,
            "count": len(self),
            "graph": int(self._shard.info().indexed_vectors_count),
            "bytes": size,
            "exact": len(self) <= self.exact_up_to,
        }


def _nothing() -> Ranking:
    return Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32))


def shard_dim(home: Path) -> int:
    """Width of the vectors of a shard, from its own configuration file."""
    import json

    vectors = json.loads((home / "edge_config.json").read_text("utf-8"))["vectors"]
    return int((vectors.get("") or vectors)["size"])
