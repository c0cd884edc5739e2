# mypy: disallow-subclassing-any=False
"""InfoNCE without the pairs that it fails at: where some pairs are wrong, those are mostly they."""

from __future__ import annotations

from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax
from openitr.objectives.weighting import Trimmed


class SmallLoss(Contrastive):
    """InfoNCE over the anchors of a batch with the smallest losses; the others are left out of the step.

    Args:
        share: How many are left out, 0 to 1: about as many as there are wrong pairs.
        tau: Temperature at the start; learned.

    When to use:
        Pairs from the web or from weak labels, of which a good part is wrong. On clean data it costs some recall.

    Relations:
        ``info-nce`` with :class:`~openitr.objectives.Trimmed` weights.

    References:
        Small-loss selection: Co-teaching, Han et al. 2018, arXiv:1804.06872, there with two networks.

    >>> import torch
    >>> from openitr.objectives import Batch, InfoNCE
    >>> v, wrong = torch.eye(4), torch.eye(4)[[0, 1, 3, 2]]
    >>> SmallLoss(0.5)(Batch(v, wrong)).item() < 1e-4 < InfoNCE()(Batch(v, wrong)).item()
    True
    """

    def __init__(self, share: float = 0.2, tau: float = 0.07) -> None:
        super().__init__(form=Softmax(tau), weighting=Trimmed(share))
