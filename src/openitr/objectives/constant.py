"""Stop-gradient that a finite-difference check can hold still.

Soft targets, mined negatives and weights are computed from the embeddings but are treated as constants by the
gradient. A finite difference would see them move and disagree. Inside :func:`held`, the values of the first
evaluation are used again by the later ones, so that what is differentiated is what the gradient claims.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor


class Held:
    """The constants of the first evaluation, in order."""

    def __init__(self) -> None:
        self.values: list[Tensor] = []
        self.at: int | None = None

    def again(self) -> None:
        """Begin another evaluation; from the second on, the kept values are given back."""
        if self.at is not None or self.values:
            self.at = 0

    def take(self, value: Tensor) -> Tensor:
        if self.at is None:
            self.values.append(value)
            return value
        kept, self.at = self.values[self.at], self.at + 1
        return kept


_holding: ContextVar[Held | None] = ContextVar("holding", default=None)


def constant(value: Tensor) -> Tensor:
    """``value`` without its gradient: what papers write sg().

    >>> import torch
    >>> constant(torch.ones(1, requires_grad=True)).requires_grad
    False
    """
    holding = _holding.get()
    return value.detach() if holding is None else holding.take(value.detach())


@contextmanager
def held() -> Iterator[Held]:
    """Keep the constants of the first evaluation for all later ones inside the ``with``."""
    kept = Held()
    token = _holding.set(kept)
    try:
        yield kept
    finally:
        _holding.reset(token)
