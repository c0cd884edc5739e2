# mypy: disallow-subclassing-any=False
"""Hinge losses on triplets: VSE++ and the directional ranking loss of 2015."""

from __future__ import annotations

from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Hinge
from openitr.objectives.mining import All, Hardest, Mining
from openitr.objectives.reduction import Sum


class Triplet(Contrastive):
    """``sum_i [m - S_ii + max_j S_ij]_+ + [m - S_ii + max_j S_ji]_+`` over the hardest negatives.

    Args:
        margin: ``m``.

    When to use:
        Fine-tuning a model that is already good; from scratch the hardest negatives can collapse it.

    References:
        VSE++, Faghri et al. 2017, arXiv:1707.05612.

    >>> import torch
    >>> from openitr.objectives import Batch
    >>> Triplet(0.2)(Batch(torch.eye(3), torch.eye(3))).item()
    0.0
    """

    def __init__(self, margin: float = 0.2) -> None:
        super().__init__(form=Hinge(margin), mining=Hardest(), reduction=Sum(), directions=(1.0, 1.0))


class DirectionalRank(Contrastive):
    """``lam [m - S_ii + S_ij]_+ + (1 - lam) [m - S_ii + S_ji]_+``, averaged over pairs: which side is favoured?

    ``lam = 1`` compares a picture with wrong texts and trains annotation, ``lam = 0`` a text with wrong pictures and
    trains search.

    Args:
        lam: Weight of picture-to-text, 0 to 1.
        margin: ``m``.
        mining: Which negatives; all of the batch, the hardest, or a random share.

    References:
        "Deep learning for image-text matching" (2015); batch form and defaults are ours.

    >>> import torch
    >>> from openitr.objectives import Batch
    >>> round(DirectionalRank(1.0, 0.5)(Batch(torch.tensor([[1.0], [1.0]]), torch.tensor([[1.0], [1.0]]))).item(), 4)
    0.5
    """

    def __init__(self, lam: float = 0.5, margin: float = 0.2, mining: Mining | None = None) -> None:
        super().__init__(form=Hinge(margin), mining=mining or All(), directions=(lam, 1 - lam))
