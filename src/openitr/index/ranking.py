"""What every engine shares: checking a batch before it goes in, and picking the k best of scored rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Floats, Ints, Kind
from openitr.errors import ShapeError

# Two float32 dot products of unit vectors, summed in different orders, differ by far less than this.
SLACK = 1e-5


def as_ids(ids: npt.ArrayLike) -> Ints:
    """Ids as a one-dimensional int64 array.

    Raises:
        ShapeError: Not one-dimensional, not whole numbers, or below zero.
    """
    array = np.asarray(ids)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ShapeError(f"ids are a row of whole numbers, not {array.dtype} {array.shape}", "use int64 ids")
    if int(array.min()) < 0:
        raise ShapeError(f"id {int(array.min())} is below zero", "ids start at 0")
    return array.astype(np.int64, copy=False)


def check_kind(embeddings: Embeddings, kind: Kind, dim: int) -> None:
    """Raise :class:`ShapeError` unless embeddings are of this kind and width."""
    found: Any = getattr(embeddings, "kind", type(embeddings).__name__)
    if found != kind:
        raise ShapeError(f"{found} embeddings for an index of {kind} ones", "use the model it was built with")
    if embeddings.dim != dim:
        raise ShapeError(
            f"{embeddings.dim} dimensions for an index of {dim}", "use the model that the index was built with"
        )


def check_batch(ids: npt.ArrayLike, embeddings: Embeddings, kind: Kind, dim: int) -> tuple[Ints, Ints]:
    """Ids without repeats, and the row that counts for each: the last one where an id is given twice.

    Raises:
        ShapeError: Wrong kind, width or count, or ids that are no ids.

    >>> from openitr.embeddings import DenseEmbeddings
    >>> eye = DenseEmbeddings(np.eye(3, dtype=np.float32))
    >>> [part.tolist() for part in check_batch([7, 2, 7], eye, "dense", 3)]
    [[2, 7], [1, 2]]
    """
    check_kind(embeddings, kind, dim)
    array = as_ids(ids)
    if len(array) != len(embeddings):
        raise ShapeError(f"{len(array)} ids for {len(embeddings)} embeddings", "give one id per row")
    unique, from_end = np.unique(array[::-1], return_index=True)
    return unique, (len(array) - 1 - from_end).astype(np.int64)


def check_k(k: int) -> None:
    """Raise :class:`ShapeError` unless k is at least 1."""
    if k < 1:
        raise ShapeError(f"k is {k}", "ask for at least one")


def best(ids: Ints, scores: Floats, k: int, slack: float = 0.0) -> tuple[Ints, Floats]:
    """The k highest scores, descending, ties by ascending id.

    Args:
        ids: (n,) int64.
        scores: (n,) float32.
        k: How many; fewer come back where n is smaller.
        slack: Also return rows that miss the k-th score by up to this, for a second look at near ties.

    >>> best(np.array([5, 3, 9]), np.array([0.5, 0.5, 0.9], np.float32), 2)[0].tolist()
    [9, 3]
    """
    if k < len(scores):
        edge = np.partition(scores, len(scores) - k)[len(scores) - k] - np.float32(slack)
        keep = np.flatnonzero(scores >= edge)
        ids, scores = ids[keep], scores[keep]
    order = np.lexsort((ids, -scores))
    if not slack:
        order = order[:k]
    return ids[order], scores[order]
