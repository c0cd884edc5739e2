# mypy: disallow-subclassing-any=False
"""Multi-label cluster discrimination: a picture belongs to several of many clusters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import ShapeError
from openitr.objectives.angular import with_margin
from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch


class ClusterDiscrimination(Objective):
    """Positives and negatives apart: ``log(1 + sum_N' exp(s_j)) + log(1 + sum_P exp(-s_i))`` for each picture.

    ``s_j = g cos(v, W_j)`` with learned class vectors W; for the picture's own classes the angle is widened by a
    margin. N' is a random share of the other classes, the same for the whole batch, drawn anew after every step. Texts
    are not looked at.

    Args:
        classes: How many clusters.
        dim: Width of the vectors.
        margin: Radians.
        scale: ``g``.
        share: Of the negative classes in N', 0 to 1: fewer are lighter, and hit false negatives less often.
        seed: Of the draws.

    Needs:
        labels: (B,) the cluster of each picture, or (B, l) its clusters, from
            :class:`openitr.train.clusters.Clusters`; -1 for none.

    When to use:
        Pictures without texts, before a text tower is fitted to them (freeze the image tower then).

    References:
        MLCD, An et al. 2024, arXiv:2407.17331; margin and scale as in UNICOM, arXiv:2304.05884.

    >>> objective = ClusterDiscrimination(5, 2, share=1.0)
    >>> loss = objective(Batch(torch.eye(2), torch.eye(2), labels=torch.tensor([[0, 3], [1, 3]])))
    >>> sorted(objective.parts(Batch(torch.eye(2), torch.eye(2), labels=torch.tensor([0, 1]))))
    ['away', 'towards']
    """

    needs = ("labels",)

    def __init__(
        self, classes: int, dim: int, margin: float = 0.3, scale: float = 64.0, share: float = 0.1, seed: int = 0
    ) -> None:
        super().__init__()
        self.margin, self.scale, self.share, self.seed = margin, scale, share, seed
        self.centres = nn.Parameter(torch.randn(classes, dim) * 0.01)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        labels = batch.labels
        assert labels is not None
        own = self.own(labels)
        cosines = batch.images @ F.normalize(self.centres.to(batch.images.dtype), dim=1).T
        against = ~own & self.drawn()[None].to(own.device)
        away = (self.scale * cosines).masked_fill(~against, -torch.inf)
        towards = (-self.scale * with_margin(cosines, self.margin)).masked_fill(~own, -torch.inf)
        zero = torch.zeros_like(cosines[:, :1])
        return {
            "away": (1.0, torch.cat([zero, away], 1).logsumexp(1), None),
            "towards": (1.0, torch.cat([zero, towards], 1).logsumexp(1), None),
        }

    def own(self, labels: Tensor) -> Tensor:
        """(B, classes) bool: the clusters of each picture.

        Raises:
            ShapeError: A label beyond the classes.
        """
        wide = labels[:, None] if labels.ndim == 1 else labels
        if wide.numel() and int(wide.max()) >= len(self.centres):
            raise ShapeError(f"label {int(wide.max())} and {len(self.centres)} classes", "set classes higher")
        found = torch.zeros(len(wide), len(self.centres) + 1, dtype=torch.bool, device=wide.device)
        # -1 goes into a column of its own, which is cut off.
        return found.scatter(1, wide % (len(self.centres) + 1), True)[:, :-1]

    def drawn(self) -> Tensor:
        """(classes,) bool: which may be negatives in this step."""
        made = torch.Generator().manual_seed(self.seed * 1_000_003 + int(self.steps))
        return torch.rand(len(self.centres), generator=made) < self.share

    def update(self, batch: Batch) -> None:
        """The next step draws other negatives."""
        self.steps += 1
