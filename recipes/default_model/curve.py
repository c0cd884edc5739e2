"""What more photos would give: `python -m recipes.default_model.curve` fits a quarter, half and all of them.

Of the default model only the linear part, which is most of it and the same whatever the seed, number of steps or rate;
measured on the 500 photos set aside; val is not read. Prints each figure and writes the curve as SVG.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from . import corpus
from .conse import Conse, Settings, class_matrix
from .inputs import linear, prepare
from .measure import Recall, recall
from .second import write_second
from .train import Inputs

SHARES = (0.25, 0.5, 1.0)


def thinned(photos: Inputs, share: float, seed: int = 7) -> Inputs:
    """`photos` with a share of those to train on, drawn once: a smaller share is part of a larger one."""
    rows = np.random.default_rng(seed).permutation(photos.rows("train"))
    split = photos.split.astype("U8")
    split[rows[round(share * len(rows)) :]] = "spare"
    return replace(photos, split=split)


def measure(data: Path, cache: Path) -> dict[int, Recall]:
    """Recall on the photos set aside, by the number of photos fitted."""
    pairs, found = corpus.load(data, "flickr8k"), {}
    conse = Conse(class_matrix(cache), Settings())
    whole = prepare(data, pairs, cache / "towers", cache, conse, mirror=True)
    with tempfile.TemporaryDirectory() as folder:
        write_second(Path(folder) / "second.onnx")
        for share in SHARES:
            photos = thinned(whole, share)
            _, (image, text) = linear(data, pairs, photos, Path(folder) / "second.onnx", cache)
            many = len(photos.rows("train"))
            found[many] = recall(image.numpy(), text.numpy(), photos.of("held")[2])
            print(f"{many} photos: {found[many]}", flush=True)
    return found


def svg(found: dict[int, Recall]) -> str:
    """The curve, RSUM over the number of photos, which doubles from mark to mark."""
    values = [r.rsum for r in found.values()]
    low, high = 20 * int(min(values) // 20), 20 * int(max(values) // 20 + 1)
    x = {n: 60 + 180 * i for i, n in enumerate(sorted(found))}
    y = {v: 260 - 230 * (v - low) / (high - low) for v in [*values, *range(low, high + 1, 20)]}
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 300" font-family="sans-serif" font-size="12">']
    for mark in range(low, high + 1, 20):
        out.append(f'<path d="M60 {y[mark]:.0f}H430" stroke="#ddd"/><text x="28" y="{y[mark] + 4:.0f}">{mark}</text>')
    out += [f'<text x="{at}" y="280" text-anchor="middle">{n} photos</text>' for n, at in x.items()]
    path = "M" + "L".join(f"{x[n]} {y[found[n].rsum]:.0f}" for n in sorted(found))
    return "\n".join([*out, f'<path d="{path}" fill="none" stroke="#15c" stroke-width="2"/>', "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("OPENITR_DATA"), help="the data folder")
    parser.add_argument(
        "--cache", type=Path, default=Path(".cache/default_model"), help="as the recipe's, filled by it"
    )
    parser.add_argument("--out", type=Path, default=Path("curve.svg"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if given.data is None:
        parser.error("give --data or set OPENITR_DATA")
    torch.set_num_threads(given.threads)
    given.out.write_text(svg(measure(Path(given.data), given.cache)), encoding="utf-8")
    print(given.out)


if __name__ == "__main__":
    main()
