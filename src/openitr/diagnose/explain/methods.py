"""One call for every kind of map, and the check that a map depends on the model at all."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from openitr.diagnose.explain.gradients import cells_of, gradient_times_input, integrated_gradients
from openitr.diagnose.explain.inside import attention_rollout, maxsim_map
from openitr.diagnose.explain.occlusion import occlusion_map
from openitr.diagnose.towers import TowerEncoder
from openitr.embeddings import Floats
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.types import ImageArray

Method = Literal["occlusion", "ig", "gradient", "rollout", "maxsim"]
_INSIDE: dict[str, Callable[[TowerEncoder, ImageArray, str], Floats]] = {
    "ig": lambda encoder, image, text: integrated_gradients(encoder, image, text).pixels,
    "gradient": lambda encoder, image, text: gradient_times_input(encoder, image, text).pixels,
    "rollout": lambda encoder, image, text: attention_rollout(encoder, image),
    "maxsim": maxsim_map,
}
METHODS: tuple[str, ...] = ("occlusion", *_INSIDE)


def explain(encoder: Encoder, image: ImageArray, text: str, method: Method = "occlusion", grid: int = 6) -> Floats:
    """A map of what the score of a picture with a text rests on.

    Args:
        encoder: Any for "occlusion"; a :class:`~openitr.diagnose.towers.TowerEncoder` for the others.
        image: (h, w, 3) uint8 RGB.
        text: What it is matched with.
        method: "occlusion", "ig" (integrated gradients), "gradient" (times input), "rollout" or "maxsim".
        grid: Cells a side.

    Returns:
        (grid, grid) float32, larger where more of the score rests. Sums of attributions for "ig" and "gradient", means
        for "rollout" and "maxsim".

    Raises:
        InputError: An unknown method, or one that has to look inside a model that cannot be looked into.
    """
    if method == "occlusion":
        return occlusion_map(encoder, image, text, grid)
    if method not in _INSIDE:
        raise InputError(f"there is no map called {method!r}", "use one of " + ", ".join(METHODS))
    if not isinstance(encoder, TowerEncoder):
        raise InputError(f"{encoder.spec!r} cannot be looked into for {method!r}", 'use "occlusion", or a TowerEncoder')
    found = _INSIDE[method](encoder, image, text)
    if method in ("ig", "gradient"):
        return cells_of(found, grid)
    # Patches of another grid are spread over its cells by area before they are averaged.
    side = len(found) * grid
    fine = np.repeat(np.repeat(found, grid, axis=0), grid, axis=1)
    return cells_of(fine, grid) / np.float32((side // grid) ** 2)


def randomised(encoder: TowerEncoder, seed: int = 0) -> TowerEncoder:
    """The same towers with weights drawn anew: what a map looks like when the model knows nothing.

    Adebayo et al. 2018, "Sanity Checks for Saliency Maps" (arXiv:1810.03292), section 3: weights keep mean and spread
    of each tensor and lose their order.
    """
    import torch

    model = copy.deepcopy(encoder.model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            flat = parameter.flatten()
            parameter.copy_(flat[torch.randperm(len(flat), generator=generator)].reshape(parameter.shape))
    return TowerEncoder(model, encoder.tokenizer, encoder.preparation.size)


def agreement(one: Floats, other: Floats) -> float:
    """Spearman's rank correlation of two maps, ties by their mean rank; 0 where a map says nothing.

    >>> agreement(np.array([[1.0, 2.0]]), np.array([[5.0, 9.0]]))
    1.0
    """
    ranks = [_ranks(np.asarray(map, np.float64).ravel()) for map in (one, other)]
    a, b = (r - r.mean() for r in ranks)
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread else 0.0


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[where], np.float64)
