"""Groups of a query's results: k-means by the cosine, and how many groups there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.errors import InputError
from openitr.index.tokens.codec import kmeans

_STARTS = 8
_MOST = 6
_LEAST = 3


class Clusterer:
    """Spherical k-means of what the results do not have in common.

    The mean of the vectors says what the query asked for, which all results share; it is taken away first, so that the
    rest decides.

    Args:
        k: Groups; None tries 2 to 6 and takes the number with the best silhouette.
        least: A group of fewer pictures is given to its neighbours.
        seed: Of the starts; of several the tightest is kept.

    References:
        Silhouette: Rousseeuw 1987. CroQS clusters by hand-checked k-means; taking the mean away is ours.

    >>> rows = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    >>> [group.tolist() for group in Clusterer()(rows)]
    [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    """

    def __init__(self, k: int | None = None, *, least: int = _LEAST, seed: int = 0) -> None:
        if k is not None and k < 1:
            raise InputError(f"{k} groups", "use 1 or more, or None to have them counted")
        if least < 1:
            raise InputError(f"a group of at least {least} pictures", "use 1 or more")
        self.k, self.least, self.seed = k, least, seed

    def __call__(self, vectors: Floats) -> list[Ints]:
        """Rows of each group, the largest group first, the most central picture of each first.

        Args:
            vectors: (n, d) unit vectors.
        """
        if not len(vectors):
            return []
        rest = _centred(vectors)
        sizes = [self.k] if self.k is not None else range(2, min(_MOST, len(vectors) // self.least) + 1)
        tried = [_settled(rest, _labels(rest, min(k, len(rest)), self.seed), self.least) for k in sizes]
        if not tried:
            tried = [np.zeros(len(rest), np.int64)]
        labels = tried[0] if len(tried) == 1 else max(tried, key=lambda one: silhouette(rest, one))
        groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        groups.sort(key=lambda rows: (-len(rows), int(rows[0])))
        return [rows[central(vectors[rows])] for rows in groups]


def central(vectors: Floats, most: int | None = None) -> Ints:
    """Places of the vectors (n, d) by their mean cosine with the others, highest first; ties by place.

    The first four are what CroQS's GroupCap looks at.

    >>> central(np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)).tolist()
    [1, 2, 0]
    """
    total = vectors.astype(np.float64).sum(0)
    # A vector's cosine with itself is the same for all, so it need not be taken away.
    scores = np.round(vectors @ total, 9)
    order: Ints = np.lexsort((np.arange(len(vectors)), -scores))
    return order[:most]


def silhouette(vectors: Floats, labels: Ints) -> float:
    """Mean silhouette of rows (n, d) by the cosine distance; alone in its group a picture counts 0, as does one group.

    >>> silhouette(np.repeat(np.eye(2, dtype=np.float32), 2, axis=0), np.array([0, 0, 1, 1]))
    1.0
    """
    names, members = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        return 0.0
    counts = np.bincount(members)
    sums = np.stack([vectors[members == one].sum(0) for one in range(len(names))], 1)
    far = counts[None, :] - vectors @ sums
    rows = np.arange(len(vectors))
    # Within its own group a picture is not compared with itself: its distance to itself is 0.
    alone = counts[members] == 1
    inside = far[rows, members] / np.maximum(counts[members] - 1, 1)
    mean = far / counts[None, :]
    mean[rows, members] = np.inf
    outside = mean.min(1)
    widest = np.maximum(np.maximum(inside, outside), 1e-12)
    return float(np.where(alone, 0.0, (outside - inside) / widest).mean())


def _centred(vectors: Floats) -> Floats:
    rest = vectors - vectors.mean(0, keepdims=True)
    lengths = np.linalg.norm(rest, axis=1, keepdims=True)
    # Pictures that are all alike have no rest to speak of.
    if float(lengths.max()) < 1e-4:
        return vectors
    centred: Floats = (rest / np.maximum(lengths, 1e-6)).astype(np.float32)
    return centred


def _labels(rows: Floats, k: int, seed: int) -> Ints:
    best: tuple[float, Ints] | None = None
    for start in range(_STARTS):
        centres = kmeans(rows, k, seed + start)
        scores = rows @ centres.T
        tight = float(scores.max(1).sum())
        if best is None or tight > best[0] + 1e-6:
            best = tight, scores.argmax(1)
    assert best is not None
    return best[1]


def _settled(rows: Floats, labels: Ints, least: int) -> Ints:
    """Groups that are too small go to their neighbours, the smallest first."""
    labels = labels.copy()
    while True:
        names, counts = np.unique(labels, return_counts=True)
        if len(names) < 2 or counts.min() >= least:
            return labels
        small = names[int(counts.argmin())]
        others: Sequence[int] = [int(name) for name in names if name != small]
        centres = np.stack([rows[labels == name].mean(0) for name in others])
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
        moved = np.flatnonzero(labels == small)
        labels[moved] = np.array(others)[(rows[moved] @ centres.T).argmax(1)]
