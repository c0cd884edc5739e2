"""What every tower gives: one state per item, one per token, and which tokens are real."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Encoded(NamedTuple):
    """What a tower or a dual encoder says of a batch.

    Attributes:
        pooled: (n, width), one vector per item.
        tokens: (n, L, width), one per patch or word; the class token is not among them.
        mask: (n, L) bool, False where a token is padding.
        states: (n, L, any width) what a fusion model goes on with; None where nothing goes on.
    """

    pooled: Tensor
    tokens: Tensor
    mask: Tensor
    states: Tensor | None = None

    def take(self, rows: Tensor) -> Encoded:
        """The same of chosen items, with repeats if wanted."""
        return Encoded(*(None if part is None else part[rows] for part in self))


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Mean of the real tokens: (n, L, d) and (n, L) to (n, d); an item without one gives zeros.

    >>> import torch
    >>> masked_mean(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]])).tolist()
    [[2.0]]
    """
    weights = mask.to(tokens.dtype).unsqueeze(-1)
    return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1)


def masked_max(tokens: Tensor, mask: Tensor) -> Tensor:
    """Maximum of the real tokens, per channel: (n, L, d) and (n, L) to (n, d)."""
    return tokens.masked_fill(~mask.unsqueeze(-1), -1e4).amax(1)
