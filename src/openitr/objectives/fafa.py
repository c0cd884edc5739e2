# mypy: disallow-subclassing-any=False
"""FAFA: a composed query against the best few of a picture's tokens, with tokens kept apart and features made to agree.

TopKSDM                  matches distributions over the mean of the k best token scores
FeatureDiversity         tokens of one picture that are alike are pushed apart
MaskedFeatureReasoning   hidden dimensions of query and target are predicted from one another
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError, ShapeError

_EPS = 1e-8


def top_k_score(queries: Tensor, tokens: Tensor, k: int = 6) -> Tensor:
    """(n, m): mean of the k best products of each query with a picture's tokens.

    Args:
        queries: (n, d) unit vectors.
        tokens: (m, T, d) unit vectors.
        k: 1 is the best token, T the mean of all.

    Raises:
        InputError: k is not between 1 and T.

    >>> top_k_score(torch.eye(2)[:1], torch.eye(2)[None], k=1), top_k_score(torch.eye(2)[:1], torch.eye(2)[None], k=2)
    (tensor([[1.]]), tensor([[0.5000]]))
    """
    if not 1 <= k <= tokens.shape[1]:
        raise InputError(f"k is {k} of {tokens.shape[1]} tokens", "use 1 to the number of tokens")
    return torch.einsum("nd,mtd->nmt", queries, tokens).topk(k, -1).values.mean(-1)


class TopKSDM(nn.Module):
    """Fine-grained dynamic alignment: KL of softmax(s / tau) from soft labels, from queries and from targets.

    A target counts 1 for its own query and ``alpha`` for others of the same identity; labels are normalised by row.

    Args:
        k: Tokens that count.
        alpha: Strength of same-identity labels.
        tau: Temperature at the start; it is learned.

    References:
        Liu et al. 2023, composed person retrieval, arXiv:2311.16515; similarity-distribution matching of Jiang & Ye
        2023, arXiv:2303.12501. From queries and from targets: ours.

    >>> loss = TopKSDM(k=1, tau=0.05)
    >>> bool(loss(torch.eye(3), torch.eye(3)[:, None], torch.arange(3)) < 1e-3)
    True
    """

    def __init__(self, k: int = 6, *, alpha: float = 0.5, tau: float = 0.07) -> None:
        super().__init__()
        if not 0 <= alpha <= 1 or tau <= 0:
            raise InputError(f"alpha {alpha}, tau {tau}", "use 0 to 1, and more than 0")
        self.k, self.alpha = k, alpha
        self.log_tau = nn.Parameter(torch.tensor(tau).log())

    def forward(self, queries: Tensor, tokens: Tensor, identities: Tensor) -> Tensor:
        """The loss of (B, d) queries, (B, T, d) tokens of their targets, and (B,) identities."""
        scores = top_k_score(queries, tokens, self.k) / self.log_tau.exp()
        same = (identities[:, None] == identities[None]).to(scores)
        labels = self.alpha * same
        labels.fill_diagonal_(1.0)
        return _divergence(scores, labels) + _divergence(scores.T, labels.T)


def _divergence(scores: Tensor, labels: Tensor) -> Tensor:
    wanted = labels / labels.sum(1, keepdim=True)
    logs = F.log_softmax(scores, 1)
    return (logs.exp() * (logs - (wanted + _EPS).log())).sum(1).mean()


class FeatureDiversity(nn.Module):
    """Mean relu(c_ab - margin) over pairs of different tokens of one picture, c their cosine.

    Args:
        margin: How alike two tokens may be.

    >>> float(FeatureDiversity()(torch.eye(4)[None]))
    0.0
    """

    def __init__(self, margin: float = 0.5) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, tokens: Tensor) -> Tensor:
        """The loss of (B, T, d) tokens, at least two each."""
        count = tokens.shape[1]
        if count < 2:
            raise ShapeError(f"{count} tokens cannot differ", "give at least two")
        unit = F.normalize(tokens, dim=-1)
        over = F.relu(unit @ unit.transpose(1, 2) - self.margin)
        apart = ~torch.eye(count, dtype=torch.bool, device=tokens.device)
        return over[:, apart].mean()


class MaskedFeatureReasoning(nn.Module):
    """Random dimensions of a query are hidden and predicted from the rest of it and the target's mean token, and back.

    Args:
        dim: Width of the vectors.
        share: Of the dimensions that is hidden.

    >>> MaskedFeatureReasoning(8)(torch.randn(3, 8), torch.randn(3, 4, 8)).shape
    torch.Size([])
    """

    def __init__(self, dim: int, *, share: float = 0.3) -> None:
        super().__init__()
        if not 0 < share < 1:
            raise InputError(f"a share of {share} is hidden", "use more than 0 and less than 1")
        self.share = share
        self.predict = nn.Sequential(nn.Linear(2 * dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Mean squared error on hidden dimensions of (B, d) queries and of the means of (B, T, d) tokens."""
        target = tokens.mean(1)
        return self._one_way(queries, target) + self._one_way(target, queries)

    def _one_way(self, hidden: Tensor, other: Tensor) -> Tensor:
        count = max(1, round(self.share * hidden.shape[1]))
        places = torch.rand_like(hidden).topk(count, 1).indices
        mask = torch.zeros_like(hidden, dtype=torch.bool).scatter(1, places, True)
        made = self.predict(torch.cat([hidden.masked_fill(mask, 0.0), other], 1))
        return F.mse_loss(made[mask], hidden[mask])
