"""The settings of a training, in one place, with values that work on two cores."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from openitr.errors import InputError


@dataclass(frozen=True)
class Plan:
    """How a model is trained.

    Args:
        epochs: Passes over the pictures.
        batch: Pictures per step.
        rate: Highest learning rate, reached after the warm-up and then lowered along a cosine to 0.
        warmup: Share of the steps in which the rate rises.
        decay: Weight decay of AdamW, on matrices only.
        clip: Largest norm of the gradient.
        accumulate: Steps whose gradients are added before the optimiser moves; each contrasts only its own batch.
        micro: Rows in a tower at a time, with gradients of the whole batch (cached); 0 for no caching.
        average: Decay of the moving average of the weights, which is what is measured and kept; 0 for none.
        freeze: Prefixes of parameter names that stay as they are ("image." or "text.words").
        layer_decay: Each block further from the head learns slower by this factor; 1 for one rate.
        texts: Texts drawn per picture and step; 0 takes all it has.
        precision: "bfloat16" runs the towers under autocast; losses are float32 in any case.
        shift: Pictures are moved by up to so many pixels while training.
        mirror: Pictures are mirrored half of the time: not where left and right matter.
        patience: Stop when the held-out RSUM has not risen for so many epochs; 0 never stops.
        seed: Everything random follows from it.

    Raises:
        InputError: A value out of range, by name.

    >>> [round(Plan(rate=1.0, warmup=0.4).rate_at(step, 5), 2) for step in range(5)]
    [0.5, 1.0, 1.0, 0.75, 0.25]
    """

    epochs: int = 10
    batch: int = 64
    rate: float = 1e-3
    warmup: float = 0.1
    decay: float = 0.05
    clip: float = 1.0
    accumulate: int = 1
    micro: int = 0
    average: float = 0.99
    freeze: tuple[str, ...] = ()
    layer_decay: float = 1.0
    texts: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    shift: int = 0
    mirror: bool = False
    patience: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        ranges: dict[str, tuple[float, float]] = {
            "epochs": (1, 10**6),
            "batch": (1, 10**6),
            "rate": (1e-12, 100),
            "warmup": (0, 1),
            "decay": (0, 10),
            "clip": (1e-9, 1e9),
            "accumulate": (1, 10**4),
            "micro": (0, 10**6),
            "average": (0, 1),
            "layer_decay": (0.01, 1),
            "texts": (0, 1000),
            "shift": (0, 64),
            "patience": (0, 10**6),
            "seed": (0, 2**31 - 1),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"{name} is {value}", f"use {low:g} to {high:g}")
        if self.precision not in ("float32", "bfloat16"):
            raise InputError(f"precision is {self.precision!r}", 'use "float32" or "bfloat16"')

    def rate_at(self, step: int, steps: int) -> float:
        """Learning rate of one step out of ``steps``: up in a straight line, down along a cosine."""
        rising = max(1, round(self.warmup * steps))
        if step < rising:
            return self.rate * (step + 1) / rising
        done = (step - rising) / max(1, steps - rising)
        return self.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "freeze": list(self.freeze)}
