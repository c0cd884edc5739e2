"""Embeddings as Qdrant points and back, with a checksum that says whether a copy is the original.

dense     a named vector, dot product (which is the cosine of unit vectors)
lexicon   a named sparse vector of the terms that weigh something
late      a named multi-vector, compared by MaxSim
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, Ints, Kind, LexiconEmbeddings, TokenEmbeddings
from openitr.errors import MissingExtra

SUM = "sum"
"""The payload field that holds the checksum."""


def library() -> tuple[Any, Any]:
    """The ``qdrant_client`` package and its models.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import qdrant_client
        from qdrant_client import models
    except ImportError as error:
        raise MissingExtra("Qdrant indexes", "qdrant") from error
    return qdrant_client, models


def schema(kind: Kind, dim: int) -> dict[str, Any]:
    """What a Qdrant collection of this kind is created with."""
    _, m = library()
    if kind == "lexicon":
        return {"vectors_config": {}, "sparse_vectors_config": {kind: m.SparseVectorParams()}}
    several = m.MultiVectorConfig(comparator=m.MultiVectorComparator.MAX_SIM) if kind == "late" else None
    one = m.VectorParams(size=dim, distance=m.Distance.DOT, multivector_config=several)
    return {"vectors_config": {kind: one}}


def found_schema(config: Any) -> tuple[Kind | None, int]:
    """Kind and width that a Qdrant collection holds; (None, 0) when it is none of ours.

    The width of a vocabulary stands in the collection's own metadata only, because Qdrant does not ask for it.
    """
    noted = int((getattr(config, "metadata", None) or {}).get("dim", 0))
    sparse = config.params.sparse_vectors or {}
    if "lexicon" in sparse:
        return "lexicon", noted
    vectors = config.params.vectors
    both: tuple[Kind, Kind] = ("dense", "late")
    for kind in both:
        if isinstance(vectors, Mapping) and kind in vectors:
            return kind, int(vectors[kind].size)
    return None, 0


def queries(embeddings: Embeddings) -> Iterator[Any]:
    """One query after another, as the client takes them."""
    _, m = library()
    for row in _rows(embeddings):
        yield m.SparseVector(**row) if isinstance(row, dict) else row


def points(ids: Ints, embeddings: Embeddings, payloads: Sequence[Mapping[str, Any]] | None) -> Iterator[Any]:
    """One point after another: id, vector, payload and checksum."""
    _, m = library()
    sums = checksums(embeddings)
    for place, (id, row) in enumerate(zip(ids.tolist(), _rows(embeddings), strict=True)):
        vector = m.SparseVector(**row) if isinstance(row, dict) else row
        payload = {**(payloads[place] if payloads is not None else {}), SUM: sums[place]}
        yield m.PointStruct(id=id, vector={embeddings.kind: vector}, payload=payload)


def _rows(embeddings: Embeddings) -> Iterator[Any]:
    """Plain lists of numbers; for sparse rows their indices and values."""
    for row in range(len(embeddings)):
        if isinstance(embeddings, DenseEmbeddings):
            yield embeddings.values[row].tolist()
        elif isinstance(embeddings, TokenEmbeddings):
            yield embeddings.values[embeddings.offsets[row] : embeddings.offsets[row + 1]].tolist()
        else:
            terms, weights = _sparse_row(embeddings, row)
            yield {"indices": terms.tolist(), "values": weights.tolist()}


def _sparse_row(embeddings: LexiconEmbeddings, row: int) -> tuple[Any, Any]:
    """Terms, ascending, and their weights; a stored zero says nothing."""
    matrix = embeddings.matrix
    part = slice(matrix.indptr[row], matrix.indptr[row + 1])
    terms, weights = matrix.indices[part], matrix.data[part]
    order = np.argsort(terms)
    order = order[weights[order] > 0]
    return terms[order], weights[order]


def embeddings_of(kind: Kind, dim: int, vectors: Sequence[Any]) -> Embeddings:
    """What the client gives back for one point each, as embeddings."""
    if kind == "dense":
        return DenseEmbeddings(np.array(vectors, np.float32).reshape(len(vectors), dim))
    if kind == "late":
        lengths = [len(vector) for vector in vectors]
        rows = [token for vector in vectors for token in vector]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return TokenEmbeddings(np.array(rows, np.float32).reshape(len(rows), dim), offsets)
    from scipy.sparse import csr_matrix

    rows = [(np.asarray(v.indices, np.int64), np.asarray(v.values, np.float32)) if v else None for v in vectors]
    none = (np.zeros(0, np.int64), np.zeros(0, np.float32))
    parts = [row if row is not None else none for row in rows]
    indptr = np.concatenate([[0], np.cumsum([len(terms) for terms, _ in parts])]).astype(np.int64)
    data = np.concatenate([none[1], *(weights for _, weights in parts)])
    indices = np.concatenate([none[0], *(terms for terms, _ in parts)])
    return LexiconEmbeddings(csr_matrix((data, indices, indptr), shape=(len(parts), dim)))


def checksums(embeddings: Embeddings) -> list[int]:
    """One 48-bit number per item, over its very bytes: equal for a true copy, on any machine.

    >>> one = DenseEmbeddings(np.eye(2, dtype=np.float32))
    >>> checksums(one) == checksums(one[[0, 1]]), checksums(one)[0] == checksums(one)[1]
    (True, False)
    """
    sums = []
    for row in range(len(embeddings)):
        if isinstance(embeddings, DenseEmbeddings):
            raw = np.ascontiguousarray(embeddings.values[row], "<f4").tobytes()
        elif isinstance(embeddings, TokenEmbeddings):
            tokens = embeddings.values[embeddings.offsets[row] : embeddings.offsets[row + 1]]
            raw = np.ascontiguousarray(tokens, "<f4").tobytes()
        else:
            terms, weights = _sparse_row(embeddings, row)
            raw = terms.astype("<i8").tobytes() + weights.astype("<f4").tobytes()
        sums.append(int.from_bytes(hashlib.blake2b(raw, digest_size=6).digest(), "little"))
    return sums
