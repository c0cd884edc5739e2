"""What a model is, as one short name: a hash over its weights and over everything that prepares its input."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def combine(parts: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of plain data; the order of keys does not matter.

    >>> combine({"a": 1, "b": 2}) == combine({"b": 2, "a": 1})
    True
    >>> combine({"a": 1}) == combine({"a": 2})
    False
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def of_tensors(tensors: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over torch tensors by name, dtype, shape and bytes, as a ``state_dict`` gives them.

    Weights are hashed as they are in memory, so one checkpoint saved in one file or in ten, from a hub or from a
    folder, has one fingerprint. Costs about 1 s per GB.
    """
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(memoryview(value.reshape(-1).view(torch.uint8).numpy()))
    return digest.hexdigest()
