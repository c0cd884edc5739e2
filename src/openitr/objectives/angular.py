"""Angular margins: a right class must be closer by an angle, not by a difference of cosines."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def with_margin(cosines: Tensor, margin: float) -> Tensor:
    """``cos(theta + m)`` of ``cos(theta)``, continued as ``cos(theta) - m sin(m)`` beyond ``theta = pi - m``.

    Without the continuation, an angle near pi would be drawn away (ArcFace, Deng et al. 2019, arXiv:1801.07698).

    Args:
        cosines: Any shape.
        margin: ``m``, radians.

    >>> round(with_margin(torch.tensor([1.0]), math.pi / 3).item(), 4)    # cos(0 + 60 degrees)
    0.5
    """
    # The square root has no slope at 0; there, the sine is a constant.
    sines = (1 - cosines.square()).clamp(min=1e-12).sqrt()
    turned = cosines * math.cos(margin) - sines * math.sin(margin)
    # The sine's floor leaves a trace of 1e-6 at cosine 1; beyond the limit a line goes on.
    return torch.where(cosines > math.cos(math.pi - margin), turned, cosines - margin * math.sin(margin))
