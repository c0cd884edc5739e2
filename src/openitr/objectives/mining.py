"""Which negatives compete: (n, m) scores and targets to a (n, m) bool. No gradient passes."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Mining(Protocol):
    """True where an entry takes part; positives always do, whatever is said of them here."""

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor: ...


class All:
    """Every negative of the batch."""

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        return torch.ones_like(scores, dtype=torch.bool)


class Hardest:
    """The best-scored negatives of each anchor (VSE++, arXiv:1707.05612, with k = 1).

    Args:
        k: How many; fewer where there are fewer.
        above: A negative scored more than this above the worst positive is taken for a false one and left out
            (UniME, arXiv:2504.17432); None keeps all.

    >>> Hardest()(torch.tensor([[0.9, 0.2, 0.5]]), torch.tensor([[1.0, 0.0, 0.0]])).tolist()
    [[False, False, True]]
    """

    def __init__(self, k: int = 1, above: float | None = None) -> None:
        self.k, self.above = k, above

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        scores, positive = scores.detach(), targets > 0
        out = positive.clone()
        if self.above is not None:
            own = scores.masked_fill(~positive, torch.inf).amin(1, keepdim=True)
            out |= scores > own + self.above
        ranked = scores.masked_fill(out, -torch.inf)
        best = ranked.topk(min(self.k, scores.shape[1]), 1)
        keep = torch.zeros_like(out)
        return keep.scatter(1, best.indices, best.values > -torch.inf)


class Sampled:
    """A random share of the negatives, drawn anew each time from torch's own draws, so that a resumed training repeats.

    Args:
        share: In (0, 1].

    >>> Sampled(1.0)(torch.zeros(2, 2), torch.eye(2)).all().item()
    True
    """

    def __init__(self, share: float = 0.1) -> None:
        self.share = share

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        return torch.rand(scores.shape, device=scores.device) < self.share
