# mypy: disallow-subclassing-any=False
"""The one call of every objective: a batch in, a number out."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from openitr.errors import ShapeError
from openitr.objectives.batch import Batch
from openitr.objectives.reduction import Mean, Reduction


class Objective(nn.Module):
    """A loss with its own parameters (temperature, margins, class vectors), if it has any.

    A subclass writes :meth:`terms`: named lists of summands with their weights. Everything else is here: half
    precision is widened, each list is reduced, the terms are added. :meth:`parts` gives the numbers by name.

    Attributes:
        needs: Fields of :class:`~openitr.objectives.Batch` that must be there beside the two embeddings.
        one_text: Whether it is for one text per picture, in the same order, and refuses anything else.

    >>> class Pull(Objective):
    ...     def terms(self, batch):
    ...         return {"pull": (1.0, 1 - (batch.images[batch.owner] * batch.texts).sum(1), None)}
    >>> Pull()(Batch(torch.eye(2), torch.eye(2))).item()
    0.0
    """

    needs: tuple[str, ...] = ()
    one_text: ClassVar[bool] = False

    def __init__(self, reduction: Reduction | None = None) -> None:
        super().__init__()
        self.reduction = reduction or Mean()

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        """By name: the weight of the term, its summands (n,), and how much each of them counts (None: evenly)."""
        raise NotImplementedError

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        """The terms as numbers, before they are weighted and added."""
        return {name: value for name, (_, value) in self._reduced(batch).items()}

    def weighted(self, batch: Batch) -> dict[str, Tensor]:
        """The terms as numbers, each times its weight: their sum is the loss."""
        return {name: weight * value for name, (weight, value) in self._reduced(batch).items()}

    def forward(self, batch: Batch) -> Tensor:
        """The loss, a scalar.

        Raises:
            ShapeError: The batch has not what the objective :attr:`needs`.
        """
        return torch.stack(list(self.weighted(batch).values())).sum()

    def update(self, batch: Batch) -> None:
        """What is remembered of a batch after the optimiser's step (queues, averages); most remember nothing."""

    def _reduced(self, batch: Batch) -> dict[str, tuple[float, Tensor]]:
        batch.need(*self.needs)
        if self.one_text and not torch.equal(batch.owner, torch.arange(len(batch.images), device=batch.owner.device)):
            raise ShapeError(
                f"{type(self).__name__} takes one text per picture, in the same order", "draw one text per picture"
            )
        with torch.autocast(batch.images.device.type, enabled=False):
            terms = self.terms(batch.float())
            return {name: (w, self.reduction(values, counts)) for name, (w, values, counts) in terms.items()}
