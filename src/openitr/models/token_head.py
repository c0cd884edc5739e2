# mypy: disallow-subclassing-any=False
"""Heads of late interaction: what a tower says of each patch or word, to unit vectors that meet in MaxSim."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Patches(nn.Module):
    """Two maps of one picture to one row of features per place.

    The grid's cell (i, j) looks at the middle map around (2i, 2j), so the middle map is averaged there. Each place is
    then averaged with its neighbours: patches of a coarse grid overlap, and a thing on a seam is whole in one of them.

    >>> patches = Patches()(torch.rand(2, 120, 17, 17), torch.rand(2, 1280, 9, 9))
    >>> patches.shape, Patches.coarse(patches).shape
    (torch.Size([2, 81, 1400]), torch.Size([2, 25, 1400]))
    """

    def forward(self, middle: Tensor, grid: Tensor) -> Tensor:
        """(n, c, 2s - 1, 2s - 1) and (n, C, s, s) to (n, s * s, C + c), row by row."""
        around = F.avg_pool2d(middle, 3, 2, 1, count_include_pad=False)
        both = torch.cat([grid, around], 1)
        return F.avg_pool2d(both, 3, 1, 1, count_include_pad=False).flatten(2).transpose(1, 2)

    @staticmethod
    def coarse(patches: Tensor) -> Tensor:
        """Every second place in both directions: (n, s * s, C) to (n, ((s + 1) / 2)^2, C)."""
        side = round(int(patches.shape[1]) ** 0.5)
        return patches.unflatten(1, (side, side))[:, ::2, ::2].flatten(1, 2)


class TokenHead(nn.Module):
    """Features of tokens, with a summary of the whole beside them, to unit vectors.

    ``token = norm(W x + MLP(x) + U s)`` for each token x, and one more token ``norm(V s)`` for the whole; features are
    standardised first, with what :meth:`fit` measured. The token head of "From Unimodal to Multimodal" (2024,
    arXiv:2409.19425) with the summary added; that addition is ours.

    Args:
        features: Width of a token's features.
        summary: Width of the summary.
        dim: Width of the vectors.
        hidden: Width inside the nets.
        dropout: On features and inside the nets, while training.

    >>> head = TokenHead(20, 30, dim=8, hidden=16)
    >>> tokens, mask = head(torch.randn(3, 5, 20), torch.ones(3, 5, dtype=torch.bool), torch.randn(3, 30))
    >>> tokens.shape, mask.shape
    (torch.Size([3, 6, 8]), torch.Size([3, 6]))
    """

    def __init__(self, features: int, summary: int, *, dim: int = 64, hidden: int = 384, dropout: float = 0.2) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"features": features, "summary": summary, "dim": dim, "hidden": hidden}
        self.dropout = dropout
        for name, width in (("token", features), ("whole", summary)):
            self.register_buffer(f"{name}_mean", torch.zeros(width))
            self.register_buffer(f"{name}_std", torch.ones(width))
        self.token_in, self.whole_in = nn.Linear(features, hidden), nn.Linear(summary, hidden)
        self.token_out, self.whole_out = nn.Linear(hidden, dim), nn.Linear(hidden, dim)
        self.token_straight, self.beside = nn.Linear(hidden, dim), nn.Linear(hidden, dim)

    def fit(self, tokens: Tensor, summary: Tensor) -> None:
        """Measure mean and deviation of each feature on (rows, features) and (n, summary)."""
        for name, values in (("token", tokens), ("whole", summary)):
            getattr(self, f"{name}_mean").copy_(values.mean(0))
            getattr(self, f"{name}_std").copy_(values.std(0).clamp(min=1e-3))

    def forward(self, tokens: Tensor, mask: Tensor, summary: Tensor) -> tuple[Tensor, Tensor]:
        """(n, L, features), (n, L) bool and (n, summary) to (n, 1 + L, dim) and (n, 1 + L): the whole comes first."""
        whole = F.gelu(self.whole_in(self._standard(summary, "whole", self.dropout)))
        whole = F.dropout(whole, self.dropout, self.training)
        h = self.token_in(self._standard(tokens, "token", self.dropout / 2))
        local = self.token_straight(h) + self.token_out(F.dropout(F.gelu(h), self.dropout, self.training))
        found = torch.cat([self.whole_out(whole).unsqueeze(1), local + self.beside(whole).unsqueeze(1)], 1)
        there = torch.cat([torch.ones_like(mask[:, :1]), mask], 1)
        return F.normalize(found, dim=2), there

    def _standard(self, values: Tensor, name: str, dropout: float) -> Tensor:
        bounded = ((values - getattr(self, f"{name}_mean")) / getattr(self, f"{name}_std")).clamp(-6, 6)
        return F.dropout(bounded, dropout, self.training)
