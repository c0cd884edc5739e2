# mypy: disallow-subclassing-any=False
"""A mixture of relation experts: each word goes through the few linear maps that its gate chooses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from openitr.errors import InputError
from openitr.models.tower import masked_mean


class RelationExperts(nn.Module):
    """``y = sum over the k best experts e of g_e W_e x`` per token, with ``g = softmax(W_g x)`` (MORE of CLARE).

    "Left of", "on" and "behind" turn the same two nouns into different queries; with one map for all words they share
    it, with experts each kind of word has its own. The gates of the chosen are used as they are, not rescaled to sum
    to one, so the gate learns too where k is 1 (ours; the paper does not say).

    Args:
        dim: Width in and out.
        n: Experts.
        k: How many of them a token uses.
        out: Width out; ``dim`` when None.

    Raises:
        InputError: k outside 1 to n.

    References:
        Hao et al. 2025, arXiv:2506.18246; top-k gating of Shazeer et al. 2017, arXiv:1701.06538.

    >>> experts = RelationExperts(8, n=4, k=2)
    >>> experts(torch.randn(3, 5, 8)).shape, experts.pool(torch.randn(3, 5, 8), torch.ones(3, 5).bool()).shape
    (torch.Size([3, 5, 8]), torch.Size([3, 8]))
    """

    def __init__(self, dim: int, n: int = 4, k: int = 2, *, out: int | None = None) -> None:
        super().__init__()
        if not 1 <= k <= n:
            raise InputError(f"{k} of {n} experts cannot be chosen", "use k from 1 to n")
        self.k = k
        self.gate = nn.Linear(dim, n, bias=False)
        self.experts = nn.Parameter(torch.empty(n, dim, out or dim))
        nn.init.xavier_uniform_(self.experts)

    def gates(self, tokens: Tensor) -> Tensor:
        """(..., dim) to (..., n): the softmax, zero for experts that a token does not use."""
        shares = self.gate(tokens).softmax(-1)
        chosen = shares.topk(self.k, -1).indices
        return torch.zeros_like(shares).scatter(-1, chosen, shares.gather(-1, chosen))

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, L, dim) to (n, L, out)."""
        # All experts are computed and most weighted by zero: with a handful of them that beats gathering on a CPU.
        through = torch.einsum("...d,edo->...eo", tokens, self.experts)
        return (self.gates(tokens).unsqueeze(-1) * through).sum(-2)

    def pool(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(n, L, dim) and (n, L) bool to one vector per text: the mean over its real tokens, (n, out)."""
        return masked_mean(self(tokens), mask)
