# mypy: disallow-subclassing-any=False
"""InfoNCE whose targets soften as training goes on."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from openitr.errors import InputError
from openitr.objectives.batch import Batch
from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax
from openitr.objectives.targets import Targets, shares


class Softening(Targets):
    """``1 - eps`` for the own texts and ``eps`` for all others together, evenly or as alike as they are now.

    Args:
        share: ``eps``; may be changed between steps.
        spread: "even", or "alike": by the softmax of the scores at ``tau``.
        tau: Temperature of the likeness.

    References:
        LightCLIP, 2023, arXiv:2312.00674, section 3.2; "alike" is one reading of it, ours.
    """

    def __init__(self, share: float = 0.0, spread: Literal["even", "alike"] = "even", tau: float = 0.1) -> None:
        if spread not in ("even", "alike"):
            raise InputError(f"there is no spread {spread!r}", 'use "even" or "alike"')
        self.share, self.spread, self.tau = share, spread, tau

    def weights(self, batch: Batch, scores: Tensor) -> Tensor:
        own = batch.positives()
        rest = torch.ones_like(scores) if self.spread == "even" else (scores / self.tau).softmax(1)
        rest = shares(rest.masked_fill(own, 0.0))
        # A picture without another's text has nothing to give away to.
        eps = self.share * rest.sum(1, keepdim=True)
        return (1 - eps) * shares(own.to(scores.dtype)) + eps * rest


class Softened(Contrastive):
    """Progressively softened contrast: the share of the targets that negatives get grows from 0 over the first steps.

    Args:
        most: The share at the end.
        steps: Steps until then; a plan has epochs times pictures over batch.
        spread: Who gets it, "even" or "alike"; see :class:`Softening`.
        tau: Temperature at the start; learned.

    When to use:
        Small models, and data in which many negatives are half right (short or repeated captions).

    Relations:
        ``info-nce`` with label smoothing softens from the first step, and gives the own text a part of it.

    References:
        LightCLIP, Nie et al. 2023, arXiv:2312.00674.

    >>> v = torch.eye(3)
    >>> objective, batch = Softened(0.3, steps=2), Batch(v, v)
    >>> first = objective(batch).item(); objective.update(batch); objective.update(batch); objective.share
    0.3
    >>> objective(batch).item() > first
    True
    """

    def __init__(
        self, most: float = 0.2, steps: int = 1000, spread: Literal["even", "alike"] = "even", tau: float = 0.07
    ) -> None:
        super().__init__(targets=Softening(0.0, spread), form=Softmax(tau))
        self.most, self.steps = most, steps
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    @property
    def share(self) -> float:
        """The share at this step."""
        return self.most * min(1.0, int(self.seen) / max(1, self.steps))

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        assert isinstance(self.targets, Softening)
        self.targets.share = self.share
        return super().terms(batch)

    def update(self, batch: Batch) -> None:
        """One step further."""
        self.seen += 1
