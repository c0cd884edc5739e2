# mypy: disallow-subclassing-any=False
"""Regions of a picture, found by a detector or given, as tokens with their places."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from openitr.models.tower import Encoded, masked_mean

PLACE = 7


class Regions(nn.Module):
    """``LN(LN(W_f r) + LN(W_p place))`` for each region: UNITER's image embedder (arXiv:1909.11740, section 3.1).

    Args:
        features: Numbers that describe a region, without its place.
        width: Of the states.

    >>> seen = Regions(4, width=8)(torch.cat([torch.ones(2, 3, 4), torch.zeros(2, 3, 7)], 2))
    >>> seen.tokens.shape, seen.mask.all().item()
    (torch.Size([2, 3, 8]), True)
    """

    def __init__(self, features: int, *, width: int = 128) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"features": features, "width": width}
        self.features, self.width = features, width
        self.look, self.look_norm = nn.Linear(features, width), nn.LayerNorm(width)
        self.place, self.place_norm = nn.Linear(PLACE, width), nn.LayerNorm(width)
        self.norm = nn.LayerNorm(width)

    def embed(self, regions: Tensor) -> Tensor:
        """(n, R, features + 7) to (n, R, width)."""
        look, place = regions.split([self.features, PLACE], -1)
        found: Tensor = self.norm(self.look_norm(self.look(look)) + self.place_norm(self.place(place)))
        return found

    def forward(self, regions: Tensor, *, tokens: Tensor | None = None) -> Encoded:
        """(n, R, features + 7) to states; the last seven are :func:`places`, rows of zeros are padding."""
        mask = (regions != 0).any(-1)
        tokens = self.embed(regions) if tokens is None else tokens
        return Encoded(masked_mean(tokens, mask), tokens, mask)


def places(boxes: Tensor) -> Tensor:
    """Boxes (..., 4) as x0, y0, x1, y1, shares of the side, to seven numbers: those, width, height and area.

    >>> [round(x, 2) for x in places(torch.tensor([0.0, 0.5, 0.5, 1.0])).tolist()]
    [0.0, 0.5, 0.5, 1.0, 0.5, 0.5, 0.25]
    """
    x0, y0, x1, y1 = boxes.unbind(-1)
    return torch.stack([x0, y0, x1, y1, x1 - x0, y1 - y0, (x1 - x0) * (y1 - y0)], -1)
