# mypy: disallow-subclassing-any=False
"""Circle loss between pictures and texts."""

from __future__ import annotations

from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Circle


class CircleLoss(Contrastive):
    """The circle loss in both directions: scores far from their optimum are pulled harder.

    Args:
        margin: Positives should exceed ``1 - margin``, negatives stay below ``margin``.
        gamma: Scale.

    References:
        Sun et al. 2020, arXiv:2002.10857.

    >>> import torch
    >>> from openitr.objectives import Batch
    >>> round(CircleLoss()(Batch(torch.eye(3), torch.eye(3))).item(), 3)
    0.036
    """

    def __init__(self, margin: float = 0.25, gamma: float = 32.0) -> None:
        super().__init__(form=Circle(margin, gamma))
