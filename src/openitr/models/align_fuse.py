# mypy: disallow-subclassing-any=False
"""Align before fuse: two towers that search, and a fusion encoder on top of them that judges."""

from __future__ import annotations

from typing import Any

from torch import nn

from openitr.models.blocks import Block
from openitr.models.fusion import FusionEncoder, Joined
from openitr.models.tower import Encoded


class AlignThenFuse(FusionEncoder):
    """The words' states look at the patches' through cross-attention; the first word's state tells whether they match.

    Vectors for the search cost what a dual encoder's cost; the fusion encoder runs for the best of them alone.

    Args:
        image: Tower; its ``tokens`` are looked at.
        text: Tower over ids; its ``tokens`` look.
        dim: Width of the vectors.
        depth: Blocks of the fusion encoder (6 in the paper).
        heads: Of its attention.
        share: Chance of each word to be hidden.
        tau: Temperature at which wrong pairs are drawn.

    References:
        ALBEF, Li et al. 2021, arXiv:2107.07651, section 3.1.

    >>> import torch
    >>> from openitr.models import TextTransformer, ViT
    >>> image, text = ViT(32, patch=8, width=32, depth=1), TextTransformer(50, width=32, depth=1)
    >>> model = AlignThenFuse(image, text, dim=16, depth=1)
    >>> model.match(torch.zeros(3, 3, 32, 32), torch.tensor([[2, 7, 9, 3]])).shape
    torch.Size([3])
    """

    def __init__(
        self,
        image: nn.Module,
        text: nn.Module,
        dim: int = 128,
        *,
        depth: int = 2,
        heads: int = 4,
        share: float = 0.15,
        tau: float = 0.07,
    ) -> None:
        super().__init__(image, text, dim, whole=text.width, words=text.width, share=share, tau=tau)
        self.config: dict[str, Any] = {"depth": depth, "heads": heads, "share": share, "tau": tau}
        self.fusion = nn.ModuleList(Block(text.width, heads, memory_width=image.width) for _ in range(depth))
        self.fusion_norm = nn.LayerNorm(text.width)

    def fuse(self, image: Encoded, text: Encoded) -> Joined:
        assert image.states is not None and text.states is not None
        states = text.states
        for block in self.fusion:
            states = block(states, text.mask, image.states, image.mask)
        states = self.fusion_norm(states)
        return Joined(states[:, 0], states, text.mask, image.states, image.mask)
