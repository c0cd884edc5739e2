# mypy: disallow-subclassing-any=False
"""Triple contrastive learning: across modalities, within each, and between the whole and its parts."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant
from openitr.objectives.momentum import MomentumContrast, against


class TCL(MomentumContrast):
    """Six contrastive terms of equal weight against a slow model and queues of what it said before.

    Cross-modal (``cma``): a vector against the slow vectors of the other side and their queue, targets shared with what
    the slow model sees. Within a modality (``imc``): against the slow vector of the same item and the queue of its own
    side. Whole and parts (``lmi``): a vector against the slow tokens of its own item, those of the other items as
    negatives; a picture's patches are first averaged to a coarse grid.

    Matching and masked words, which the paper adds, need a fusion encoder and are not part of it.

    Args:
        dim: Width of the vectors.
        queue: Slow vectors remembered per side; 0 for none.
        share: Mass of the targets that the slow model gives.
        tau: Temperature at the start; learned, kept within 0.001 and 0.5.
        grid: Side of the coarse grid of patches; 0 takes the patches as they are.

    Needs:
        slow, with tokens: the trainer makes it from the averaged weights and a second view of the pictures.

    When to use:
        Vectors that should also find like pictures by pictures, and like texts by texts.

    References:
        TCL, Yang et al. 2022, arXiv:2202.10401; queue and targets as in ALBEF, arXiv:2107.07651.

    >>> v = torch.eye(2)
    >>> slow = Batch(v, v, image_tokens=v[:, None], image_mask=torch.ones(2, 1, dtype=torch.bool),
    ...              text_tokens=v[:, None], text_mask=torch.ones(2, 1, dtype=torch.bool))
    >>> sorted(TCL(2).parts(Batch(v, v, slow=slow)))
    ['cma_i2t', 'cma_t2i', 'imc_image', 'imc_text', 'lmi_image', 'lmi_text']
    """

    def __init__(self, dim: int = 128, queue: int = 4096, share: float = 0.4, tau: float = 0.07, grid: int = 2) -> None:
        super().__init__(dim, queue, share, tau)
        self.grid = grid

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        slow = batch.slow
        assert slow is not None
        v, t, scale = batch.images, batch.texts, self.scale(batch.images)
        all_v, all_t = self.galleries(slow)
        patches, patch_mask = self._coarse(slow)
        assert slow.text_tokens is not None and slow.text_mask is not None
        words, word_mask = constant(slow.text_tokens), slow.text_mask
        found = {
            **{f"cma_{way}": (values, None) for way, (_, values, _) in super().terms(batch).items()},
            "imc_image": (against(v, all_v, scale, None), None),
            "imc_text": (against(t, all_t, scale, None), None),
            "lmi_image": _parts(v, patches, patch_mask, scale),
            "lmi_text": _parts(t, words, word_mask, scale),
        }
        return {name: (1 / 6, values, weights) for name, (values, weights) in found.items()}

    def _coarse(self, slow: Batch) -> tuple[Tensor, Tensor]:
        """Patches averaged to a grid of ``self.grid`` cells a side; those that are no square grid stay as they are."""
        patches, mask = slow.image_tokens, slow.image_mask
        assert patches is not None and mask is not None
        patches, side = constant(patches), math.isqrt(patches.shape[1])
        if not self.grid or side <= self.grid or side * side != patches.shape[1]:
            return patches, mask
        there = mask.to(patches.dtype).unsqueeze(-1)
        total, count = (
            F.adaptive_avg_pool2d(x.transpose(1, 2).unflatten(2, (side, side)), self.grid).flatten(2).transpose(1, 2)
            for x in (patches * there, there)
        )
        # Means of unit vectors are shorter; the scores are cosines again after this.
        return F.normalize(total / count.clamp(min=1e-9), dim=-1), count.squeeze(-1) > 0


def _parts(whole: Tensor, parts: Tensor, mask: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """``-log e(i, ik) / (e(i, ik) + sum of e(i, jk') over the parts of all others)`` for every part ik that is real."""
    scores = torch.einsum("id,jkd->ijk", whole, parts) * scale
    here = torch.eye(len(whole), dtype=torch.bool, device=whole.device)[:, :, None]
    others = scores.masked_fill(here | ~mask[None], -torch.inf).flatten(1)
    own = scores.diagonal().T
    if len(whole) == 1:
        return (own * 0).flatten(), mask.flatten().to(own.dtype)
    rest = others.logsumexp(1, keepdim=True)
    return (torch.logaddexp(own, rest) - own).flatten(), mask.flatten().to(own.dtype)
