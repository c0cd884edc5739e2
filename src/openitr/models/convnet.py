# mypy: disallow-subclassing-any=False
"""A convolutional tower: residual depthwise blocks after ConvNeXt (Liu et al. 2022, arXiv:2201.03545)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from openitr.errors import InputError
from openitr.models.tower import Encoded


class ConvBlock(nn.Module):
    """Depthwise 5 x 5, norm over the channels, two pointwise layers, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm = nn.GroupNorm(1, width)
        self.up, self.down = nn.Conv2d(width, 2 * width, 1), nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w), both ways."""
        return x + self.down(nn.functional.gelu(self.up(self.norm(self.spread(x)))))


class ConvNet(nn.Module):
    """Square pictures to one state each and one per cell of the last grid.

    No layer mixes the pictures of a batch, so a picture's vector does not depend on its neighbours.

    Args:
        image_size: Side of the picture, pixels; a multiple of ``patch * 2 ** (len(widths) - 1)``.
        patch: Stride of the stem, pixels.
        widths: Channels of each stage; the side halves from one to the next.
        depth: Blocks per stage.

    >>> tower = ConvNet(32, widths=(32, 64))
    >>> seen = tower(torch.zeros(3, 3, 32, 32))
    >>> seen.pooled.shape, seen.tokens.shape
    (torch.Size([3, 64]), torch.Size([3, 16, 64]))
    """

    def __init__(
        self, image_size: int = 32, *, patch: int = 4, widths: Sequence[int] = (48, 96, 128), depth: int = 2
    ) -> None:
        super().__init__()
        shrink = patch * 2 ** (len(widths) - 1)
        if image_size % shrink:
            raise InputError(
                f"a picture of {image_size} pixels cannot be shrunk {shrink} times", f"use a multiple of {shrink}"
            )
        self.config: dict[str, Any] = {
            "image_size": image_size,
            "patch": patch,
            "widths": list(widths),
            "depth": depth,
        }
        self.image_size, self.width, self.grid = image_size, widths[-1], image_size // shrink
        self.patches = nn.Conv2d(3, widths[0], patch, patch)
        self.stages = nn.ModuleList()
        for stage, width in enumerate(widths):
            halve = [nn.Conv2d(widths[stage - 1], width, 2, 2)] if stage else []
            self.stages.append(nn.Sequential(*halve, *(ConvBlock(width) for _ in range(depth))))
        self.norm = nn.LayerNorm(self.width)

    def embed(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in [-1, 1] to the stem's cells (n, P, widths[0]), row by row."""
        return self.patches(images).flatten(2).transpose(1, 2)

    def forward(self, images: Tensor | None = None, *, tokens: Tensor | None = None) -> Encoded:
        """Pictures, or what :meth:`embed` gives, to states."""
        x = self.embed(images) if tokens is None else tokens
        side = self.image_size // self.config["patch"]
        x = x.transpose(1, 2).unflatten(2, (side, side))
        for stage in self.stages:
            x = stage(x)
        cells = self.norm(x.flatten(2).transpose(1, 2))
        return Encoded(cells.mean(1), cells, torch.ones(cells.shape[:2], dtype=torch.bool, device=cells.device))
