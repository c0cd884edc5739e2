# mypy: disallow-subclassing-any=False
"""Fewer, learned visual tokens before late interaction."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


class TokenReducer(nn.Module):
    """R attention maps over P tokens pool them to R tokens: ``z_r = sum_p softmax_p(conv(x))_rp x_p``.

    The cost of MaxSim falls by P / R. The convolution looks at a token's neighbours on a square grid; where P is no
    square, or with ``kernel=1``, each token is judged for itself.

    Args:
        width: Of a token.
        reduced: R.
        kernel: Side of the convolution, odd.

    When to use: before the projection of an image side with many patches; it is trained with the rest.

    References:
        Wukong (Gu et al. 2022), arXiv:2202.06767, section 3.3; TokenLearner (Ryoo et al. 2021), arXiv:2106.11297.

    >>> reducer = TokenReducer(8, 4)
    >>> reducer(torch.randn(2, 25, 8)).shape, reducer.maps(torch.randn(2, 25, 8)).sum(2).allclose(torch.ones(2, 4))
    (torch.Size([2, 4, 8]), True)
    """

    def __init__(self, width: int, reduced: int, *, kernel: int = 3) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"width": width, "reduced": reduced, "kernel": kernel}
        self.conv = nn.Conv2d(width, reduced, kernel, padding=kernel // 2)

    def maps(self, tokens: Tensor) -> Tensor:
        """(n, P, width) to (n, R, P): how much of each token goes into each reduced one; rows add up to 1."""
        many = tokens.shape[1]
        side = math.isqrt(many)
        shape = (side, side) if side * side == many else (1, many)
        grid = tokens.transpose(1, 2).unflatten(2, shape)
        return self.conv(grid).flatten(2).softmax(2)

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, P, width) to (n, R, width)."""
        return torch.bmm(self.maps(tokens), tokens)
