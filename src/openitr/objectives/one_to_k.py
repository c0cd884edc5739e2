# mypy: disallow-subclassing-any=False
"""One picture, K texts at once: translations or paraphrases."""

from __future__ import annotations

from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax


class OneToK(Contrastive):
    """A picture is aligned with all its texts in the same step, each with an equal share.

    ``L_i2t = -mean_i mean_k log softmax(S_i)[(i, k)]`` over all texts of the batch, ``L_t2i`` the usual cross-entropy
    of every text over the pictures, and the mean of both. Pictures may have different numbers of texts: a missing
    language is simply not there.

    Args:
        tau: Temperature at the start.
        learn: Whether it is learned.

    When to use:
        Captions in several languages, or several captions per picture.

    References:
        CCRK, 2024, arXiv:2406.18254.

    >>> import torch
    >>> from openitr.objectives import Batch
    >>> v = torch.eye(2)
    >>> batch = Batch(v, v.repeat_interleave(3, 0), owner=torch.tensor([0, 0, 0, 1, 1, 1]))
    >>> round(OneToK(0.1)(batch).item(), 3)
    0.549
    """

    def __init__(self, tau: float = 0.07, *, learn: bool = True) -> None:
        super().__init__(form=Softmax(tau, learn=learn))
