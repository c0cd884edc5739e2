# mypy: disallow-subclassing-any=False
"""Axes put together: similarity x targets x mining x form x weighting x reduction."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from openitr.objectives.again import again
from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant
from openitr.objectives.forms import Form, Softmax
from openitr.objectives.mining import All, Mining
from openitr.objectives.reduction import Reduction
from openitr.objectives.similarity import Dot, Similarity
from openitr.objectives.targets import Own, Targets
from openitr.objectives.weighting import Even, Weighting

# Scores that are there at a time: a megabyte of them stays in the cache of a core.
PART = 2**18


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
        found: dict[str, tuple[float, Tensor, Tensor | None]] = {}
        for weight, texts, (values, counts) in self._sides(batch):
            counted = constant(self.weighting(batch, values, texts)) * counts
            found["t2i" if texts else "i2t"] = weight, values, counted
        return found

    def _sides(self, batch: Batch) -> Iterator[tuple[float, bool, tuple[Tensor, Tensor]]]:
        """Weight, whether texts ask, and the losses of the anchors with their flags, of each direction that counts."""
        ways = [(weight, texts) for weight, texts in zip(self.directions, (False, True), strict=True) if weight]
        if self.similarity.by_rows and self.targets.by_rows and len(batch.images) * len(batch.texts) > PART:
            yield from ((weight, texts, self._in_parts(batch, texts)) for weight, texts in ways)
            return
        from_image, from_text = self.similarity(batch)
        targets = self.targets(batch, from_image)
        for weight, texts in ways:
            yield weight, texts, self._judge(*((from_text, targets.T) if texts else (from_image, targets)))

    def _judge(self, scores: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self.form(scores, wanted, constant(self.mining(scores, wanted)))
        return found

    def _in_parts(self, batch: Batch, texts: bool) -> tuple[Tensor, Tensor]:
        """As :meth:`_judge`, some anchors at a time; their scores are made again for the gradient, not kept."""
        asking, asked = (batch.texts, batch.images) if texts else (batch.images, batch.texts)
        learned = [*self.similarity.parameters(), *self.form.parameters()]
        first, found = 0, []
        for part in asking.split(max(1, PART // len(asked))):
            # A text whose picture is not in the part has an owner that none of its pictures is.
            owner = batch.owner[first : first + len(part)] if texts else batch.owner - first
            first += len(part)

            def of_part(part: Tensor, asked: Tensor, owner: Tensor = owner) -> tuple[Tensor, Tensor]:
                some = Batch(asked, part, owner) if texts else Batch(part, asked, owner)
                from_image, from_text = self.similarity(some)
                targets = self.targets(some, from_image)
                return self._judge(*((from_text, targets.T) if texts else (from_image, targets)))

            found.append(again(of_part, part, asked, learned))
        values, counts = zip(*found, strict=True)
        return torch.cat(values), torch.cat(counts)
