# mypy: disallow-subclassing-any=False
"""Long-CLIP's loss: the whole of a picture for long texts, its rough outline for short ones."""

from __future__ import annotations

import torch
from torch import Tensor

from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant
from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax


def primary_components(vectors: Tensor, k: int = 32) -> Tensor:
    """Vectors with only the ``k`` main directions of their batch kept: (n, d) to (n, d).

    Centred, projected on the first right singular vectors, put back, the mean added. With k of at least the rank the
    vectors come back as they were. The directions are constants to the gradient (ours: that of a singular vector has no
    bound where two singular values meet).

    Args:
        vectors: (n, d).
        k: Directions.

    >>> x = torch.eye(4)
    >>> torch.allclose(primary_components(x, 4), x, atol=1e-6), primary_components(x, 0)[0].tolist()
    (True, [0.25, 0.25, 0.25, 0.25])
    """
    mean = vectors.mean(0, keepdim=True)
    centred = vectors - mean
    with torch.no_grad():
        kept = torch.linalg.svd(centred.detach(), full_matrices=False).Vh[:k]
    kept = constant(kept)
    return centred @ kept.T @ kept + mean


class LongShort(Objective):
    """InfoNCE of pictures with their long texts, and of their main components with their short ones.

    A short text tells the main things of a picture only; asking the whole vector to match it as well would drive the
    details out again.

    Args:
        upto: A text of so many ids at most, begin and end among them, is a short one.
        k: Main directions of a batch.
        weight: Of the short texts.
        tau: Temperature at the start.
        smoothing: Of the targets (0.1 in the authors' release).

    Needs:
        ids. Draw a long and a short text of each picture (``Plan(texts=0)``).

    When to use:
        A tower with a stretched window (:class:`openitr.models.LongText`), data with long and short texts.

    References:
        Long-CLIP, Zhang et al. 2024, arXiv:2403.15378, section 3.2.

    >>> v = torch.eye(3)
    >>> sorted(LongShort().parts(Batch(v, v, ids=torch.tensor([[2, 5, 3]] * 3))))
    ['long_i2t', 'long_t2i', 'short_i2t', 'short_t2i']
    """

    needs = ("ids",)

    def __init__(
        self, upto: int = 20, k: int = 32, *, weight: float = 1.0, tau: float = 0.07, smoothing: float = 0.0
    ) -> None:
        super().__init__()
        self.upto, self.k, self.weight = upto, k, weight
        self.contrast = Contrastive(form=Softmax(tau, smoothing=smoothing))

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        assert batch.ids is not None
        short = (batch.ids != 0).sum(1) <= self.upto
        found: dict[str, tuple[float, Tensor, Tensor | None]] = {}
        for name, rows, weight in (("long", ~short, 1.0), ("short", short, self.weight)):
            images = batch.images
            if name == "short":
                images = primary_components(images, self.k)
            if rows.any():
                part = self.contrast.terms(Batch(images, batch.texts[rows], batch.owner[rows]))
            else:
                part = dict.fromkeys(("i2t", "t2i"), (0.5, images.sum(1) * 0, None))
            found |= {f"{name}_{way}": (weight * share, *rest) for way, (share, *rest) in part.items()}
        return found
