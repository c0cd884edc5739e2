# mypy: disallow-subclassing-any=False
"""SigLIP: every pair judged for itself."""

from __future__ import annotations

from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Sigmoid


class SigLIP(Contrastive):
    """``-(1/B) sum_ij log sigmoid(z_ij (s v_i . t_j + b))``: no softmax over the batch.

    Args:
        scale, bias: ``s`` and ``b`` at the start; both are learned.

    When to use:
        Small batches, several right texts per picture, and scores that should mean the same for every query.

    References:
        Zhai et al. 2023, arXiv:2303.15343.

    >>> import torch
    >>> from openitr.objectives import Batch
    >>> round(SigLIP(10, -10)(Batch(torch.eye(1), torch.eye(1))).item(), 4)
    0.6931
    """

    def __init__(self, scale: float = 10.0, bias: float = -10.0) -> None:
        super().__init__(form=Sigmoid(scale, bias), directions=(1.0, 0.0))
