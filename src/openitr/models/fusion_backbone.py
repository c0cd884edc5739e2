# mypy: disallow-subclassing-any=False
"""Fusion in the backbone: the same towers are a dual encoder with gates closed and a fusion encoder with gates open."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from openitr.errors import InputError
from openitr.models.blocks import Attention, Block
from openitr.models.dual import through
from openitr.models.fusion import FusionEncoder, Joined
from openitr.models.text import TextTransformer
from openitr.models.tower import Encoded
from openitr.models.vit import ViT


class Gate(nn.Module):
    """``alpha * CrossAttention(Q=a, K=V=other)`` with alpha learned from 0: at first a block does what it did without.

    Args:
        width: Of the states that look.
        other: Of those that are looked at.
        heads: Of the attention.
    """

    def __init__(self, width: int, other: int, heads: int) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(width), Attention(width, heads, memory_width=other)
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, looked: Tensor, other: Tensor, mask: Tensor | None) -> Tensor:
        """(n, L, width) of what self-attention gave, (n, M, other) and its (n, M) mask."""
        return self.alpha * self.attention(self.norm(looked), other, mask)


class FusionInBackbone(FusionEncoder):
    """Gated cross-attention inside the last blocks of both towers.

    Vectors come from the towers with gates closed: ``encode_images`` and ``encode_texts`` are those of a dual encoder.
    ``match`` runs the last blocks again with gates open.

    Args:
        image: A :class:`~openitr.models.ViT`.
        text: A :class:`~openitr.models.TextTransformer`.
        dim: Width of the vectors.
        fused: Last blocks of each tower that are gated.
        share: Chance of each word to be hidden.
        tau: Temperature at which wrong pairs are drawn.

    Raises:
        InputError: More gates than a tower has blocks.

    References:
        FIBER, Dou et al. 2022, arXiv:2206.07643, section 3.1. Gates add to the block's own attention as there; what is
        looked at are the states that enter the other tower's block.

    >>> image, text = ViT(32, patch=8, width=32, depth=2), TextTransformer(50, width=32, depth=2)
    >>> model = FusionInBackbone(image, text, dim=16, fused=1)
    >>> model.match(torch.zeros(3, 3, 32, 32), torch.tensor([[2, 7, 9, 3]])).shape
    torch.Size([3])
    """

    def __init__(
        self,
        image: ViT,
        text: TextTransformer,
        dim: int = 128,
        *,
        fused: int = 2,
        share: float = 0.15,
        tau: float = 0.07,
    ) -> None:
        super().__init__(image, text, dim, whole=image.width + text.width, words=text.width, share=share, tau=tau)
        if not 1 <= fused <= min(len(image.blocks), len(text.blocks)):
            raise InputError(
                f"{fused} blocks cannot be gated in towers of {len(image.blocks)} and {len(text.blocks)}",
                "use 1 to the depth of the shallower tower",
            )
        self.config: dict[str, Any] = {"fused": fused, "share": share, "tau": tau}
        self.fused = fused
        heads = image.config["heads"], text.config["heads"]
        self.image_gates = nn.ModuleList(Gate(image.width, text.width, heads[0]) for _ in range(fused))
        self.text_gates = nn.ModuleList(Gate(text.width, image.width, heads[1]) for _ in range(fused))

    def view_images(self, images: Tensor | None = None, *, image_tokens: Tensor | None = None) -> Encoded:
        states = self.image.begin(images, tokens=image_tokens)
        for block in self.image.blocks[: -self.fused]:
            states = block(states)
        below = states
        for block in self.image.blocks[-self.fused :]:
            states = block(states)
        return through(self.image_head, self.image.end(states), below)

    def view_texts(
        self, ids: Tensor | None = None, *, mask: Tensor | None = None, text_embeddings: Tensor | None = None
    ) -> Encoded:
        states, mask = self.text.begin(ids, mask=mask, tokens=text_embeddings)
        for block in self.text.blocks[: -self.fused]:
            states = block(states, mask)
        below = states
        for block in self.text.blocks[-self.fused :]:
            states = block(states, mask)
        return through(self.text_head, self.text.end(states, mask), below)

    def fuse(self, image: Encoded, text: Encoded) -> Joined:
        assert image.states is not None and text.states is not None
        seen, read, mask = image.states, text.states, text.mask
        layers = zip(
            self.image.blocks[-self.fused :],
            self.text.blocks[-self.fused :],
            self.image_gates,
            self.text_gates,
            strict=True,
        )
        for image_block, text_block, image_gate, text_gate in layers:
            seen, read = (
                _gated(image_block, image_gate, seen, None, read, mask),
                _gated(text_block, text_gate, read, mask, seen, None),
            )
        patches, words = self.image.end(seen), self.text.end(read, mask)
        whole = torch.cat([patches.pooled, words.pooled], -1)
        return Joined(whole, words.tokens, words.mask, patches.tokens, patches.mask)


def _gated(
    block: Block, gate: Gate, states: Tensor, mask: Tensor | None, other: Tensor, other_mask: Tensor | None
) -> Tensor:
    looked = block.attention(block.norm(states), mask=mask)
    states = states + block.drop(looked) + gate(looked, other, other_mask)
    return states + block.drop(block.net(block.net_norm(states)))
