# mypy: disallow-subclassing-any=False
"""The things of a picture, each seen among the others: what "the square left of the circle" must be compared with."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from openitr.models.blocks import Block
from openitr.models.tower import Encoded, masked_mean


class InstanceTower(nn.Module):
    """Features and boxes of a picture's things to one state per thing, which knows its neighbours.

    A detector that decodes its boxes together, as the deformable DETR of CLARE does, gives such states; this is the
    part after the detector, for boxes and features from anywhere (ours).

    Args:
        features: Width of what is known of each thing.
        width, heads: Of the transformer.
        depth: Blocks; 0 leaves every thing alone.
        places: Whether the boxes are seen; False with depth 0 is the encoder of bare crops.

    >>> tower = InstanceTower(10, width=16, depth=1)
    >>> boxes = torch.tensor([[[0.0, 0.0, 0.5, 0.5], [0.5, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]])
    >>> tower(torch.randn(1, 3, 10), boxes, torch.tensor([[True, True, False]])).tokens.shape
    torch.Size([1, 3, 16])
    """

    def __init__(self, features: int, *, width: int = 128, depth: int = 2, heads: int = 4, places: bool = True) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "features": features,
            "width": width,
            "depth": depth,
            "heads": heads,
            "places": places,
        }
        self.width = width
        self.look = nn.Sequential(nn.Linear(features, width), nn.GELU(), nn.Linear(width, width))
        self.place = nn.Linear(6, width) if places else None
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor, boxes: Tensor, mask: Tensor) -> Encoded:
        """Things to states.

        Args:
            features: (n, M, features).
            boxes: (n, M, 4) left, top, right, bottom as shares of the picture.
            mask: (n, M) bool, False for padding.

        Returns:
            Tokens (n, M, width), and their mean over the real ones as the picture.
        """
        states = self.look(features)
        if self.place is not None:
            middle = (boxes[..., :2] + boxes[..., 2:]) / 2
            states = states + self.place(torch.cat([boxes, middle], -1) * 2 - 1)
        for block in self.blocks:
            states = block(states, mask)
        states = self.norm(states)
        return Encoded(masked_mean(states, mask), states, mask)
