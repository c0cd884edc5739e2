# mypy: disallow-subclassing-any=False
"""Deep Boosting Learning: a target matcher must separate better than an already trained anchor does."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from openitr.errors import InputError
from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant
from openitr.objectives.reduction import Sum


class Boost(Objective):
    """Triplet with hardest negatives, and a boost: separate by a margin more than the anchor separates.

    Absolute: positives above the anchor's by ``m g``, hardest negatives below by ``m (1 - g)``:
    ``2 sum_i [m g + A_ii - S_ii]_+ + sum_i max_j [m (1 - g) + S_ij - A_ij]_+`` and the columns' maximum. Relative: the
    gap, ``sum_i max_j [m + (A_ii - A_ij) - (S_ii - S_ij)]_+`` and the columns'.

    Args:
        kind: "abs" or "rel".
        margin: ``m``, of triplet and boost.
        gamma: ``g``, the positives' part of the margin.
        alpha: Weight of the boost.

    Needs:
        plain: the anchor's scores of the same pairs.

    When to use:
        A second model, or a second branch, when one is trained already; only the second is kept.

    References:
        Deep Boosting Learning, 2024, arXiv:2404.18114.

    >>> from openitr.objectives import Batch
    >>> scores = torch.eye(3)
    >>> round(Boost("rel").parts(Batch(scores, scores, plain=scores))["boost"].item() / (2 * 3), 4)
    0.2
    """

    needs = ("plain",)
    one_text = True

    def __init__(
        self, kind: Literal["abs", "rel"] = "rel", margin: float = 0.2, gamma: float = 0.5, alpha: float = 1.0
    ) -> None:
        super().__init__(Sum())
        if kind not in ("abs", "rel"):
            raise InputError(f"there is no boost {kind!r}", 'use "abs" or "rel"')
        self.kind, self.margin, self.gamma, self.alpha = kind, margin, gamma, alpha

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        scores, anchor = batch.images @ batch.texts.T, batch.plain
        assert anchor is not None
        anchor = constant(anchor.to(scores.dtype))
        triplet = self._hinge(scores, torch.zeros_like(scores), self.margin)
        if self.kind == "rel":
            boost = self._hinge(scores, anchor, self.margin)
        else:
            gain = scores - anchor
            pull = 2 * (self.margin * self.gamma - gain.diagonal()).relu()
            push = _off_diagonal(self.margin * (1 - self.gamma) + gain)
            boost = torch.cat([pull, *(_hardest(side) for side in (push, push.T))])
        return {"triplet": (1.0, triplet, None), "boost": (self.alpha, boost, None)}

    def _hinge(self, scores: Tensor, anchor: Tensor, margin: float) -> Tensor:
        """``max_j [m + (A_ii - A_ij) - (S_ii - S_ij)]_+`` by rows, then by columns."""
        gain = scores - anchor
        own = gain.diagonal()
        sides = margin - own[:, None] + gain, margin - own[None] + gain
        return torch.cat([_hardest(_off_diagonal(sides[0])), _hardest(_off_diagonal(sides[1]).T)])


def _off_diagonal(costs: Tensor) -> Tensor:
    """Hinged costs, nothing on the diagonal."""
    return costs.relu().masked_fill(torch.eye(len(costs), dtype=torch.bool, device=costs.device), 0.0)


def _hardest(costs: Tensor) -> Tensor:
    return costs.amax(1)
