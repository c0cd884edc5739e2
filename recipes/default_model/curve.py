"""What more photos would give: `python -m recipes.default_model.curve` fits 750, 1,500, 3,000 and all photos.

Of the default model only the linear part, which is most of it and the same whatever the seed, number of steps or rate;
measured on the 500 photos set aside; val is not read. Prints each figure, what two forms of curve make of them, how far
each was off when it had to tell the last figure from the others, and draws everything as SVG. What was measured is kept
in the cache, so that it continues where it stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from . import corpus
from .conse import Conse, Settings, class_matrix
from .inputs import linear, prepare
from .measure import Recall, recall
from .second import write_second
from .train import Inputs

SIZES = (750, 1500, 3000, 10**9)
AHEAD = (11_000, 22_000, 29_000)  # the last is as many as Flickr30k trains on
MOST = 600.0  # six recalls of 100%
Form = Callable[[float], float]


def thinned(photos: Inputs, many: int, seed: int = 7) -> Inputs:
    """`photos` with at most so many to train on, drawn once: a smaller part is part of a larger one."""
    rows = np.random.default_rng(seed).permutation(photos.rows("train"))
    split = photos.split.astype("U8")
    split[rows[many:]] = "spare"
    return replace(photos, split=split)


def measure(data: Path, cache: Path) -> dict[int, Recall]:
    """Recall on the photos set aside, by the number of photos fitted."""
    kept, pairs = cache / "curve.json", corpus.load(data, "flickr8k")
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    conse = Conse(class_matrix(cache), Settings())
    whole = prepare(data, pairs, cache / "towers", cache, conse, mirror=True)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            photos = thinned(whole, size)
            many = len(photos.rows("train"))
            if str(many) not in known:
                write_second(Path(folder) / "second.onnx")
                _, (image, text) = linear(data, pairs, photos, Path(folder) / "second.onnx", cache)
                known[str(many)] = asdict(recall(image.numpy(), text.numpy(), photos.of("held")[2]))
                kept.write_text(json.dumps(known, indent=1), encoding="utf-8")
            found[many] = Recall(**{way: tuple(values) for way, values in known[str(many)].items()})
            print(f"{many} photos: {found[many]}", flush=True)
    return found


def doubling(sizes: list[int], values: list[float]) -> Form:
    """The same gain for every doubling: a straight line over the logarithm, by least squares. It never ends."""
    slope, first = np.polyfit(np.log2(sizes), values, 1)
    return lambda size: float(first + slope * math.log2(size))


def power(sizes: list[int], values: list[float]) -> Form:
    """What is missing to perfect recall shrinks by the same factor for every doubling."""
    slope, first = np.polyfit(np.log2(sizes), np.log(MOST - np.array(values)), 1)
    return lambda size: float(MOST - math.exp(first + slope * math.log2(size)))


def fading(sizes: list[int], values: list[float]) -> Form:
    """Every doubling gains the same share of what the one before it gained: a curve with an end."""
    steps, best = np.log2(np.array(sizes) / sizes[0]), (math.inf, 0.0, 0.0, 0.0)
    for share in np.linspace(0.3, 0.99, 139):
        slope, first = np.polyfit(1 - share**steps, values, 1)
        off = float(np.square(first + slope * (1 - share**steps) - values).sum())
        best = min(best, (off, share, slope, first))
    _, share, slope, first = best
    return lambda size: float(first + slope * (1 - share ** math.log2(size / sizes[0])))


FORMS = {
    "every doubling gains the same": doubling,
    "every doubling gains the same share of what is missing to 600": power,
    "every doubling gains the same share of what the one before gained": fading,
}


def told(found: dict[int, Recall]) -> list[str]:
    """What the forms say of more photos, and of the last figure when they do not know it."""
    sizes, values = list(found), [r.rsum for r in found.values()]
    lines = []
    for name, fit in FORMS.items():
        ahead = ", ".join(f"{fit(sizes, values)(size):.0f} at {size:,}" for size in AHEAD)
        missed = fit(sizes[:-1], values[:-1])(sizes[-1]) - values[-1]
        lines.append(f"{name}: {ahead}; the last figure from the others: {missed:+.1f} off")
    return lines


def svg(found: dict[int, Recall]) -> str:
    """RSUM over the number of photos, each mark twice the one before; dashed what the forms make of it."""
    sizes, values = list(found), [r.rsum for r in found.values()]
    fits = [fit(sizes, values) for fit in FORMS.values()]
    far = [size for size in (sizes[-1], *AHEAD) if size >= sizes[-1]]
    shown = [*values, *(fit(size) for fit in fits for size in far)]
    low, high = 40 * int(min(shown) // 40), 40 * int(max(shown) // 40 + 1)

    def x(size: float) -> float:
        return 60 + 480 * math.log2(size / sizes[0]) / math.log2(far[-1] / sizes[0])

    def y(value: float) -> float:
        return 260 - 230 * (value - low) / (high - low)

    def path(points: list[tuple[float, float]], style: str) -> str:
        return f'<path d="M{"L".join(f"{x(a):.0f} {y(b):.0f}" for a, b in points)}" fill="none" stroke="#15c" {style}/>'

    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 570 310" font-family="sans-serif" font-size="12">',
        '<rect width="570" height="310" fill="#fff"/><text x="8" y="18">RSUM on 500 photos set aside</text>',
    ]
    for mark in range(low, high + 1, 40):
        out.append(f'<path d="M60 {y(mark):.0f}H545" stroke="#ddd"/><text x="28" y="{y(mark) + 4:.0f}">{mark}</text>')
    for size in (*sizes, *far[1:]):
        out.append(f'<text x="{x(size):.0f}" y="280" text-anchor="middle" font-size="10">{size:,}</text>')
    out.append('<text x="300" y="300" text-anchor="middle">photos to learn from; dashed: not measured</text>')
    out.append(path(list(zip(sizes, values, strict=True)), 'stroke-width="2"'))
    out += [f'<circle cx="{x(a):.0f}" cy="{y(b):.0f}" r="3" fill="#15c"/>' for a, b in zip(sizes, values, strict=True)]
    out += [path([(size, fit(size)) for size in far], 'stroke-dasharray="4 4"') for fit in fits]
    return "\n".join([*out, "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("OPENITR_DATA"), help="the data folder")
    parser.add_argument(
        "--cache", type=Path, default=Path(".cache/default_model"), help="as the recipe's, filled by it"
    )
    parser.add_argument("--out", type=Path, default=Path("docs/images/learning-curve.svg"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if given.data is None:
        parser.error("give --data or set OPENITR_DATA")
    torch.set_num_threads(given.threads)
    found = measure(Path(given.data), given.cache)
    print("\n".join(told(found)))
    given.out.write_text(svg(found), encoding="utf-8")
    print(given.out)


if __name__ == "__main__":
    main()
