# mypy: disallow-subclassing-any=False
"""Angular margins for pictures that must find like pictures, and for the captions that must still find them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.objectives.angular import with_margin
from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch


class ArcMargin(Objective):
    """``-log e(s cos(th_y + m)) / (e(s cos(th_y + m)) + sum_{c != y} e(s cos th_c))`` against learned class vectors.

    Args:
        classes: How many.
        dim: Width of the vectors.
        scale: ``s``.
        margin: ``m``, radians; with 0 it is the softmax over normalised classes.

    Needs:
        labels: (B,) below ``classes``.

    When to use:
        Pictures of known classes or instances that should find each other; it knows no texts, and moves pictures away
        from theirs: refit the text tower afterwards (2SFT), or use ``MCIP``.

    References:
        ArcFace, Deng et al. 2019, arXiv:1801.07698.

    >>> sorted(ArcMargin(2, 2).parts(Batch(torch.eye(2), torch.eye(2), labels=torch.tensor([0, 1]))))
    ['classes']
    """

    needs = ("labels",)

    def __init__(self, classes: int, dim: int, scale: float = 16.0, margin: float = 0.3) -> None:
        super().__init__()
        self.scale, self.margin = scale, margin
        self.centres = nn.Parameter(torch.randn(classes, dim) / dim**0.5)

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        assert batch.labels is not None
        cosines = batch.images @ F.normalize(self.centres.to(batch.images.dtype), dim=1).T
        own = F.one_hot(batch.labels, len(self.centres)).bool()
        logits = self.scale * torch.where(own, with_margin(cosines, self.margin), cosines)
        return {"classes": (1.0, -logits.log_softmax(1)[own], None)}


class CaptionArcMargin(Objective):
    """The captions as classes: ``-log`` of the share of a picture's own captions, each with the margin, among all.

    ``sum_{c in C_i} e(s cos(th_ic + m)) / (that sum + sum_{c not in C_i} e(s cos th_ic))``. With one caption and no
    margin it is the picture-to-text half of InfoNCE at temperature 1/s. A picture without a caption does not count.

    Args:
        scale: ``s``.
        margin: ``m``, radians.

    When to use:
        Beside :class:`ArcMargin`, with a frozen text tower, so that captions go on finding their pictures.

    References:
        MCIP, 2024, arXiv:2409.01936; the exact form is ours.

    >>> v = torch.eye(2)
    >>> round(CaptionArcMargin(10.0, 0.0)(Batch(v, v)).item(), 6)
    4.6e-05
    """

    def __init__(self, scale: float = 16.0, margin: float = 0.3) -> None:
        super().__init__()
        self.scale, self.margin = scale, margin

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        cosines, own = batch.images @ batch.texts.T, batch.positives()
        counts = own.any(1)
        logits = self.scale * torch.where(own, with_margin(cosines, self.margin), cosines)
        # A picture without a caption still needs finite numbers, or its gradient would be NaN.
        mine = logits.masked_fill(~own & counts[:, None], -torch.inf)
        values = logits.logsumexp(1) - mine.logsumexp(1)
        return {"captions": (1.0, values * counts, counts.to(values.dtype))}


class MCIP(Objective):
    """Both together: pictures find their class, and their captions find them.

    Args:
        classes, dim, scale, margin: As of :class:`ArcMargin`; both parts share scale and margin.
        weight: Of the captions.

    Needs:
        labels; several captions per picture (``--texts 0``) and a frozen text tower are what it is made for.

    When to use:
        One vector per picture for search by picture and by text.

    References:
        "Optimizing CLIP models for image retrieval with maintained joint-embedding alignment", 2024, arXiv:2409.01936.

    >>> sorted(MCIP(2, 2).parts(Batch(torch.eye(2), torch.eye(2), labels=torch.tensor([0, 1]))))
    ['captions', 'classes']
    """

    needs = ("labels",)

    def __init__(self, classes: int, dim: int, scale: float = 16.0, margin: float = 0.3, weight: float = 1.0) -> None:
        super().__init__()
        self.classes, self.captions = ArcMargin(classes, dim, scale, margin), CaptionArcMargin(scale, margin)
        self.weight = weight

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        captions = self.captions.terms(batch)["captions"]
        return {**self.classes.terms(batch), "captions": (self.weight, *captions[1:])}
