# mypy: disallow-subclassing-any=False
"""CLIA: every expression against every instance of every picture of the batch, each pair judged for itself."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Sigmoid
from openitr.objectives.targets import Own


class FocalSigmoid(Sigmoid):
    """The sigmoid form with each pair weighted by ``(1 - p)^gamma``, p how sure the right answer is already.

    Focal loss of Lin et al. 2017 (arXiv:1708.02002), without its class weight. With gamma 0 it is :class:`Sigmoid`.

    Args:
        scale, bias: Of the sigmoid at the start; both are learned.
        gamma: How much less the easy pairs count.
    """

    def __init__(self, scale: float = 10.0, bias: float = -10.0, gamma: float = 2.0) -> None:
        super().__init__(scale, bias)
        self.gamma = gamma

    def forward(self, scores: Tensor, targets: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        logits = scores * self.log_scale.to(scores.dtype).exp() + self.bias.to(scores.dtype)
        match = targets > 0
        sign = torch.where(match, logits, -logits)
        judged = F.logsigmoid(sign) * torch.sigmoid(-sign) ** self.gamma * (candidates | match)
        return -judged.sum(1), torch.ones(len(scores), dtype=torch.bool, device=scores.device)


class CLIA(Contrastive):
    """``-(1/|Q|) sum_ij log sigmoid(z_ij (a q_i . o_j + b))`` over all expressions and instances of a batch.

    The batch's ``images`` are instances, most of which may have no expression; its ``texts`` are expressions, ``owner``
    the instance that each refers to. Contrasting across pictures is what makes scores comparable in a gallery; a loss
    inside each picture alone only tells which of its things is meant.

    Args:
        scale, bias: ``a`` and ``b`` at the start; both are learned.
        gamma: Of the focal weighting; 0 leaves it out.

    References:
        Hao et al. 2025, "Referring Expression Instance Retrieval and A Strong End-to-End Baseline", arXiv:2506.18246.

    >>> from openitr.objectives import Batch
    >>> instances, expressions = torch.eye(3), torch.eye(3)[[2]]
    >>> loss = CLIA(10, -5)(Batch(instances, expressions, torch.tensor([2])))
    >>> round(loss.item(), 4)                                                # 3 log(1 + exp(-5))
    0.0201
    """

    def __init__(self, scale: float = 10.0, bias: float = -10.0, gamma: float = 0.0) -> None:
        form = FocalSigmoid(scale, bias, gamma) if gamma else Sigmoid(scale, bias)
        super().__init__(targets=Own(), form=form, directions=(0.0, 1.0))
