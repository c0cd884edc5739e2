# mypy: disallow-subclassing-any=False
"""Locked towers: trained elsewhere, and left as they are."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Module = TypeVar("Module", bound=nn.Module)


class _Still(nn.Module):
    """Mixed into a locked module's class: it stays in evaluation mode when what holds it is trained."""

    def train(self, mode: bool = True) -> _Still:
        super().train(False)
        return self


def lock(module: Module) -> Module:
    """Freeze a module in place: no gradients, and evaluation mode whatever its parent's (LiT, arXiv:2111.07991).

    Batch statistics, dropout and weights are after training what they were before.

    >>> tower = lock(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)))
    >>> nn.ModuleList([tower]).train()[0].training, any(p.requires_grad for p in tower.parameters())
    (False, False)
    """
    module.requires_grad_(False)
    module.eval()
    if not isinstance(module, _Still):
        module.__class__ = type(type(module).__name__, (_Still, type(module)), {"__module__": type(module).__module__})
    return module
