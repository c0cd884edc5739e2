"""Recall both ways of 5,000 pictures and 25,000 texts: ours with bootstrap, clip_benchmark, ranx and plain torch.

Each contestant gets the same arrays in a process of its own, least of two runs (one where it takes over 30 s);
memory is what it needs beyond them.
clip_benchmark is fetched as a wheel without its dependencies (torchvision and others, which its metric does not use).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import show

PICTURES, EACH, DIM = 5_000, 5, 512
KS = (1, 5, 10)
WHEELS = Path(".cache/bench")
NAMES = {
    "ours": "openitr, 1,000 bootstrap draws",
    "bare": "openitr, no bootstrap",
    "clip_benchmark": "clip_benchmark 1.6.2",
    "ranx": "torch topk, ranx",
    "ranx_alone": "ranx, given its Run",
    "torch": "torch topk of the whole matrix",
}


def run() -> list[dict[str, Any]]:
    """Print and return the table."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "arrays.npz"
        np.savez(file, **dict(zip(("images", "texts", "owner"), arrays(), strict=True)))
        for name in NAMES:
            if name == "clip_benchmark" and not wheel():
                print("clip_benchmark is left out: its wheel cannot be fetched")
                continue
            done = subprocess.run(
                [sys.executable, "-m", "bench.evaluation", name, str(file)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                print(f"{name} is left out: {done.stderr.strip().splitlines()[-1]}")
                continue
            found[name] = json.loads(done.stdout)
    truth = found["ours"]["recalls"]
    for name, one in found.items():
        if np.abs(np.array(one["recalls"]) - truth).max() > 0.005:
            raise SystemExit(f"{name} came to {one['recalls']}, ours to {truth}")
    ours = found["ours"]["seconds"]
    rows = [
        [NAMES[name], one["seconds"], one["seconds"] / ours, int(one["mb"]), sum(one["recalls"])]
        for name, one in found.items()
    ]
    return show(["recall@1, 5, 10 both ways", "seconds", "x ours", "MB beyond the arrays", "RSUM"], rows)


def arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors of pictures, of five noisy texts each, and whose the texts are."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(PICTURES, DIM)).astype(np.float32)
    owner = np.repeat(np.arange(PICTURES), EACH)
    texts = images[owner] + 5.5 * rng.normal(size=(len(owner), DIM)).astype(np.float32)
    return *(side / np.linalg.norm(side, axis=1, keepdims=True) for side in (images, texts)), owner  # type: ignore[return-value]


def wheel() -> Path | None:
    """The wheel of clip_benchmark, fetched when it is not there."""
    if not list(WHEELS.glob("clip_benchmark-*.whl")):
        asked = ["download", "--quiet", "--no-deps", "--dest", str(WHEELS), "clip-benchmark==1.6.2"]
        subprocess.run([sys.executable, "-m", "pip", *asked], capture_output=True, check=False)
    return next(iter(WHEELS.glob("clip_benchmark-*.whl")), None)


def ours(images: np.ndarray, texts: np.ndarray, owner: np.ndarray, samples: int = 1000) -> Callable[[], list[float]]:
    from openitr.embeddings import DenseEmbeddings
    from openitr.evaluate import evaluate_embeddings

    pictures, captions = DenseEmbeddings(images), DenseEmbeddings(texts)

    def measure() -> list[float]:
        report = evaluate_embeddings(pictures, captions, owner, samples=samples)
        return [way[f"R@{k}"] for way in (report.t2i, report.i2t) for k in KS]

    return measure


def bare(images: np.ndarray, texts: np.ndarray, owner: np.ndarray) -> Callable[[], list[float]]:
    return ours(images, texts, owner, 0)


def clip_benchmark(images: np.ndarray, texts: np.ndarray, owner: np.ndarray) -> Callable[[], list[float]]:
    """Its ``evaluate`` with a model that hands through what it is given, batches of 64 as on its command line."""
    sys.path.insert(0, str(wheel()))
    import torch
    from clip_benchmark.metrics import zeroshot_retrieval

    zeroshot_retrieval.tqdm = lambda batches: batches
    pictures, captions = torch.from_numpy(images), torch.from_numpy(texts)

    class Given:
        def encode_image(self, batch: torch.Tensor) -> torch.Tensor:
            return batch

        encode_text = encode_image

    batches = [
        (pictures[at : at + 64], [list(range(EACH * i, EACH * i + EACH)) for i in range(at, min(at + 64, PICTURES))])
        for at in range(0, PICTURES, 64)
    ]

    def measure() -> list[float]:
        found = zeroshot_retrieval.evaluate(Given(), batches, lambda rows: captions[rows], "cpu", False, list(KS))
        return [100 * found[f"{way}_retrieval_recall@{k}"] for way in ("image", "text") for k in KS]

    return measure


def topk(images: np.ndarray, texts: np.ndarray) -> list[Any]:
    """Scores and rows of the ten best, text to image and image to text."""
    import torch

    scores = torch.from_numpy(texts) @ torch.from_numpy(images).T
    return [torch.topk(scores, max(KS), dim=1), torch.topk(scores.T, max(KS), dim=1)]


def torch(images: np.ndarray, texts: np.ndarray, owner: np.ndarray) -> Callable[[], list[float]]:
    """The loop that everybody writes: a stand-in of our own, ties not looked at."""

    def measure() -> list[float]:
        t2i, i2t = (best.indices.numpy() for best in topk(images, texts))
        right = [t2i == owner[:, None], owner[i2t] == np.arange(PICTURES)[:, None]]
        return [100 * float(hits[:, :k].any(axis=1).mean()) for hits in right for k in KS]

    return measure


def ranx(images: np.ndarray, texts: np.ndarray, owner: np.ndarray, given: bool = False) -> Callable[[], list[float]]:
    """Its Run from dicts of the ten best, its hit rate; compiled beforehand."""
    warnings.simplefilter("ignore")
    from ranx import Qrels, Run, evaluate

    captions, pictures = ([f"{kind}{i}" for i in range(n)] for kind, n in (("t", len(texts)), ("i", PICTURES)))
    right = [
        {name: {pictures[i]: 1} for name, i in zip(captions, owner.tolist(), strict=True)},
        {name: {captions[EACH * i + j]: 1 for j in range(EACH)} for i, name in enumerate(pictures)},
    ]
    qrels = [Qrels(one) for one in right]
    metrics = [f"hit_rate@{k}" for k in KS]

    def runs() -> list[Any]:
        made = []
        for asked, gallery, best in zip((captions, pictures), (pictures, captions), topk(images, texts), strict=True):
            pairs = zip(asked, best.values.tolist(), best.indices.tolist(), strict=True)
            made.append(Run({q: {gallery[i]: s for i, s in zip(at, scores, strict=True)} for q, scores, at in pairs}))
        return made

    def score(made: list[Any]) -> list[float]:
        found = [evaluate(one, other, metrics) for one, other in zip(qrels, made, strict=True)]
        return [100 * float(way[name]) for way in found for name in metrics]

    held = runs()
    score(held)
    return (lambda: score(held)) if given else (lambda: score(runs()))


def ranx_alone(images: np.ndarray, texts: np.ndarray, owner: np.ndarray) -> Callable[[], list[float]]:
    return ranx(images, texts, owner, given=True)


def _kb(name: str) -> int:
    return int(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]


def main() -> None:
    """One contestant in this process: its recalls, its seconds, its memory."""
    name, file = sys.argv[1:]
    with np.load(file, allow_pickle=False) as held:
        measure = globals()[name](held["images"], held["texts"], held["owner"])
    taken, recalls = [], []
    before = _kb("VmRSS")
    # Forgets the highest memory so far, so that loading and compiling do not count.
    Path("/proc/self/clear_refs").write_text("5")
    for _ in range(2):
        start = time.perf_counter()
        recalls = measure()
        taken.append(time.perf_counter() - start)
        if taken[-1] > 30:
            break
    print(json.dumps({"seconds": min(taken), "recalls": recalls, "mb": (_kb("VmHWM") - before) / 1000}))


if __name__ == "__main__":
    main()
