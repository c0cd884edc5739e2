# mypy: disallow-subclassing-any=False
"""One transformer over regions and words together."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from openitr.errors import ShapeError
from openitr.models.blocks import Block
from openitr.models.fusion import FusionEncoder, Joined
from openitr.models.tower import Encoded


class SingleStream(FusionEncoder):
    """Words and regions concatenated; every one sees every other in every block.

    Nothing of a pair can be computed before both are there, so this re-scores what another model found. The vectors
    that it has as well are means of its embeddings: they draw hard wrong pairs, and are no good for a search.

    Args:
        image: Gives tokens without looking further, such as :class:`~openitr.models.Regions`.
        text: The same for words, such as ``TextTransformer(depth=0)``; of the same width.
        dim: Width of those vectors.
        depth, heads: Of the joint transformer.
        share: Chance of each word to be hidden.
        tau: Temperature at which wrong pairs are drawn.

    Raises:
        ShapeError: Towers of different widths.

    References:
        UNITER, Chen et al. 2020, arXiv:1909.11740.

    >>> from openitr.models import Regions, TextTransformer
    >>> model = SingleStream(Regions(4, width=32), TextTransformer(50, width=32, depth=0), dim=16, depth=1)
    >>> model.match(torch.rand(3, 5, 11), torch.tensor([[2, 7, 9, 3]])).shape
    torch.Size([3])
    """

    def __init__(
        self,
        image: nn.Module,
        text: nn.Module,
        dim: int = 64,
        *,
        depth: int = 3,
        heads: int = 4,
        share: float = 0.15,
        tau: float = 0.07,
    ) -> None:
        if image.width != text.width:
            raise ShapeError(
                f"regions of width {image.width} and words of width {text.width} cannot stand in one sequence",
                "use the same width",
            )
        width = text.width
        super().__init__(image, text, dim, whole=width, words=width, share=share, tau=tau)
        self.config: dict[str, Any] = {"depth": depth, "heads": heads, "share": share, "tau": tau}
        self.kinds = nn.Parameter(torch.randn(2, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def fuse(self, image: Encoded, text: Encoded) -> Joined:
        assert image.states is not None and text.states is not None
        states = torch.cat([text.states + self.kinds[0], image.states + self.kinds[1]], 1)
        mask = torch.cat([text.mask, image.mask], 1)
        for block in self.blocks:
            states = block(states, mask)
        words, patches = self.norm(states).split([text.mask.shape[1], image.mask.shape[1]], 1)
        return Joined(words[:, 0], words, text.mask, patches, image.mask)
