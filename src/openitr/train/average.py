"""The moving average of a model's weights: steadier than they are themselves, and the slow teacher of some losses."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


class Average:
    """Exponential moving average of weights and buffers.

    Args:
        model: Copied as it is.
        decay: Share of the old value that is kept at each step; less in the first steps, ``(1 + n) / (10 + n)``.

    >>> model = nn.Linear(1, 1, bias=False)
    >>> average = Average(model, 0.5)
    >>> before = model.weight.item()
    >>> with torch.no_grad():
    ...     _ = model.weight.add_(1)
    >>> average.update(model)
    >>> round(average.model.weight.item() - before, 4)    # the first step keeps (1 + 1) / (10 + 1) of the old
    0.8182
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self.decay, self.steps = decay, 0

    def update(self, model: nn.Module) -> None:
        """Move towards a model; whole numbers (counters) are copied."""
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        new = model.state_dict()
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(new[name], 1 - keep)
                else:
                    value.copy_(new[name])
