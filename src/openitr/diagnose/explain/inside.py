"""Maps from inside a vision transformer: where its attention flows, and which patches match the text.

    rollout    A = product over the layers of (0.5 I + 0.5 mean over heads of the attention)    Abnar & Zuidema 2020,
               arXiv:2005.00928
    maxsim     for each patch, its best cosine with a word of the text: the match behind FILIP and ColBERT

Rollout knows nothing of the text: one picture has one such map, whatever is asked. It is here as the yardstick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from openitr.diagnose.towers import TowerEncoder
from openitr.embeddings import Floats
from openitr.errors import InputError, ModelError
from openitr.types import ImageArray

if TYPE_CHECKING:
    import torch


def attention_rollout(encoder: TowerEncoder, image: ImageArray) -> Floats:
    """How much attention reaches the pooled state from each patch: (side, side) float32, sums to 1.

    Raises:
        ModelError: A picture tower without attention.
    """
    import torch

    from openitr.models import attention_maps

    tower = encoder.model.image
    with torch.inference_mode(), attention_maps(tower) as maps:
        tower(encoder.pixels([image]))
    if not maps:
        raise ModelError("the picture tower has no attention", "use occlusion, or integrated gradients")
    flow = rollout([layer[0].mean(dim=0).numpy() for layer in maps])
    patches = int(tower.grid) ** 2
    # A class token stands in front of the patches; without one the pooled state is the mean of the patches.
    pooled = flow[0, 1:] if flow.shape[0] > patches else flow.mean(axis=0)
    return np.asarray(pooled / pooled.sum(), np.float32).reshape(int(tower.grid), int(tower.grid))


def rollout(layers: list[Floats]) -> Floats:
    """Attention of (L, L) layers, first layer first, followed through residual connections: (L, L), rows sum to 1.

    >>> swap = np.array([[0, 1], [1, 0]], np.float32)
    >>> rollout([swap]).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    if not layers:
        raise InputError("no layer of attention", "give one or more")
    size = len(layers[0])
    flow = np.eye(size)
    for layer in layers:
        flow = (0.5 * np.eye(size) + 0.5 * layer) @ flow
    return flow.astype(np.float32)


def maxsim_map(encoder: TowerEncoder, image: ImageArray, text: str) -> Floats:
    """Best cosine of each patch with a word of the text: (side, side) float32.

    Read it with care on models that were trained on pooled vectors alone: nothing taught their patches to match words.

    Raises:
        ModelError: A picture tower without a grid of patches.
    """
    import torch

    with torch.inference_mode():
        patches = encoder.model.view_images(encoder.pixels([image])).tokens[0]
        words = encoder.model.view_texts(encoder.tokenizer.encode([text]))
        best = (patches @ words.tokens[0][words.mask[0]].T).amax(dim=1)
    side = round(len(best) ** 0.5)
    if side * side != len(best):
        raise ModelError(f"{len(best)} patches are no square grid", "use occlusion, or integrated gradients")
    return _plain(best).reshape(side, side)


def _plain(values: torch.Tensor) -> Floats:
    return np.asarray(values.numpy(), np.float32)
