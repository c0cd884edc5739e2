# mypy: disallow-subclassing-any=False
"""How scores, targets and candidates become a loss per anchor: softmax, sigmoid, hinge, circle.

Every form takes (n, m) scores of n anchors, (n, m) targets and (n, m) candidates, and gives (n,) losses and (n,)
flags, False for an anchor without a positive: there is nothing to be learned from it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.objectives.constant import constant
from openitr.objectives.targets import shares


class Form(nn.Module):
    """Base of all forms: fill in :meth:`forward`."""

    def forward(self, scores: Tensor, targets: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """(n, m) three times, to (n,) losses and (n,) bool."""
        raise NotImplementedError


class Softmax(Form):
    """Cross-entropy of the targets, rows divided by their sums, against the softmax over the candidates.

    Args:
        tau: Temperature; the scale of the scores is its inverse.
        learn: Whether the logarithm of the scale is a parameter; the scale never exceeds 100 (CLIP).
        smoothing: Share of the mass spread evenly over the candidates.
    """

    def __init__(self, tau: float = 0.07, *, learn: bool = True, smoothing: float = 0.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(tau)), requires_grad=learn)
        self.smoothing = smoothing

    def forward(self, scores: Tensor, targets: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        logits = scores * self.log_scale.to(scores.dtype).exp().clamp(max=100.0)
        counts = (targets > 0).any(1)
        # An anchor that does not count still needs finite numbers, or its gradient would be NaN.
        there = candidates | (targets > 0) | ~counts[:, None]
        wanted = shares(targets)
        if self.smoothing:
            wanted = (1 - self.smoothing) * wanted + self.smoothing * shares(there.to(scores.dtype))
        logp = logits.masked_fill(~there, -torch.inf).log_softmax(1).masked_fill(~there, 0.0)
        return -(wanted * logp).sum(1) * counts, counts


class Sigmoid(Form):
    """Each pair is judged for itself, match or not (SigLIP, arXiv:2303.15343).

    ``L_i = -sum_j log sigmoid(z_ij (s S_ij + b))``, z = 1 for a match and -1 for none.

    Args:
        scale: ``s`` at the start.
        bias: ``b`` at the start: most pairs are no match.
    """

    def __init__(self, scale: float = 10.0, bias: float = -10.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    def forward(self, scores: Tensor, targets: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        logits = scores * self.log_scale.to(scores.dtype).exp() + self.bias.to(scores.dtype)
        match = targets > 0
        judged = F.logsigmoid(torch.where(match, logits, -logits)) * (candidates | match)
        return -judged.sum(1), torch.ones(len(scores), dtype=torch.bool, device=scores.device)


class Hinge(Form):
    """``sum over positives p and candidates n of [margin - S_p + S_n]_+``.

    Args:
        margin: By how much a positive should be ahead.
    """

    def __init__(self, margin: float = 0.2) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, scores: Tensor, targets: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        match = targets > 0
        # Most anchors have one positive or a few: (n, few, m) costs, not (n, m, m).
        few = max(1, int(match.sum(1).max())) if len(match) else 1
        which = match.to(scores.dtype).topk(few, 1).indices
        own, real = scores.gather(1, which), match.gather(1, which)
        cost = (self.margin - own[:, :, None] + scores[:, None, :]).relu()
        cost = cost * real[:, :, None] * (candidates & ~match)[:, None, :]
        return cost.sum((1, 2)), match.any(1)


class Circle(Form):
    """Circle loss (Sun et al. 2020, arXiv:2002.10857): each score is pulled by how far it is from its optimum.

    ``L = softplus(logsumexp_n g a_n (S_n - m) + logsumexp_p -g a_p (S_p - (1 - m)))`` with
    ``a_n = [S_n + m]_+`` and ``a_p = [1 + m - S_p]_+``, which are constants to the gradient.

    Args:
        margin: ``m``.
        gamma: ``g``, the scale.
    """

    def __init__(self, margin: float = 0.25, gamma: float = 32.0) -> None:
        super().__init__()
        self.margin, self.gamma = margin, gamma

    def forward(self, scores: Tensor, targets: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        match = targets > 0
        negative = candidates & ~match
        push = constant((scores + self.margin).relu()) * (scores - self.margin) * self.gamma
        pull = constant((1 + self.margin - scores).relu()) * (1 - self.margin - scores) * self.gamma
        counts = match.any(1) & negative.any(1)
        # An anchor that does not count still needs finite numbers, or its gradient would be NaN.
        push = push.masked_fill(~negative, -torch.inf).masked_fill(~counts[:, None], 0.0)
        pull = pull.masked_fill(~match, -torch.inf).masked_fill(~counts[:, None], 0.0)
        return F.softplus(push.logsumexp(1) + pull.logsumexp(1)) * counts, counts
