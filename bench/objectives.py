"""Losses on the same tensors, ours against open_clip's and sentence-transformers': steps per second and peak memory.

MB is how far the process grows beyond what it held before its first step; "/ plain" is that of the cached loss over
the same library's softmax loss of the same batch. Every loss has a process of its own, one thread, and the same towers
with the same weights. A peer that is not installed here can be measured with another interpreter: OPENITR_PEERS names
one (``/path/to/venv/bin/python``).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import show

WORKER = Path(__file__).with_name("objectives_worker.py")
BATCHES, FEATURES = (256, 2048), 512
CASES = (
    ("softmax", ("openitr", "open_clip", "sentence_transformers")),
    ("sigmoid", ("openitr", "open_clip")),
    ("cached", ("openitr", "sentence_transformers")),
)
# Sums in another order, float32.
AGREE = 1e-4


def run() -> list[dict[str, Any]]:
    """Print and return the table."""
    rows: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        tensors = Path(folder) / "tensors.npz"
        rng = np.random.default_rng(0)
        images = rng.normal(size=(max(BATCHES), FEATURES)).astype(np.float32)
        texts = images + rng.normal(size=images.shape).astype(np.float32)
        np.savez(tensors, images=images, texts=texts)
        for batch in BATCHES:
            plain: dict[str, float] = {}
            for loss, libraries in CASES:
                ours: dict[str, Any] = {}
                for library in libraries:
                    found = _measure(library, loss, batch, tensors)
                    if found is None:
                        rows.append([library, loss, batch, "not installed", "", "", "", "", ""])
                        continue
                    ours = ours or found
                    if loss == "softmax":
                        plain[library] = found["mb"]
                    beside = found["mb"] / plain[library] if loss == "cached" else ""
                    same = all(abs(found[k] - ours[k]) <= AGREE * max(1.0, abs(ours[k])) for k in ("loss", "slope"))
                    ratio = [ours["rate"] / found["rate"], ours["mb"] / max(1.0, found["mb"])]
                    rows.append([library, loss, batch, found["rate"], round(found["mb"]), beside, *ratio, _yes(same)])
    columns = [
        "library",
        "loss",
        "batch",
        "steps/s",
        "MB",
        "/ plain",
        "ours / it, steps/s",
        "ours / it, MB",
        "same numbers",
    ]
    return show(columns, rows)


def _yes(so: bool) -> str:
    return "yes" if so else "no"


def _measure(library: str, loss: str, batch: int, tensors: Path) -> dict[str, Any] | None:
    """One process; with the other interpreter where this one lacks the library."""
    for python in filter(None, (sys.executable, os.environ.get("OPENITR_PEERS"))):
        done = subprocess.run(
            [python, str(WORKER), library, loss, str(batch), str(tensors)],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            check=False,
        )
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return found
        if "ImportError" not in done.stderr and "ModuleNotFoundError" not in done.stderr:
            raise SystemExit(done.stderr)
    return None
