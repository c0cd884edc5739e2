"""The model card of `late`, filled with what was measured."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from openitr.encoders.late import LateEncoder
from recipes.default_model.measure import Recall

from .train import Plan
from .whole import KEPT, PARTS, WEIGHT

SUMMARY = "Vectors of places, words and the whole, compared by MaxSim; shows which word found what where."
SPLITS = {"held": "500 photos set aside", "val": "Flickr8k val, 1,000 photos"}
TERMS = (
    "Research and other non-commercial use only: the heads, and those of `default` below them, were trained on "
    "Flickr8k and catalogue photos. The towers below them are Apache-2.0; `conse` has clean terms."
)


def milliseconds(encoder: LateEncoder) -> tuple[float, float]:
    """The least of 20 runs: one picture in a batch of 8 (decoding not counted), one short text."""
    side = encoder.preparation.size
    pixels = list(np.random.default_rng(0).integers(0, 255, (8, side, side, 3), dtype=np.uint8))
    image, text = [], []
    for _ in range(20):
        start = time.perf_counter()
        encoder.encode_images(pixels)
        image.append((time.perf_counter() - start) / 8 * 1e3)
        start = time.perf_counter()
        encoder.encode_texts(["a brown dog runs over the wet grass with a ball"])
        text.append((time.perf_counter() - start) * 1e3)
    return min(image), min(text)


def write(folder: Path, figures: dict[str, Recall], plan: Plan, cosine: float, seconds: float) -> str:
    """The card as text."""
    encoder = LateEncoder(folder, allow=folder.parent)
    image, text = milliseconds(encoder)
    rows = []
    for name, found in figures.items():
        t, i = (" / ".join(f"{value:.1f}" for value in side) for side in (found.t2i, found.i2t))
        rows.append(f"| {name} | {t} | {i} | {found.rsum:.1f} |")
    size = sum((folder / name).stat().st_size for name in ("image_head.onnx", "text_head.onnx"))
    about = {
        "dim": encoder.dim,
        "first": plan.stages[0],
        "second": plan.stages[1],
        "batch": plan.batch,
        "soften": plan.soften,
        "image_tokens": 16 + PARTS,
        "parts": PARTS,
        "types": PARTS + 1,
        "kept": KEPT,
        "weight": WEIGHT,
    }
    about |= {"places": plan.places, "rows": "\n".join(rows), "cosine": cosine, "image": image, "text": text}
    about |= {"terms": TERMS, "megabytes": size / 1e6, "minutes": seconds / 60}
    return Path(__file__).with_name("card.md").read_text(encoding="utf-8").format(**about)
