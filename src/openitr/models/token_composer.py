# mypy: disallow-subclassing-any=False
"""FAFA: one vector for reference and text, several for a target, the best few of which count."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from openitr.models.prompt_composer import QueryFormer
from openitr.models.tower import masked_mean


class TokenComposer(nn.Module):
    """f = norm(W_t words of QFormer(reference, text)), V = norm(W_v queries of QFormer(target)).

    The scores, the mean of the k best f . V_j, and the losses are those of :mod:`openitr.objectives.fafa`. The paper
    reads the CLS word of BLIP-2's Q-Former; here it is the mean of the words, since nothing is pre-trained (ours).

    Args:
        vocab: Number of ids of the texts.
        seen: Width of the pictures' tokens, which come from a frozen tower.
        dim: Of the common space.
        queries: Tokens of a target; the paper has 32.
        width, depth: Of the transformer.

    References:
        Liu et al. 2023, composed person retrieval, arXiv:2311.16515.

    >>> import torch
    >>> composer = TokenComposer(50, 16, dim=8, queries=4, width=32, depth=1)
    >>> composer.compose(torch.randn(3, 9, 16), torch.ones(3, 5, dtype=torch.int64)).shape
    torch.Size([3, 8])
    >>> composer.targets(torch.randn(2, 9, 16)).shape
    torch.Size([2, 4, 8])
    """

    def __init__(
        self, vocab: int, seen: int, *, dim: int = 64, queries: int = 8, width: int = 64, depth: int = 2
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"vocab": vocab, "seen": seen, "dim": dim, "queries": queries}
        self.former = QueryFormer(vocab, seen, width=width, depth=depth, queries=queries)
        self.text_head, self.vision_head = nn.Linear(width, dim), nn.Linear(width, dim)
        self.count = queries

    def compose(self, reference: Tensor, ids: Tensor) -> Tensor:
        """(n, dim) unit vectors of references (n, P, seen) under texts (n, L)."""
        states = self.former(reference, ids)[:, self.count :]
        return F.normalize(self.text_head(masked_mean(states, ids != 0)), dim=-1)

    def targets(self, tokens: Tensor) -> Tensor:
        """(m, queries, dim) unit vectors of pictures."""
        return F.normalize(self.vision_head(self.former(tokens)), dim=-1)
