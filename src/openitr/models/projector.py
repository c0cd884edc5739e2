# mypy: disallow-subclassing-any=False
"""Projectors: what is trained where the encoders stay frozen and their features are computed once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.models.tower import Encoded


class Projector(nn.Module):
    """A vector of features to a state: a linear map, and a two-layer net beside it.

    ``h = W1 x; out = LayerNorm(h + Dropout(W2 gelu(h)))``, the CLS head of "From Unimodal to Multimodal" (2024,
    arXiv:2409.19425). Features are standardised first, with what :meth:`fit` measured.

    Args:
        features: Width of what comes in.
        width: Width of the state.
        dropout: Inside the net and, at half this rate, on the features, while training.

    >>> Projector(20, width=8)(torch.randn(3, 20)).pooled.shape
    torch.Size([3, 8])
    """

    def __init__(self, features: int, *, width: int = 512, dropout: float = 0.2) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"features": features, "width": width, "dropout": dropout}
        self.width, self.dropout = width, dropout
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.first, self.second = nn.Linear(features, width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def fit(self, features: Tensor) -> None:
        """Measure mean and deviation of each feature on (n, features)."""
        self.mean.copy_(features.mean(0))
        self.std.copy_(features.std(0).clamp(min=1e-3))

    def embed(self, features: Tensor) -> Tensor:
        """(n, features), standardised and bounded, as one token each: (n, 1, features)."""
        return ((features - self.mean) / self.std).clamp(-6, 6).unsqueeze(1)

    def forward(
        self, features: Tensor | None = None, *, tokens: Tensor | None = None, mask: Tensor | None = None
    ) -> Encoded:
        """(n, features), or what :meth:`embed` gives, to states; a projector has one token and ignores masks."""
        tokens = self.embed(features) if tokens is None else tokens
        x = F.dropout(tokens[:, 0], self.dropout / 2, self.training)
        h = self.first(x)
        out = self.norm(h + F.dropout(self.second(F.gelu(h)), self.dropout, self.training))
        return Encoded(out, out.unsqueeze(1), torch.ones(len(out), 1, dtype=torch.bool, device=out.device))


def linear_cka(x: Tensor, y: Tensor) -> float:
    """How alike two sets of features of the same things are: linear CKA (Kornblith et al. 2019, arXiv:1905.00414).

    ``||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F)`` with centred columns; 1 up to rotation and scale, near 0 for independent
    features of many more things than dimensions. High CKA predicts that projectors will align two encoders.

    Args:
        x: (n, d).
        y: (n, e), rows of the same things.

    >>> x = torch.eye(4)[:, :2]
    >>> round(linear_cka(x, 3 * x.flip(1)), 6)
    1.0
    """
    x, y = (x - x.mean(0)).double(), (y - y.mean(0)).double()
    across = (y.T @ x).square().sum()
    return float(across / ((x.T @ x).norm() * (y.T @ y).norm()).clamp(min=1e-12))
