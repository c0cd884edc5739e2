"""How much each anchor counts. No gradient passes."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from openitr.objectives.batch import Batch


class Weighting:
    """Base of all weightings: fill in :meth:`__call__`.

    Attributes:
        needs: Fields of the batch beside the two embeddings.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    def __call__(self, batch: Batch, values: Tensor, texts: bool) -> Tensor:
        """Weights of the anchors' losses ``values``: (M,) of texts, or (B,) of pictures."""
        raise NotImplementedError


class Even(Weighting):
    """Every anchor counts the same."""

    def __call__(self, batch: Batch, values: Tensor, texts: bool) -> Tensor:
        return torch.ones_like(values)


class ByTrust(Weighting):
    """As much as its pair is trusted.

    Needs:
        trust
    """

    needs = ("trust",)

    def __call__(self, batch: Batch, values: Tensor, texts: bool) -> Tensor:
        assert batch.trust is not None
        trust = batch.trust.to(values.dtype)
        return trust[batch.owner] if texts else trust


class Trimmed(Weighting):
    """The anchors with the highest losses are left out: in noisy data they are mostly wrong pairs.

    Args:
        share: How many of them, 0 to 1 (small-loss selection, Co-teaching, arXiv:1804.06872).
    """

    def __init__(self, share: float = 0.2) -> None:
        self.share = share

    def __call__(self, batch: Batch, values: Tensor, texts: bool) -> Tensor:
        keep = len(values) - int(self.share * len(values))
        weights = torch.zeros_like(values)
        weights[values.detach().argsort(stable=True)[:keep]] = 1
        return weights
