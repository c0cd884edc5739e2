"""Maps from gradients of the matching score with respect to the picture.

    gradient x input          (x - b) * dscore/dx                                Shrikumar et al. 2016, arXiv:1605.01713
    integrated gradients      (x - b) * mean of dscore/dx on the way from b to x    Sundararajan et al. 2017,
                              arXiv:1703.01365, equation 3

b is the picture's mean colour. Integrated gradients are complete: they sum to score(x) - score(b).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openitr.diagnose.explain.occlusion import edges
from openitr.diagnose.towers import TowerEncoder, frozen
from openitr.embeddings import Floats
from openitr.errors import InputError
from openitr.types import ImageArray

if TYPE_CHECKING:
    import torch

_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Attribution:
    """What every pixel adds to the score.

    Args:
        pixels: (size, size) float32, summed over the colour channels.
        whole, bare: Score of the picture, and of its mean colour.
    """

    pixels: Floats
    whole: float
    bare: float

    @property
    def missing(self) -> float:
        """How far the attributions are from complete, as a share of the difference of the two scores."""
        return abs(float(self.pixels.sum()) - (self.whole - self.bare)) / max(abs(self.whole - self.bare), 1e-9)

    def grid(self, cells: int) -> Floats:
        """Sums over the cells of a grid: (cells, cells) float32."""
        return cells_of(self.pixels, cells)


def integrated_gradients(encoder: TowerEncoder, image: ImageArray, text: str, steps: int = 64) -> Attribution:
    """Integrated gradients of the cosine, by the midpoint rule.

    Args:
        encoder: A torch model.
        image: (h, w, 3) uint8 RGB.
        text: What it is matched with.
        steps: Points on the way from the mean colour to the picture; more come closer to completeness.

    Raises:
        InputError: No step.
    """
    return _attribute(encoder, image, text, (np.arange(steps) + 0.5) / max(steps, 1))


def gradient_times_input(encoder: TowerEncoder, image: ImageArray, text: str) -> Attribution:
    """The gradient at the picture itself, times its difference from the mean colour. Not complete."""
    return _attribute(encoder, image, text, np.ones(1))


def cells_of(values: Floats, cells: int) -> Floats:
    """Sums of an (h, w) array over a grid: (cells, cells) float32.

    >>> cells_of(np.ones((4, 4), np.float32), 2).tolist()
    [[4.0, 4.0], [4.0, 4.0]]
    """
    down, across = (edges(side, cells) for side in values.shape)
    rows = [values[down[i] : down[i + 1]].sum(axis=0) for i in range(cells)]
    found = [[row[across[j] : across[j + 1]].sum() for j in range(cells)] for row in rows]
    return np.array(found, np.float32)


def _attribute(encoder: TowerEncoder, image: ImageArray, text: str, shares: npt.NDArray[np.float64]) -> Attribution:
    import torch

    if not len(shares):
        raise InputError("no step between the mean colour and the picture", "use 1 or more")
    model = encoder.model
    with torch.inference_mode(False), torch.enable_grad(), frozen(model):
        asked = torch.from_numpy(encoder.encode_texts([text]).values.copy())[0]
        picture = encoder.pixels([image])[0]
        bare = picture.mean(dim=(1, 2), keepdim=True).expand_as(picture)
        total = torch.zeros_like(picture)
        for at in range(0, len(shares), _AT_ONCE):
            part = torch.from_numpy(np.asarray(shares[at : at + _AT_ONCE], np.float32))[:, None, None, None]
            points = (bare + part * (picture - bare)).requires_grad_(True)
            score = (model.encode_images(points) @ asked).sum()
            total += torch.autograd.grad(score, points)[0].sum(dim=0)
        ends = model.encode_images(torch.stack([picture, bare])) @ asked
    found = ((picture - bare) * total / len(shares)).sum(dim=0)
    return Attribution(_plain(found), float(ends[0]), float(ends[1]))


def _plain(values: torch.Tensor) -> Floats:
    return np.asarray(values.detach().numpy(), np.float32)
