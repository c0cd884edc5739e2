"""From summands to one number."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Reduction(Protocol):
    """(n,) summands and (n,) weights, or None for even ones, to a scalar."""

    def __call__(self, values: Tensor, weights: Tensor | None) -> Tensor: ...


class Mean:
    """Weighted mean; nothing that counts gives 0.

    >>> import torch
    >>> Mean()(torch.tensor([2.0, 4.0]), None).item(), Mean()(torch.tensor([2.0, 4.0]), torch.tensor([1.0, 0.0])).item()
    (3.0, 2.0)
    """

    def __call__(self, values: Tensor, weights: Tensor | None) -> Tensor:
        if weights is None:
            return values.sum() / max(1, values.numel())
        total = weights.sum()
        return (values * weights).sum() / total.where(total > 0, total.new_ones(()))


class Sum:
    """Weighted sum (VSE++ and DBL are published so).

    >>> import torch
    >>> Sum()(torch.tensor([2.0, 4.0]), None).item()
    6.0
    """

    def __call__(self, values: Tensor, weights: Tensor | None) -> Tensor:
        return values.sum() if weights is None else (values * weights).sum()


class OverActive:
    """Weighted mean over the summands that are not 0, so that solved triplets do not dilute the rest.

    >>> import torch
    >>> OverActive()(torch.tensor([0.0, 4.0, 2.0]), None).item()
    3.0
    """

    def __call__(self, values: Tensor, weights: Tensor | None) -> Tensor:
        active = (values.detach() != 0).to(values.dtype)
        return Mean()(values, active if weights is None else weights * active)
