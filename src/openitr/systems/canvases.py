"""Canvases of several stamps, a sentence for each: long captions whose sentences have a known place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openitr.embeddings import Ints
from openitr.systems.card import Budget
from openitr.systems.stamps import stamps

KINDS, CELLS = 40, 2


@dataclass(frozen=True, eq=False)
class Canvases:
    """Pictures of four quadrants, each empty or with one stamp.

    Args:
        pictures: (n, 3, side, side) uint8.
        stamps: (n, 4) int64, the stamp in each quadrant, -1 for none; row by row.
        names: What each stamp is called, as its source says.
    """

    pictures: NDArray[np.uint8]
    stamps: Ints
    names: list[str]


def canvases(
    budget: Budget, n: int, side: int, *, many: tuple[int, int] = (3, 4), words: int = 99, seed: int = 0
) -> Canvases:
    """Draw canvases of 40 stamps.

    Args:
        budget: Says where the data is.
        n: How many.
        side: Pixels; even.
        many: Fewest and most stamps on a canvas.
        words: Most words of a stamp's name.
        seed: Of the draw; the 40 stamps are the same for all.

    Raises:
        DatasetError: The data is not there.
    """
    found = stamps(budget, side // 2)
    brief = np.flatnonzero([len(name.split()) <= words for name in found.names])
    chosen = np.sort(np.random.default_rng(0).permutation(brief)[:KINDS])
    tiles = np.stack([found.pictures[row] for row in chosen])
    rng = np.random.default_rng([1, seed])
    kinds = np.full((n, CELLS**2), -1, np.int64)
    pictures = np.full((n, side, side, 3), 127, np.uint8)
    half = side // 2
    for row in range(n):
        count = int(rng.integers(many[0], many[1] + 1))
        where = rng.permutation(CELLS**2)[:count]
        kinds[row, where] = rng.permutation(KINDS)[:count]
        for cell in where:
            top, left = divmod(int(cell), CELLS)
            pictures[row, top * half : (top + 1) * half, left * half : (left + 1) * half] = tiles[kinds[row, cell]]
    return Canvases(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)), kinds, [found.names[row] for row in chosen])
