"""Recall by how large the thing is that the text is about.

SORCE (Liu et al. 2025, arXiv:2505.24441) reports recall on captions of small things, against galleries that grow
harder. One number over all sizes hides that a model finds large things only; here it is sliced by the share of the
picture that the thing covers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError, ShapeError
from openitr.evaluate.metrics.position import KS
from openitr.evaluate.ranks import Positives, rank_one


@dataclass(frozen=True)
class SizeSlice:
    """Recall on the texts whose thing covers at least ``low`` and less than ``high`` of its picture.

    Args:
        low, high: Shares of the picture's area.
        texts: How many texts fall in.
        t2i, i2t: Recall at K in percent, "R@1" and so on; the gallery is everything. A picture is asked once in every
            slice that one of its texts falls in; it is right with any of its texts.
    """

    low: float
    high: float
    texts: int
    t2i: Mapping[str, float]
    i2t: Mapping[str, float]


@dataclass(frozen=True)
class SmallObjectEvaluator:
    """Recall both ways, sliced by area.

    Args:
        edges: Where slices meet, shares of the picture's area between 0 and 1, ascending (ours; COCO's "small" is below
            32 x 32 pixels, about 0.3% of its pictures).

    Raises:
        InputError: Edges out of order or range.

    >>> found = SmallObjectEvaluator((0.1,))(np.array([[0.9, 0.8], [0.7, 0.6]]), [0, 1], [0.02, 0.5])
    >>> [(s.low, s.high, s.texts, s.t2i["R@1"]) for s in found]
    [(0.0, 0.1, 1, 100.0), (0.1, 1.0, 1, 0.0)]
    """

    edges: Sequence[float] = (0.02, 0.1)

    def __post_init__(self) -> None:
        ends = [0.0, *self.edges, 1.0]
        if any(low >= high for low, high in pairwise(ends)):
            raise InputError(f"edges {list(self.edges)} make no slices", "give shares between 0 and 1, ascending")

    def __call__(self, scores: npt.ArrayLike, owner: npt.ArrayLike, areas: npt.ArrayLike) -> list[SizeSlice]:
        """Slice by slice, smallest things first; a slice without a text is left out.

        Args:
            scores: (m texts, n pictures), higher is better; the same score serves both ways.
            owner: (m,) row of each text's picture.
            areas: (m,) share of its picture that the thing covers, above 0, at most 1.

        Raises:
            ShapeError: Counts that do not fit, or an area that is no share.
        """
        table, owners, sizes = np.asarray(scores, np.float32), np.asarray(owner, np.int64), np.asarray(areas, float)
        if table.ndim != 2 or owners.shape != table.shape[:1] or sizes.shape != owners.shape:
            raise ShapeError(
                f"scores {table.shape}, {owners.shape} owners, {sizes.shape} areas", "give one owner and area per text"
            )
        if not ((sizes > 0) & (sizes <= 1)).all() or not ((owners >= 0) & (owners < table.shape[1])).all():
            raise ShapeError("an area outside (0, 1], or an owner that is no picture", "areas are shares")
        of_text = [rank_one(row, np.array([own]))[0] for row, own in zip(table, owners, strict=True)]
        texts_of = Positives.of_images(owners, table.shape[1])
        of_picture = {
            picture: rank_one(table[:, picture], texts_of.items[start:stop])[0]
            for picture, (start, stop) in enumerate(zip(texts_of.offsets[:-1], texts_of.offsets[1:], strict=True))
            if stop > start
        }
        found, ends = [], [0.0, *self.edges, 1.0]
        for low, high in pairwise(ends):
            rows = np.flatnonzero((sizes >= low) & ((sizes < high) | (high == 1.0)))
            if len(rows):
                pictures = np.unique(owners[rows])
                t2i = _recalls([of_text[row] for row in rows])
                found.append(SizeSlice(low, high, len(rows), t2i, _recalls([of_picture[int(p)] for p in pictures])))
        return found


def _recalls(ranks: Sequence[int]) -> dict[str, float]:
    return {f"R@{k}": 100.0 * float(np.mean(np.asarray(ranks) <= k)) for k in KS}
