"""Make a retrieval benchmark harder and say how specific its captions are (Chen, Yao & Jin 2023, sections 3.1, 3.2).

A pool of look-alikes shows what random distractors hide; a caption that fits many other pictures as well as its own
cannot be answered, however good the model.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Embeddings, Ints
from openitr.errors import InputError, ShapeError
from openitr.evaluate.ranks import TIE, blocks

Numbers = npt.NDArray[np.float64]


def build_fg_pool(
    targets: DenseEmbeddings, pool: DenseEmbeddings, per_target: int = 30, duplicate: float = 0.999
) -> Ints:
    """Rows of a large pool that look most like the targets: for each its nearest, all together, each once.

    Args:
        targets: (n, d) pictures of the benchmark.
        pool: (m, d) unlabelled pictures; none of them should be a target.
        per_target: How many to fetch for each target.
        duplicate: Pool pictures with a cosine above this to a target are that target again, and are left out (ours; the
            authors remove repeated pictures).

    Returns:
        Ascending rows of ``pool``.

    Raises:
        InputError: per_target below 1.

    >>> angles = np.radians([0, 10, 90, 100])
    >>> made = DenseEmbeddings.normalise(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    >>> build_fg_pool(made[:1], made[1:], per_target=1).tolist()
    [0]
    """
    if per_target < 1:
        raise InputError(f"per_target is {per_target}", "use 1 or more")
    keep: set[int] = set()
    for _, _, scores in blocks(targets, pool, np.arange(len(targets), dtype=np.int64)):
        for row in scores:
            order = np.argsort(-row, kind="stable")
            keep.update(order[row[order] <= duplicate][:per_target].tolist())
    same = np.zeros(len(pool), bool)
    for start, stop, scores in blocks(pool, targets, np.arange(len(pool), dtype=np.int64)):
        same[start:stop] = (scores > duplicate).any(axis=1)
    return np.array([row for row in sorted(keep) if not same[row]], np.int64)


def caption_specificity(captions: Embeddings, images: Embeddings, owner: npt.ArrayLike, eps: float = 0.0) -> Ints:
    """For each caption, how many other pictures fit it as well as its own: 0 is specific, more is coarse.

    Args:
        captions: m texts.
        images: n pictures, the targets among them.
        owner: (m,) row of the picture each caption belongs to.
        eps: A picture counts whose score is at least the target's minus this; 0 counts those at least as good.

    Returns:
        (m,) int64.

    Raises:
        ShapeError: Counts that do not fit, or an owner that is not among the pictures.

    >>> e = DenseEmbeddings(np.eye(3, dtype=np.float32))
    >>> coarse = DenseEmbeddings.normalise([[1.0, 1.0, 0.2]])
    >>> caption_specificity(coarse, e, [0]).tolist(), caption_specificity(coarse, e, [2]).tolist()
    ([1], [2])
    """
    rows = np.asarray(owner, np.int64)
    if rows.shape != (len(captions),):
        raise ShapeError(f"{len(captions)} captions, owners of shape {rows.shape}", "one owner per caption")
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(images):
        raise ShapeError(f"an owner is not among the {len(images)} pictures", "owners are rows of the pictures")
    counts = np.zeros(len(rows), np.int64)
    for start, stop, scores in blocks(captions, images, np.arange(len(rows), dtype=np.int64)):
        own = scores[np.arange(stop - start), rows[start:stop]]
        level = own - eps - TIE * np.maximum(1.0, np.abs(own))
        counts[start:stop] = (scores >= level[:, None]).sum(axis=1) - 1
    return cast(Ints, counts)
