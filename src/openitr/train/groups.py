"""Which parameters learn, how fast, and which of them decay."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from openitr.errors import InputError
from openitr.train.plan import Plan

# "layers", "layer" and "resblocks" are what transformers and open_clip call them.
_BLOCK = re.compile(r"^(image|text)\.(?:[\w.]+\.)?(?:blocks|stages|layers|layer|resblocks)\.(\d+)\.")
_HEADS = ("image_head.", "text_head.")
_LAST = ("norm.", "out.", "post_layernorm.", "final_layer_norm.", "ln_post.", "head.")


def parameter_groups(model: nn.Module, objective: nn.Module, plan: Plan) -> list[dict[str, Any]]:
    """Groups for an optimiser, each with its ``share`` of the learning rate.

    Frozen parameters are switched off (``requires_grad``). Matrices decay; biases, norms and what the objective learns
    do not. With ``layer_decay`` below 1, the last block learns at the full rate, each one before it slower by the
    factor, and what comes before the blocks slowest.

    Args:
        model: A dual encoder.
        objective: Its parameters always learn at the full rate.
        plan: ``freeze``, ``layer_decay`` and ``decay``.

    Raises:
        InputError: A prefix in ``freeze`` that no parameter has, or nothing left to learn.
    """
    names = [name for name, _ in model.named_parameters()]
    for prefix in plan.freeze:
        if not any(name.startswith(prefix) for name in names):
            tops = sorted({".".join(name.split(".")[:2]) for name in names})
            raise InputError(f"no parameter's name begins with {prefix!r}", f"there are: {', '.join(tops)}")
    depth = _depths(names)
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and not name.startswith(plan.freeze or ("\0",)))
        if parameter.requires_grad:
            share = plan.layer_decay ** _distance(name, depth)
            found.setdefault((share, plan.decay if parameter.ndim > 1 else 0.0), []).append(parameter)
    if not found:
        raise InputError("every parameter of the model is frozen", "leave some of it to learn")
    learned = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    if learned:
        found.setdefault((1.0, 0.0), []).extend(learned)
    return [
        {"params": p, "share": share, "weight_decay": decay} for (share, decay), p in sorted(found.items(), key=_key)
    ]


def _key(item: tuple[tuple[float, float], Any]) -> tuple[float, float]:
    return item[0]


def _depths(names: list[str]) -> dict[str, int]:
    """Number of blocks of each side."""
    depth = {"image": 0, "text": 0}
    for name in names:
        if match := _BLOCK.match(name):
            depth[match[1]] = max(depth[match[1]], int(match[2]) + 1)
    return depth


def _distance(name: str, depth: dict[str, int]) -> int:
    """Blocks between a parameter and the head of its side."""
    if match := _BLOCK.match(name):
        return depth[match[1]] - 1 - int(match[2])
    side = name.split(".")[0]
    if name.startswith(_HEADS) or side not in depth or name.startswith(tuple(f"{side}.{last}" for last in _LAST)):
        return 0
    return depth[side]
