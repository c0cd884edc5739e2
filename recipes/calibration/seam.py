"""Where the vectors of a model of two end the first and begin the second."""

from __future__ import annotations

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings

# What rounding leaves of a share that is the same for all; and the least that a part has of a vector.
_SAME, _LEAST = 1e-4, 0.05


def seam(images: Embeddings) -> int:
    """How many of the first numbers are a model by themselves; 0 where there is no seam.

    Models that are put beside each other have each their fixed share of a picture's vector: where one ends, the square
    length that the vector has reached is the same for every picture. Of several such places the last counts, behind
    which nothing is divided again.

    >>> one, two = np.array([[0.6, 0.8], [1, 0], [0, 1]]), np.array([[1, 0], [0, 1], [0.8, -0.6]])
    >>> seam(DenseEmbeddings(np.hstack([0.6 * one, 0.8 * two]))), seam(DenseEmbeddings(one))
    (2, 0)
    """
    if not isinstance(images, DenseEmbeddings) or len(images) < 2:
        return 0
    reached = np.cumsum(images.values.astype(np.float64) ** 2, axis=1)[:, :-1]
    share = reached.mean(axis=0)
    even = (reached.std(axis=0) < _SAME) & (share > _LEAST) & (share < 1 - _LEAST)
    return int(np.flatnonzero(even)[-1]) + 1 if even.any() else 0
