"""A training on disk, whole at any moment: tensors as safetensors, everything else as JSON inside the same file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from openitr.errors import ModelError

NAME = "checkpoint.safetensors"
FORMAT = 1


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write beside, then rename: a killed process leaves the old checkpoint or the new one, never half of one."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    # safetensors refuses tensors that share memory; contiguous copies do not.
    plain = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    save_file(plain, part, metadata={"training": json.dumps({"format": FORMAT, **facts})})
    part.replace(path)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What :func:`save` wrote.

    Raises:
        ModelError: No such file, not a checkpoint, or one of a newer OpenITR.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelError(f"{path} is not there", "begin without --resume")
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise ModelError(f"{path} is no checkpoint: {error}", "begin again without --resume") from error
    if int(facts.get("format", 0)) > FORMAT:
        raise ModelError(f"{path} was written by a newer OpenITR", "upgrade with: pip install -U openitr")
    return tensors, facts


def unlike(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """In words, what differs; settings of the plan by name and value.

    >>> unlike({"plan": {"epochs": 2, "seed": 0}, "data": "x"}, {"plan": {"epochs": 3, "seed": 0}, "data": "y"})
    'epochs was 2, not 3; the data is other'
    >>> unlike({"plan": {"seed": 0, "warp": 9}}, {"plan": {"seed": 0}})
    'it has settings that this version does not know'
    """
    plans = there.get("plan", {}), here["plan"]
    settings = [f"{k} was {plans[0].get(k)}, not {v}" for k, v in plans[1].items() if plans[0].get(k) != v]
    others = [f"the {k} is other" for k, v in here.items() if k != "plan" and there.get(k) != v]
    return "; ".join([*settings, *others]) or "it has settings that this version does not know"


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names with a prefix and a bar."""
    return {f"{prefix}|{name}": value for name, value in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one prefix, without it."""
    return {name.partition("|")[2]: value for name, value in tensors.items() if name.startswith(f"{prefix}|")}


def of_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's memory as named tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{key}": torch.as_tensor(value) for index, row in state.items() for key, value in row.items()}


def into_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser its memory back."""
    rows: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        rows.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": rows})
