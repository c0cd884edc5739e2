# mypy: disallow-subclassing-any=False
"""Vectors that stand to each other as sequences do under a kernel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant


class StructureInduced(Objective):
    """``KL(softmax_j(log K_ij / T) || softmax_j(v_i . v_j / tau))``, j other than i: the discriminative half of Sugar.

    The vectors are the batch's ``images``: hidden states of a terminal token, say. Texts are not looked at. The form is
    ours: the paper gives the kernel, and the wish that hidden states follow it.

    Args:
        temperature: ``T``.
        tau: At the start; learned.

    Needs:
        plain: (B, B) logarithms of a kernel, from :class:`AlignmentKernel`.

    References:
        Sugar, Chow et al. 2024, arXiv:2411.00304.

    >>> v = torch.eye(3)
    >>> StructureInduced()(Batch(v, v, plain=torch.zeros(3, 3))).item()
    0.0
    """

    needs = ("plain",)
    one_text = True

    def __init__(self, temperature: float = 1.0, tau: float = 0.1) -> None:
        super().__init__()
        self.temperature = temperature
        self.log_scale = nn.Parameter(-torch.tensor(tau).log())

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        assert batch.plain is not None
        itself = torch.eye(len(batch.images), dtype=torch.bool, device=batch.images.device)
        if len(itself) == 1:
            return {"structure": (1.0, batch.images.sum(1) * 0, None)}
        scale = self.log_scale.to(batch.images.dtype).exp().clamp(max=100.0)
        wanted = (batch.plain.to(batch.images.dtype) / self.temperature).masked_fill(itself, -torch.inf).log_softmax(1)
        wanted = constant(wanted.masked_fill(itself, 0.0))
        shares = constant(wanted.exp().masked_fill(itself, 0.0))
        scores = (batch.images @ batch.images.T * scale).masked_fill(itself, -torch.inf)
        found = scores.log_softmax(1).masked_fill(itself, 0.0)
        return {"structure": (1.0, (shares * (wanted - found)).sum(1), None)}
