# mypy: disallow-subclassing-any=False
"""SCOLD: softened targets where many captions mean the same concept."""

from __future__ import annotations

from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax
from openitr.objectives.targets import Alike, SameLabel


class Scold(Contrastive):
    """Targets shared among all pictures of a concept: ``Y_ij = (1 - eps) 1[c_i = c_j] / n_ci + eps / B``.

    Args:
        eps: Mass spread evenly over the batch.
        tau: Temperature at the start; learned.

    Needs:
        labels: the concept of each picture.

    When to use:
        Few concepts, many pictures of each (diseases, species, products).

    References:
        SCOLD, 2025; the exact form of the targets is ours.

    >>> import torch
    >>> from openitr.objectives import Batch
    >>> round(Scold(0.0)(Batch(torch.eye(2), torch.eye(2), labels=torch.tensor([1, 1]))).item(), 2)
    7.14
    """

    def __init__(self, eps: float = 0.1, tau: float = 0.07) -> None:
        super().__init__(targets=SameLabel(eps), form=Softmax(tau))


class SoftContext(Contrastive):
    """The own text, and a share for texts that say nearly the same; needs no labels (SCOLD's "context" mode).

    Args:
        share: Mass that is given away.
        likeness: Temperature of the likeness of texts.
        tau: Temperature at the start; learned.

    When to use:
        Captions that repeat themselves, without labels that say so.

    >>> import torch
    >>> from openitr.objectives import Batch
    >>> t = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> round(SoftContext(0.5)(Batch(torch.eye(2), t)).item(), 3)
    3.918
    """

    def __init__(self, share: float = 0.3, likeness: float = 0.1, tau: float = 0.07) -> None:
        super().__init__(targets=Alike(share, likeness), form=Softmax(tau))
