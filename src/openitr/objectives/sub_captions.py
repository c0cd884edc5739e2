# mypy: disallow-subclassing-any=False
"""Sentences of a long caption: each is right for the picture, and for the patches that it speaks of."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch


class SubCaptions(Objective):
    """Contrast of a picture with each of its sentences, and of each sentence with the patches grouped by it.

    ``whole``: cross-entropy of sentence j over the pictures, and of its picture over j and the sentences of the others,
    where a picture with several sentences weighs as one: ``-log e(i, j) / (e(i, j) + sum_k mean_l e(k, l))``. With one
    sentence per picture that is InfoNCE. The paper contrasts the m-th sentences with each other; the mean over l, which
    does not depend on their order, is ours.

    ``parts``: the patches of a picture, weighted by :func:`grouping` with a sentence, against that sentence, among all
    sentences of the batch, both ways, with a scale of its own.

    Args:
        delta: Scaled likeness below which a patch does not belong to a sentence; below 0 for one over the patches.
        weight: Of ``parts``.
        tau: Both temperatures at the start; learned.

    Needs:
        image_tokens, image_mask

    When to use:
        Long captions: split them with :func:`openitr.train.sentences.split`, and train with several texts a step.

    Relations:
        ``one-to-k`` has one softmax over all texts and looks at no patches.

    References:
        DreamLIP, Zheng et al. 2024, arXiv:2403.17007; grouping as in SPARC, Bica et al. 2024, arXiv:2401.09865.

    >>> v = torch.eye(2)
    >>> batch = Batch(v, v, image_tokens=v[:, None], image_mask=torch.ones(2, 1, dtype=torch.bool))
    >>> sorted(SubCaptions().parts(batch))
    ['parts_i2t', 'parts_t2i', 'whole_i2t', 'whole_t2i']
    """

    needs = ("image_tokens", "image_mask")

    def __init__(self, delta: float = 0.1, weight: float = 1.0, tau: float = 0.07) -> None:
        super().__init__()
        self.delta, self.weight = delta, weight
        self.log_scale = nn.Parameter(torch.tensor(-math.log(tau)))
        self.log_scale_parts = nn.Parameter(torch.tensor(-math.log(tau)))

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        patches, mask, owner = batch.image_tokens, batch.image_mask, batch.owner
        assert patches is not None and mask is not None
        scale, scale_parts = (
            x.to(batch.images.dtype).exp().clamp(max=100.0) for x in (self.log_scale, self.log_scale_parts)
        )
        scores = batch.images @ batch.texts.T * scale
        weights = grouping(patches[owner], mask[owner], batch.texts, self.delta)
        grouped = F.normalize((weights.unsqueeze(-1) * patches[owner]).sum(1), dim=-1)
        parts = grouped @ batch.texts.T * scale_parts
        return {
            "whole_i2t": (0.5, self._one_at_a_time(scores, owner), None),
            "whole_t2i": (0.5, -scores.T.log_softmax(1).gather(1, owner[:, None]).flatten(), None),
            "parts_i2t": (0.5 * self.weight, -parts.log_softmax(1).diagonal(), None),
            "parts_t2i": (0.5 * self.weight, -parts.T.log_softmax(1).diagonal(), None),
        }

    def _one_at_a_time(self, scores: Tensor, owner: Tensor) -> Tensor:
        """(M,) losses of each text's picture: the text against the other pictures' texts, each picture weighing one."""
        many = torch.bincount(owner, minlength=len(scores)).clamp(min=1).to(scores.dtype)
        rows = scores[owner] - many.log()[owner][None]
        others = rows.masked_fill(owner[:, None] == owner[None], -torch.inf)
        own = scores[owner, torch.arange(len(owner), device=owner.device)]
        return torch.cat([own[:, None], others], 1).logsumexp(1) - own


def grouping(patches: Tensor, mask: Tensor, texts: Tensor, delta: float = 0.1) -> Tensor:
    """How much each patch belongs to a text: (n, P), rows sum to 1. It is also a heat map of the text.

    Likeness scaled to 0..1 over the patches, what is below ``delta`` dropped, divided by the sum.

    Args:
        patches: (n, P, d) unit vectors.
        mask: (n, P) bool, False for padding.
        texts: (n, d) unit vectors.
        delta: See :class:`SubCaptions`.

    >>> patches = torch.tensor([[[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]])
    >>> grouping(patches, torch.ones(1, 3, dtype=torch.bool), torch.tensor([[1.0, 0.0]])).tolist()[0][2]
    0.0
    """
    likeness = (patches @ texts.unsqueeze(-1)).squeeze(-1)
    low = likeness.masked_fill(~mask, torch.inf).amin(1, keepdim=True)
    high = likeness.masked_fill(~mask, -torch.inf).amax(1, keepdim=True)
    flat = high <= low
    scaled = torch.where(flat, torch.ones_like(likeness), (likeness - low) / (high - low).masked_fill(flat, 1.0))
    least = 1 / mask.sum(1, keepdim=True).clamp(min=1).to(scaled.dtype) if delta < 0 else delta
    kept = scaled * ((scaled >= least) & mask)
    return kept / kept.sum(1, keepdim=True).clamp(min=1e-12)
