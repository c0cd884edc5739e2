# mypy: disallow-subclassing-any=False
"""A vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929), small enough for two CPU cores."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from openitr.errors import InputError
from openitr.models.blocks import Block
from openitr.models.tower import Encoded


class ViT(nn.Module):
    """Square pictures to one state each and one per patch.

    Args:
        image_size: Side of the picture, pixels; a multiple of ``patch``.
        patch: Side of a patch, pixels.
        width, depth, heads: Of the transformer.
        pool: "mean" over the patches, or "first": a learned class token.
        dropout: Inside the blocks, while training.

    Attributes:
        blocks: The transformer blocks; :func:`openitr.models.attention_maps` shows what they look at.

    >>> tower = ViT(32, patch=8, width=64, depth=2)
    >>> seen = tower(torch.zeros(3, 3, 32, 32))
    >>> seen.pooled.shape, seen.tokens.shape
    (torch.Size([3, 64]), torch.Size([3, 16, 64]))
    """

    def __init__(
        self,
        image_size: int = 32,
        *,
        patch: int = 4,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        pool: Literal["mean", "first"] = "mean",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if image_size % patch:
            raise InputError(
                f"patches of {patch} pixels do not tile a picture of {image_size}", f"use a multiple of {patch}"
            )
        self.config: dict[str, Any] = {
            "image_size": image_size,
            "patch": patch,
            "width": width,
            "depth": depth,
            "heads": heads,
            "pool": pool,
            "dropout": dropout,
        }
        self.image_size, self.width, self.grid, self.pool = image_size, width, image_size // patch, pool
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.positions = nn.Parameter(torch.randn(self.grid**2, width) * 0.02)
        self.first = nn.Parameter(torch.randn(width) * 0.02) if pool == "first" else None
        self.blocks = nn.ModuleList(Block(width, heads, dropout=dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def embed(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in [-1, 1] to patch vectors (n, P, width), row by row, before positions are added."""
        return self.patches(images).flatten(2).transpose(1, 2)

    def forward(self, images: Tensor | None = None, *, tokens: Tensor | None = None) -> Encoded:
        """Pictures, or what :meth:`embed` gives (n, P, width), to states."""
        states = self.begin(images, tokens=tokens)
        for block in self.blocks:
            states = block(states)
        return self.end(states)

    def begin(self, images: Tensor | None = None, *, tokens: Tensor | None = None) -> Tensor:
        """What enters the first block: (n, P, width), or (n, 1 + P, width) with the class token."""
        states = (self.embed(images) if tokens is None else tokens) + self.positions
        return states if self.first is None else torch.cat([self.first.expand(len(states), 1, -1), states], 1)

    def end(self, states: Tensor) -> Encoded:
        """What left the last block, normed and pooled."""
        states = self.norm(states)
        patches = states if self.first is None else states[:, 1:]
        pooled = patches.mean(1) if self.first is None else states[:, 0]
        return Encoded(pooled, patches, torch.ones(patches.shape[:2], dtype=torch.bool, device=patches.device))
