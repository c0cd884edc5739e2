# mypy: disallow-subclassing-any=False
"""A text transformer over word ids."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from openitr.models.blocks import Block
from openitr.models.tower import Encoded, masked_mean


class TextTransformer(nn.Module):
    """Ids of words to one state per text and one per word.

    Args:
        vocab: Number of ids; id 0 is padding.
        length: Longest text, ids.
        width, depth, heads: Of the transformer.
        pool: "mean" over the words, "first" or "last": the state of the first or last real id.
        causal: Words see only what stands before them (for decoders; pool "last" then).
        dropout: Inside the blocks, while training.

    Attributes:
        blocks: The transformer blocks.

    >>> tower = TextTransformer(100, length=16, width=64, depth=2)
    >>> seen = tower(torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]]))
    >>> seen.pooled.shape, seen.mask.tolist()
    (torch.Size([2, 64]), [[True, True, True, True], [True, True, True, False]])
    """

    def __init__(
        self,
        vocab: int,
        *,
        length: int = 32,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        pool: Literal["mean", "first", "last"] = "mean",
        causal: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "vocab": vocab,
            "length": length,
            "width": width,
            "depth": depth,
            "heads": heads,
            "pool": pool,
            "causal": causal,
            "dropout": dropout,
        }
        self.length, self.width, self.pool = length, width, pool
        self.words = nn.Embedding(vocab, width)
        nn.init.normal_(self.words.weight, std=0.02)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads, causal=causal, dropout=dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def embed(self, ids: Tensor) -> Tensor:
        """(n, L) int64 to word vectors (n, L, width), before positions are added."""
        return self.words(ids)

    def forward(
        self, ids: Tensor | None = None, *, mask: Tensor | None = None, tokens: Tensor | None = None
    ) -> Encoded:
        """Ids (n, L), or what :meth:`embed` gives (n, L, width), to states.

        Args:
            ids: (n, L) int64, L at most ``length``; may be left out when ``tokens`` are given.
            mask: (n, L), true for real words; by default the ids that are not 0, or all tokens.
            tokens: (n, L, width) instead of the ids' own vectors: perturbed ones, mixed ones, ones being searched for.
        """
        states, mask = self.begin(ids, mask=mask, tokens=tokens)
        for block in self.blocks:
            states = block(states, mask)
        return self.end(states, mask)

    def begin(
        self, ids: Tensor | None = None, *, mask: Tensor | None = None, tokens: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What enters the first block (n, L, width), and which words are real (n, L)."""
        tokens = self.embed(ids) if tokens is None else tokens
        if mask is None:
            mask = torch.ones(tokens.shape[:2], device=tokens.device) if ids is None else ids != 0
        return tokens + self.places()[: tokens.shape[1]], mask.bool()

    def places(self) -> Tensor:
        """(length, width): what is added to the words for where they stand."""
        return self.positions

    def end(self, states: Tensor, mask: Tensor) -> Encoded:
        """What left the last block, normed and pooled."""
        states = self.norm(states)
        if self.pool == "mean":
            return Encoded(masked_mean(states, mask), states, mask)
        if self.pool == "first":
            return Encoded(states[:, 0], states, mask)
        last = (mask.sum(1) - 1).clamp(min=0)
        return Encoded(states[torch.arange(len(states), device=states.device), last], states, mask)
