# mypy: disallow-subclassing-any=False, disable-error-code="no-untyped-call"
"""Computed twice instead of kept: what a gradient needs is made again when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Work = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def again(work: Work, one: Tensor, other: Tensor, parameters: Sequence[Tensor] = ()) -> tuple[Tensor, Tensor]:
    """``work(one, other)``, without keeping what lies between: the gradient computes it once more.

    The same as ``torch.utils.checkpoint``, which loads torch's compiler at its first call, 100 MB and seconds (ours).

    Args:
        work: Two tensors to two, of which the first carries a gradient. Random draws are the same both times.
        one: What it is given.
        other: The same.
        parameters: What else it reads that learns.

    >>> x, y = torch.tensor([3.0], requires_grad=True), torch.tensor([2.0])
    >>> value, flag = again(lambda a, b: (a * a * b, a > 0), x, y)
    >>> value.sum().backward(); value.item(), flag.item(), x.grad.item()
    (18.0, True, 12.0)
    """
    values, flags = _Again.apply(work, one, other, *parameters)
    return values, flags


def draws() -> list[Tensor]:
    """State of the random numbers that dropout and samples draw from."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [])]


def draw_from(state: list[Tensor]) -> None:
    """Go on from a state that :func:`draws` gave."""
    torch.set_rng_state(state[0])
    if len(state) > 1:
        torch.cuda.set_rng_state_all(state[1:])


class _Again(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, work: Work, one: Tensor, other: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        ctx.work, ctx.draws = work, draws()
        ctx.save_for_backward(one, other, *parameters)
        values, flags = work(one, other)
        ctx.mark_non_differentiable(flags)
        return values, flags

    @staticmethod
    def backward(ctx: Any, slope: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        one, other, *parameters = ctx.saved_tensors
        # The first of the four is the work, which has no gradient.
        wanted = ctx.needs_input_grad[1:]
        here = draws()
        draw_from(ctx.draws)
        with torch.enable_grad(), torch.autocast(one.device.type, enabled=False):
            first, second = (x.detach().requires_grad_(need) for x, need in zip((one, other), wanted, strict=False))
            values, _flags = ctx.work(first, second)
            learned = [x for x, need in zip((first, second, *parameters), wanted, strict=True) if need]
            # The slope of this sum is the gradient; handing it over makes torch load sympy, 20 MB.
            found = iter(torch.autograd.grad((values * slope).sum(), learned, allow_unused=True))
        draw_from(here)
        return None, *(next(found) if need else None for need in wanted)
