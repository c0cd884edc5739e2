# mypy: disallow-subclassing-any=False
"""Transformer blocks whose attention can be looked at, masked, and entered from another sequence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError


class Attention(nn.Module):
    """Multi-head attention of a sequence to itself or to another one (Vaswani et al. 2017, arXiv:1706.03762).

    Args:
        width: Of the states that ask.
        heads: Divides ``width``.
        causal: A position sees only itself and what stands before it.
        memory_width: Of the states that are asked; ``width`` when None.

    >>> attention = Attention(8, 2)
    >>> attention(torch.randn(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, width: int, heads: int, *, causal: bool = False, memory_width: int | None = None) -> None:
        super().__init__()
        if width % heads:
            raise InputError(f"{heads} heads do not divide a width of {width}", "use a divisor of the width")
        self.heads, self.causal = heads, causal
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(memory_width or width, 2 * width)
        self.out = nn.Linear(width, width)
        self.maps: list[Tensor] | None = None

    def forward(self, states: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """(n, L, width), optionally (n, M, memory_width) to look at, and (n, M) bool, False for padding."""
        memory = states if memory is None else memory
        query, (key, value) = self._split(self.query(states)), self.key_value(memory).chunk(2, -1)
        key, value = self._split(key), self._split(value)
        allowed = None if mask is None else mask[:, None, None, :]
        if self.causal:
            ahead = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool, device=query.device).tril()
            allowed = ahead if allowed is None else allowed & ahead
        if self.maps is None:
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        else:
            scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
            weights = (scores if allowed is None else scores.masked_fill(~allowed, -1e9)).softmax(-1)
            self.maps.append(weights)
            mixed = weights @ value
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Block(nn.Module):
    """Pre-norm transformer block: attention to itself, optionally to a memory, then a two-layer net.

    Args:
        width, heads: As of :class:`Attention`.
        causal: For decoders.
        memory_width: Width of the memory it can look at; None builds no cross-attention.
        dropout: On the output of both branches while training.

    >>> Block(8, 2)(torch.randn(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self, width: int, heads: int, *, causal: bool = False, memory_width: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(width), Attention(width, heads, causal=causal)
        self.cross: Attention | None = None
        if memory_width is not None:
            self.cross_norm = nn.LayerNorm(width)
            self.cross = Attention(width, heads, memory_width=memory_width)
        self.net_norm = nn.LayerNorm(width)
        self.net = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(
        self,
        states: Tensor,
        mask: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """(n, L, width) with (n, L) bool, and the memory with its own mask; without a memory, the cross part rests."""
        states = states + self.drop(self.attention(self.norm(states), mask=mask))
        if self.cross is not None and memory is not None:
            states = states + self.drop(self.cross(self.cross_norm(states), memory, memory_mask))
        return states + self.drop(self.net(self.net_norm(states)))


@contextmanager
def attention_maps(module: nn.Module) -> Iterator[list[Tensor]]:
    """Collect every attention map that ``module`` computes inside the ``with``, in order of computation.

    Each is (n, heads, L, M), rows sum to 1, and is part of the graph: gradients can be taken with respect to it.

    >>> block = Block(8, 2)
    >>> with attention_maps(block) as maps:
    ...     _ = block(torch.randn(3, 5, 8))
    >>> [tuple(m.shape) for m in maps]
    [(3, 2, 5, 5)]
    """
    found = [part for part in module.modules() if isinstance(part, Attention)]
    maps: list[Tensor] = []
    for part in found:
        part.maps = maps
    try:
        yield maps
    finally:
        for part in found:
            part.maps = None
