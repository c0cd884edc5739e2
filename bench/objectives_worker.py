"""One loss of one library in one process: ``objectives_worker.py LIBRARY LOSS BATCH TENSORS``; prints JSON.

It runs as a file, with any interpreter that has torch and the library; nothing of OpenITR is needed for the peers.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SECONDS, WIDTH, MICRO = 3.0, 256, 64


class Tower(nn.Module):
    """A net with activations worth caching, the same for all."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.net = nn.Sequential(*_layers(features), nn.Linear(features, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.net(x), dim=1)


def _layers(features: int) -> list[nn.Module]:
    return [part for _ in range(6) for part in (nn.Linear(features, features), nn.GELU())]


def openitr(loss: str, towers: list[nn.Module], given: list[torch.Tensor]) -> Any:
    from openitr.objectives import Batch, InfoNCE, SigLIP, cached_backward

    objective: nn.Module = (SigLIP if loss == "sigmoid" else InfoNCE)()
    if loss == "cached":
        return objective, lambda: cached_backward(lambda v, t: objective(Batch(v, t)), towers, given, micro=MICRO)

    def step() -> torch.Tensor:
        value = objective(Batch(*(tower(x) for tower, x in zip(towers, given, strict=True))))
        value.backward()
        return value

    return objective, step


def open_clip(loss: str, towers: list[nn.Module], given: list[torch.Tensor]) -> Any:
    """open_clip's own loss file; the package itself asks for torchvision, which its losses do not."""
    found = importlib.util.find_spec("open_clip")
    if found is None or found.origin is None:
        raise ImportError("open_clip is not installed")
    spec = importlib.util.spec_from_file_location("open_clip_loss", Path(found.origin).parent / "loss.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    objective = module.SigLipLoss() if loss == "sigmoid" else module.ClipLoss()
    scale = nn.Parameter(torch.tensor(10.0 if loss == "sigmoid" else 1 / 0.07).log())
    objective.register_parameter("scale", scale)
    bias = torch.tensor(-10.0) if loss == "sigmoid" else None

    def step() -> torch.Tensor:
        v, t = (tower(x) for tower, x in zip(towers, given, strict=True))
        value = objective(v, t, scale.exp(), *([bias] if bias is not None else []))
        value.backward()
        return value

    return objective, step


def sentence_transformers(loss: str, towers: list[nn.Module], given: list[torch.Tensor]) -> Any:
    from sentence_transformers.sentence_transformer import losses

    class Model(nn.Module):
        """What the losses ask of a model: features in, a sentence embedding out."""

        def __init__(self) -> None:
            super().__init__()
            self.towers = nn.ModuleList(towers)

        def __getitem__(self, at: int) -> nn.Module:
            """The cached loss looks at a model's first module."""
            return self.towers[at]

        def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            side = 0 if "image" in features else 1
            return {"sentence_embedding": self.towers[side](features["image" if side == 0 else "text"])}

    both: dict[str, Any] = {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}
    if loss == "cached":
        objective = losses.CachedMultipleNegativesRankingLoss(Model(), scale=1 / 0.07, mini_batch_size=MICRO, **both)
    else:
        objective = losses.MultipleNegativesRankingLoss(Model(), scale=1 / 0.07, **both)

    def step() -> torch.Tensor:
        value = objective([{"image": given[0]}, {"text": given[1]}], torch.zeros(len(given[0])))
        value.backward()
        return value

    return objective, step


def _resident() -> float:
    """Megabytes of the process now; the peak is counted from here.

    Without the reset, a library whose import needs much for a moment would seem to need little for its steps.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except OSError:
        return _peak()


def _peak() -> float:
    try:
        return _status("VmHWM")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def main() -> None:
    library, loss, batch, path = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with np.load(path, allow_pickle=False) as file:
        given = [torch.from_numpy(file[name][:batch]) for name in ("images", "texts")]
    torch.manual_seed(0)
    towers: list[nn.Module] = [Tower(given[0].shape[1]), Tower(given[1].shape[1])]
    objective, step = globals()[library](loss, towers, given)
    before = _resident()
    # The first step is also the one that is compared; it warms up.
    value = float(step().detach())
    slope = towers[0].net[0].weight.grad.norm().item()  # type: ignore[union-attr, operator]
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS or done < 3:
        for tower in towers:
            tower.zero_grad(set_to_none=True)
        objective.zero_grad(set_to_none=True)
        step()
        done += 1
    took = time.perf_counter() - began
    grown = _peak() - before
    print(json.dumps({"loss": value, "slope": slope, "rate": done / took, "mb": grown, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
