"""DocMNIST: documents of handwritten digits in colours, whose descriptions list what is on them but not where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from openitr.errors import InputError
from openitr.systems.digits import NAMES, digits

if TYPE_CHECKING:
    from torch import Tensor

COLOURS = ("red", "green", "blue", "yellow")
SIZES = ("small", "large")
SIDE, CELLS = 8, 9
_RGB = ((1.0, 0.2, 0.2), (0.2, 1.0, 0.2), (0.2, 0.2, 1.0), (1.0, 1.0, 0.2))


@dataclass(frozen=True, eq=False)
class Documents:
    """Documents of nine cells, each empty or with a digit.

    Args:
        regions: (n, 9, 192) float32, the pixels of each cell.
        attributes: Names of all A attributes: ten digits, four colours, two sizes.
        truth: (n, 9, A) bool, what each cell shows.
    """

    regions: Tensor
    attributes: tuple[str, ...]
    truth: Tensor

    @property
    def named(self) -> Tensor:
        """(n, A) bool: what a document's description lists."""
        return self.truth.any(1)

    @property
    def filled(self) -> Tensor:
        """(n, 9) bool: the cells with a digit."""
        return self.truth.any(2)

    @property
    def complexity(self) -> float:
        """Mean number of attributes that a description lists: how much each region has to choose from."""
        return float(self.named.sum(1).float().mean())


def documents(n: int, filled: int, *, seed: int = 0, train: bool = True) -> Documents:
    """Draw documents; the more cells are filled, the longer the descriptions.

    Args:
        n: How many.
        filled: Cells with a digit, 1 to 9.
        seed: Of the draw.
        train: Digits of the first three quarters of the handwriting, or of the rest.

    Raises:
        InputError: Too many cells.
        MissingExtra: scikit-learn, which has the digits, is not installed.
    """
    import torch

    if not 1 <= filled <= CELLS:
        raise InputError(f"{filled} of {CELLS} cells cannot be filled", "use 1 to 9")
    found = digits()
    ink = found.pictures.reshape(-1, SIDE, SIDE)
    ink = (ink - ink.min()) / (ink.max() - ink.min())
    cut = len(ink) * 3 // 4
    pool = np.arange(cut) if train else np.arange(cut, len(ink))
    rng = np.random.default_rng([seed, int(train), filled])
    attributes = (*NAMES["en"], *COLOURS, *SIZES)
    regions = torch.zeros(n, CELLS, 3, SIDE, SIDE)
    truth = torch.zeros(n, CELLS, len(attributes), dtype=torch.bool)
    for row in range(n):
        for cell in rng.permutation(CELLS)[:filled].tolist():
            which, colour, size = int(rng.choice(pool)), int(rng.integers(len(COLOURS))), int(rng.integers(2))
            shape = ink[which]
            if size == 0:
                small = torch.nn.functional.interpolate(shape[None, None], size=5, mode="area")[0, 0]
                shape = torch.nn.functional.pad(small, (1, 2, 1, 2))
            regions[row, cell] = torch.tensor(_RGB[colour])[:, None, None] * shape
            truth[row, cell, [int(found.labels[which]), 10 + colour, 10 + len(COLOURS) + size]] = True
    noise = torch.randn(regions.shape, generator=torch.Generator().manual_seed(seed))
    return Documents((regions + 0.05 * noise).flatten(2), attributes, truth)
