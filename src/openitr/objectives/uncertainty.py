# mypy: disallow-subclassing-any=False
"""Multi-grained uncertainty: targets that fluctuate, and a matching that is loosened in proportion."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError


class GaussianFeatureAugment(nn.Module):
    """zhat = a InstanceNorm(z) + b, a ~ N(1, w1 sd), b ~ N(mu, w2 sd), with mean mu and spread sd of each sample.

    Only while training; in evaluation mode the features come back as they are.

    Args:
        w1, w2: Widths of the two draws.

    >>> augment = GaussianFeatureAugment()
    >>> z = torch.randn(4, 8)
    >>> torch.equal(augment.eval()(z), z)
    True
    """

    def __init__(self, w1: float = 1.0, w2: float = 1.0) -> None:
        super().__init__()
        if w1 < 0 or w2 < 0:
            raise InputError(f"widths {w1} and {w2}", "use 0 (no fluctuation) or more")
        self.w1, self.w2 = w1, w2

    def forward(self, z: Tensor) -> Tensor:
        """(B, d) to (B, d)."""
        if not self.training:
            return z
        mean, spread = z.mean(1, keepdim=True), z.std(1, keepdim=True, unbiased=False)
        normed = (z - mean) / (spread + 1e-5)
        grow = 1 + self.w1 * spread * torch.randn_like(z)
        shift = mean + self.w2 * spread * torch.randn_like(z)
        return grow * normed + shift


class UncertaintyLoss(nn.Module):
    """gamma L_u + (1 - gamma) L_info with gamma = exp(-k epoch / epochs): coarse first, fine later.

    L_u = 0.5 (exp(-sigma) L_info(q, zhat) + sigma), where zhat fluctuates (:class:`GaussianFeatureAugment`) and sigma
    is the spread of zhat over the whole batch; L_info is the cross-entropy of the scaled products with the own target.
    For unit vectors sigma is nearly constant, since InstanceNorm dominates.

    Args:
        epochs: Of the training.
        k: How fast fine matching takes over.
        scale: Of the products in L_info.
        w1, w2: Of the fluctuation.

    Raises:
        InputError: No epoch.

    References:
        Chen et al. 2022, Composed image retrieval with text feedback via multi-grained uncertainty regularization,
        arXiv:2211.07394; the form of the augmentation as in the authors' code.

    >>> loss = UncertaintyLoss(epochs=10).eval()
    >>> q = F.normalize(torch.eye(3), dim=-1)
    >>> loss.gamma(0), round(loss.gamma(10), 3), loss(q, q, epoch=0).shape
    (1.0, 0.368, torch.Size([]))
    """

    def __init__(self, epochs: float, *, k: float = 1.0, scale: float = 14.0, w1: float = 1.0, w2: float = 1.0) -> None:
        super().__init__()
        if epochs <= 0:
            raise InputError(f"a training of {epochs} epochs", "use more than 0")
        self.epochs, self.k, self.scale = epochs, k, scale
        self.augment = GaussianFeatureAugment(w1, w2)

    def gamma(self, epoch: float) -> float:
        """Share of the coarse matching."""
        return math.exp(-self.k * epoch / self.epochs)

    def info(self, q: Tensor, z: Tensor) -> Tensor:
        """Cross-entropy of queries (B, d) against targets (B, d), each its own."""
        return F.cross_entropy(self.scale * q @ z.T, torch.arange(len(q), device=q.device))

    def forward(self, q: Tensor, z: Tensor, epoch: float) -> Tensor:
        """The loss of a batch at an epoch, which may be a fraction."""
        loose = self.augment(z)
        gamma = self.gamma(epoch)
        coarse = uncertain(self.info(q, loose), loose.std(unbiased=False))
        return gamma * coarse + (1 - gamma) * self.info(q, z)


def uncertain(info: Tensor, sigma: Tensor) -> Tensor:
    """0.5 (exp(-sigma) info + sigma), least at sigma = ln info where info is at least 1.

    >>> s = torch.tensor(2.0).log().requires_grad_()
    >>> uncertain(torch.tensor(2.0), s).backward(); bool(s.grad.abs() < 1e-6)
    True
    """
    return 0.5 * ((-sigma).exp() * info + sigma)
