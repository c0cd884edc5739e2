# mypy: disallow-subclassing-any=False
"""InfoNCE: the loss of CLIP and ALIGN, and the baseline of everything here."""

from __future__ import annotations

from torch import Tensor

from openitr.objectives.batch import Batch
from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax


class InfoNCE(Contrastive):
    """Mean of row-wise and column-wise cross-entropy of the scaled cosines, each pair the only right answer.

    Args:
        tau: Temperature at the start.
        learn: Whether it is learned.
        smoothing: Label smoothing (0.1 in ALIGN, arXiv:2102.05918; 0 in CLIP).

    When to use:
        Pairs that are mostly right, one text per picture and step, captions that differ.

    Relations:
        ``OneToK`` for several texts at once, ``UniCL`` and ``Scold`` where many captions mean the same.

    References:
        Oord et al. 2018, arXiv:1807.03748; Radford et al. 2021, arXiv:2103.00020.

    >>> import torch
    >>> round(InfoNCE(0.1)(Batch(torch.eye(3), torch.eye(3))).item(), 6)
    9.1e-05
    """

    def __init__(self, tau: float = 0.07, *, learn: bool = True, smoothing: float = 0.0) -> None:
        super().__init__(form=Softmax(tau, learn=learn, smoothing=smoothing))


def info_nce(images: Tensor, texts: Tensor, temperature: float = 0.07) -> Tensor:
    """InfoNCE of (B, d) unit vectors with a fixed temperature, in one call.

    >>> import torch
    >>> round(info_nce(torch.eye(3), torch.eye(3), 0.1).item(), 6)
    9.1e-05
    """
    return InfoNCE(temperature, learn=False).to(images.device)(Batch(images, texts))
