# mypy: disallow-subclassing-any=False
"""Axes put together: similarity x targets x mining x form x weighting x reduction."""

from __future__ import annotations

from torch import Tensor

from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant
from openitr.objectives.forms import Form, Softmax
from openitr.objectives.mining import All, Mining
from openitr.objectives.reduction import Reduction
from openitr.objectives.similarity import Dot, Similarity
from openitr.objectives.targets import Own, Targets
from openitr.objectives.weighting import Even, Weighting


class Contrastive(Objective):
    """Pictures against texts and texts against pictures; most published losses are a choice of the parts.

    Args:
        similarity: How a picture and a text are compared.
        targets: What the scores should be.
        mining: Which negatives compete.
        form: How scores and targets become a loss per anchor.
        weighting: How much each anchor counts.
        reduction: From losses to a number.
        directions: Weights of picture-to-text and text-to-picture; 0 leaves a direction out.

    Gives:
        The terms ``i2t`` and ``t2i``.

    >>> import torch
    >>> objective = Contrastive(form=Softmax(0.1))
    >>> loss = objective(Batch(torch.eye(3), torch.eye(3)))
    >>> round(loss.item(), 6)
    9.1e-05
    """

    def __init__(
        self,
        *,
        similarity: Similarity | None = None,
        targets: Targets | None = None,
        mining: Mining | None = None,
        form: Form | None = None,
        weighting: Weighting | None = None,
        reduction: Reduction | None = None,
        directions: tuple[float, float] = (0.5, 0.5),
    ) -> None:
        super().__init__(reduction)
        self.similarity = similarity or Dot()
        self.targets = targets or Own()
        self.mining = mining or All()
        self.form = form or Softmax()
        self.weighting = weighting or Even()
        self.directions = directions
        self.needs = (*self.similarity.needs, *self.targets.needs, *self.weighting.needs)

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        from_image, from_text = self.similarity(batch)
        targets = self.targets(batch, from_image)
        found: dict[str, tuple[float, Tensor, Tensor | None]] = {}
        sides = (("i2t", from_image, targets, False), ("t2i", from_text, targets.T, True))
        for weight, (name, scores, wanted, texts) in zip(self.directions, sides, strict=True):
            if weight:
                candidates = constant(self.mining(scores, wanted))
                values, counts = self.form(scores, wanted, candidates)
                found[name] = weight, values, constant(self.weighting(batch, values, texts)) * counts
        return found
