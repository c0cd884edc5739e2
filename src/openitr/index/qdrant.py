"""A Qdrant server or cluster, or the client's own local mode, as an index of any kind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import Embeddings, Floats, Ints, Kind
from openitr.errors import CollectionBusy, ServerError, ShapeError
from openitr.index.base import Ranking
from openitr.index.complete import complete, ranked
from openitr.index.points import SUM, embeddings_of, found_schema, library, points, queries, schema
from openitr.index.ranking import SLACK, as_ids, check_batch, check_k, check_kind

_BATCH = {"dense": 256, "lexicon": 256, "late": 32}  # points per request: a few megabytes of JSON
_PAGE = 10_000  # ids per request
_ALLOWED = 50_000  # ids in one filter: half a megabyte
KEY = "QDRANT_API_KEY"


def connect(where: str | os.PathLike[str], *, timeout: int = 60) -> Any:
    """A client for ``http://host:6333``, for a folder of one's own, or for ``":memory:"``.

    The key of a server that wants one is read from ``QDRANT_API_KEY``. A folder is the client's local mode, which
    keeps its points pickled: open none that somebody else made.

    Raises:
        MissingExtra: qdrant-client is not installed.
        ServerError: Nobody answers there, or the key is wrong.
        CollectionBusy: Another process has the folder open.
    """
    qdrant, _ = library()
    place = os.fspath(where)
    if place == ":memory:":
        return qdrant.QdrantClient(":memory:")
    if place.startswith(("http://", "https://")):
        key = os.environ.get(KEY) or None
        client = qdrant.QdrantClient(url=place, api_key=key, timeout=timeout, check_compatibility=False)
        with answers_for_people(place):
            client.get_collections()
        return client
    with answers_for_people(place):
        return qdrant.QdrantClient(path=place, force_disable_check_same_thread=True)


@contextmanager
def answers_for_people(place: str) -> Iterator[None]:
    """Turn what a server may answer into errors of ours."""
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    try:
        yield
    except ResponseHandlingException as error:
        raise ServerError(f"no Qdrant answers at {place}: {error}", "check the address and that it runs") from error
    except UnexpectedResponse as error:
        remedy = f"set {KEY}" if error.status_code in (401, 403) else "see the server's log"
        said = error.content.decode("utf-8", "replace")[:200]
        raise ServerError(f"Qdrant at {place} says {error.status_code}: {said}", remedy) from error
    except RuntimeError as error:
        if "already accessed" not in str(error):
            raise
        raise CollectionBusy(f"{place} is open in another process", "end it, or run a Qdrant server") from error


class QdrantIndex:
    """Embeddings of one kind in a Qdrant collection.

    Args:
        client: What :func:`connect` gives, or an address for it (then it is closed with the index).
        name: Of the Qdrant collection; made when it does not exist.
        kind: "dense", "lexicon" or "late".
        dim: Width, or size of the vocabulary; may be left out (0) where the collection exists.
        shards: How many parts a new collection is spread over; None leaves it to the server.
        replicas: How many nodes of a cluster keep each part.
        exact_up_to: Dense and late search computes every score up to so many items, and asks the graph above it.

    Raises:
        ShapeError: The collection holds another kind or width, or none of ours.
        ServerError: Nobody answers.

    When to use: more pictures, or more questions, than one machine can answer. Sparse search is exact at any size.
    Everything is acknowledged by the server when ``add`` returns. Shards and replicas: untested here against a live
    cluster, tested for being asked for.

    >>> import numpy as np
    >>> from openitr.embeddings import DenseEmbeddings
    >>> index = QdrantIndex(":memory:", "example", "dense", 2)
    >>> index.add(np.array([7, 3]), DenseEmbeddings(np.eye(2, dtype=np.float32)))
    >>> index.search(DenseEmbeddings(np.array([[0.6, 0.8]], np.float32)), k=1)[0].ids.tolist()
    [3]
    >>> index.close()
    """

    def __init__(
        self,
        client: Any,
        name: str,
        kind: Kind,
        dim: int = 0,
        *,
        shards: int | None = None,
        replicas: int | None = None,
        exact_up_to: int = 100_000,
    ) -> None:
        _, self._m = library()
        self.name, self.kind, self.exact_up_to = name, kind, exact_up_to
        self._own = isinstance(client, str | os.PathLike)
        self._place = os.fspath(client) if self._own else "the given client"
        self._client = connect(client) if self._own else client
        # The client's local mode computes every score, and is one Python object with no lock of its own.
        self._local = type(getattr(self._client, "_client", None)).__name__ == "QdrantLocal"
        self._lock = threading.RLock()
        try:
            self.dim = self._settled(dim, shards, replicas)
        except BaseException:
            self.close()
            raise

    def _settled(self, dim: int, shards: int | None, replicas: int | None) -> int:
        with self._asking() as client:
            if client.collection_exists(self.name):
                kind, width = found_schema(client.get_collection(self.name).config)
                if kind != self.kind:
                    raise ShapeError(
                        f"{self.name} at {self._place} holds {kind or 'foreign'} vectors, not {self.kind}",
                        "choose another name",
                    )
                if dim and width and dim != width:
                    raise ShapeError(f"{self.name} holds {width} dimensions, not {dim}", "use the model it was made by")
                return width or dim
            if dim < 1:
                raise ShapeError(f"{self._place} has no {self.name}, and no width was given for a new one", "give dim")
            client.create_collection(
                self.name,
                **schema(self.kind, dim),
                shard_number=shards,
                replication_factor=replicas,
                # A write counts when most copies have it: whichever node dies, an acknowledged point is somewhere.
                write_consistency_factor=replicas // 2 + 1 if replicas else None,
                metadata={"openitr": "index", "kind": self.kind, "dim": dim},
            )
            return dim

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        with self._lock if self._local else _nothing(), answers_for_people(self._place):
            yield self._client

    def add(self, ids: Ints, embeddings: Embeddings, payloads: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Insert, or replace where the id is there already; ``payloads`` go with the points."""
        unique, rows = check_batch(ids, embeddings, self.kind, self.dim)
        size = _BATCH[self.kind]
        for start in range(0, len(unique), size):
            chosen = rows[start : start + size]
            said = None if payloads is None else [payloads[row] for row in chosen]
            made = list(points(unique[start : start + size], embeddings[chosen], said))
            with self._asking() as client:
                client.upsert(self.name, made, wait=True)

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        gone = as_ids(ids).tolist()
        for start in range(0, len(gone), _PAGE):
            with self._asking() as client:
                client.delete(self.name, self._m.PointIdsList(points=gone[start : start + _PAGE]), wait=True)

    def search(self, queries_: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all).

        Under a filter every allowed item is scored: a graph loses hits there (see :class:`EdgeIndex`).
        """
        check_kind(queries_, self.kind, self.dim)
        check_k(k)
        chosen = None if allowed is None else np.unique(as_ids(allowed))
        exact = self._local or chosen is not None or self.kind == "lexicon" or len(self) <= self.exact_up_to
        return [self._one(queries_[[row]], asked, k, chosen, exact) for row, asked in enumerate(queries(queries_))]

    def _one(self, query: Embeddings, asked: Any, k: int, allowed: Ints | None, exact: bool) -> Ranking:
        def ask(limit: int, exact: bool) -> tuple[Ints, Floats]:
            return self._ask(asked, limit, allowed, exact)

        ids, scores = complete(ask, k, exact=exact, slack=SLACK)
        if self.kind == "lexicon" and len(ids) < k:
            # Qdrant names only items that share a term with the query; the others score 0.
            rest = self._others(ids, allowed, k - len(ids))
            ids, scores = np.concatenate([ids, rest]), np.concatenate([scores, np.zeros(len(rest), np.float32)])
        return ranked(ids, self._told_apart(query, ids, scores), k)

    def _ask(self, asked: Any, limit: int, allowed: Ints | None, exact: bool) -> tuple[Ints, Floats]:
        found: list[Any] = []
        width = None if exact else max(256, limit)
        params = None if self._local else self._m.SearchParams(exact=exact, hnsw_ef=width)
        for chosen in self._filters(allowed):
            with self._asking() as client:
                found += client.query_points(
                    self.name,
                    query=asked,
                    using=self.kind,
                    query_filter=chosen,
                    search_params=params,
                    limit=limit,
                    with_payload=False,
                ).points
        found = sorted(found, key=lambda point: -point.score)[:limit]
        return np.array([p.id for p in found], np.int64), np.array([p.score for p in found], np.float32)

    def _filters(self, allowed: Ints | None) -> Iterator[Any]:
        """The filter in pieces that fit a request."""
        if allowed is None:
            yield None
            return
        for start in range(0, len(allowed), _ALLOWED):
            some = self._m.HasIdCondition(has_id=allowed[start : start + _ALLOWED].tolist())
            yield self._m.Filter(must=[some])

    def _told_apart(self, query: Embeddings, ids: Ints, scores: Floats) -> Floats:
        """Near ties scored one by one here: an engine rounds equal items differently by where they stand."""
        close = np.flatnonzero(-np.diff(scores) <= SLACK)
        unsure = np.union1d(close, close + 1)
        unsure = unsure[scores[unsure] != 0]
        scores = scores.copy()
        held = self._held(ids[unsure])
        for row in unsure:
            # One that was removed since it was found keeps the engine's score.
            if (stored := held.get(int(ids[row]))) is not None:
                same_kind: Any = embeddings_of(self.kind, self.dim, [stored])
                scores[row] = query.score(same_kind)[0, 0]
        return scores

    def _others(self, known: Ints, allowed: Ints | None, count: int) -> Ints:
        """The smallest ids that are stored, allowed and not known already."""
        there = self.ids()
        if allowed is not None:
            there = np.intersect1d(there, allowed)
        return np.setdiff1d(there, known)[:count]

    def vectors(self, ids: Ints) -> Embeddings:
        """Stored embeddings of ids, in that order; an unknown id is a KeyError."""
        wanted = as_ids(ids)
        held = self._held(wanted)
        return embeddings_of(self.kind, self.dim, [held[one] for one in wanted.tolist()])

    def _held(self, ids: Ints) -> dict[int, Any]:
        """Vectors of those of ids that are stored, as the client gives them."""
        held: dict[int, Any] = {}
        unique = np.unique(ids).tolist()
        for start in range(0, len(unique), _BATCH[self.kind]):
            part = unique[start : start + _BATCH[self.kind]]
            with self._asking() as client:
                records = client.retrieve(self.name, part, with_payload=False, with_vectors=True)
            held |= {int(record.id): (record.vector or {}).get(self.kind) for record in records}
        return held

    def sums(self) -> dict[int, int]:
        """The checksum that each point was stored with, by id (:func:`openitr.index.points.checksums`)."""
        return {int(one.id): int((one.payload or {}).get(SUM, -1)) for one in self._scrolled([SUM])}

    def payloads(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Id and payload of every point, by ascending id."""
        for one in self._scrolled(True):
            yield int(one.id), dict(one.payload or {})

    def ids(self) -> Ints:
        """All ids, ascending."""
        return np.sort(np.fromiter((one.id for one in self._scrolled(False)), np.int64))

    def _scrolled(self, payload: bool | list[str]) -> Iterator[Any]:
        offset = None
        while True:
            with self._asking() as client:
                page, offset = client.scroll(
                    self.name, limit=_PAGE, offset=offset, with_payload=payload, with_vectors=False
                )
            yield from page
            if offset is None:
                return

    def __len__(self) -> int:
        with self._asking() as client:
            return int(client.count(self.name, exact=True).count)

    def flush(self) -> None:
        """Nothing to wait for: every ``add`` waited for the server's acknowledgement."""

    def close(self) -> None:
        """Release the client, where the index made it; idempotent."""
        if self._own and self._client is not None:
            self._client.close()
            self._own = False

    def stats(self) -> dict[str, Any]:
        """Count, engine, whether search is exact, and bytes: of the folder, or of a server's vectors alone."""
        count = len(self)
        folder = Path(self._place)
        here = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
        with self._asking() as client:
            params = client.get_collection(self.name).config.params
        return {
            "engine": "qdrant",
            "kind": self.kind,
            "dim": self.dim,
            "count": count,
            "shards": params.shard_number,
            "replicas": params.replication_factor,
            "bytes": sum(here) or (count * self.dim * 4 if self.kind == "dense" else None),
            "exact": self._local or self.kind == "lexicon" or count <= self.exact_up_to,
        }


@contextmanager
def _nothing() -> Iterator[None]:
    yield
