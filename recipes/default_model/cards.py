"""Model cards: what was measured, on what, under which terms. Every figure comes from the finished ONNX files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from . import corpus
from .measure import Recall
from .onnx_check import Finished
from .train import Plan


@dataclass(frozen=True)
class Figures:
    """What one finished model folder does."""

    recalls: dict[str, Recall]
    image_ms: float
    text_ms: float


@dataclass(frozen=True)
class Build:
    """What the cards say about how the models were made."""

    plan: Plan
    seeds: list[int]
    low: float
    high: float
    data_hash: str
    sources: list[str]
    seconds: float


def measure(model: Finished, data: Path, final: bool) -> Figures:
    """Held-out photos, breadth, and the time one picture and one text take; val only at the end."""
    photos = corpus.load(data, "flickr8k")
    sets = {
        "500 held-out photos": [p for p in photos if p.split == "held"],
        "Flickr8k val, 1,000 photos": [p for p in photos if p.split == "val"],
        "breadth": corpus.breadth(data),
    }
    if not final:
        del sets["Flickr8k val, 1,000 photos"]
    recalls = {}
    for label, pairs in sets.items():
        recalls[label] = model.recall(data, pairs)
        print(f"{model.spec['name']}, {label} ({len(pairs)} pictures): {recalls[label]}", flush=True)
    image, text = model.milliseconds()
    print(f"{model.spec['name']}: {image:.1f} ms a picture, {text:.1f} ms a text", flush=True)
    return Figures(recalls, image, text)


def _rows(name: str, figures: Figures) -> list[str]:
    out = []
    for label, r in figures.recalls.items():
        t, i = (" / ".join(f"{v:.1f}" for v in side) for side in (r.t2i, r.i2t))
        out.append(f"| {name} | {label} | {t} | {i} | {r.rsum:.1f} |")
    return out


def _template(name: str) -> str:
    return Path(__file__).with_name(f"card_{name}.md").read_text(encoding="utf-8")


def card(name: str, figures: dict[str, Figures], dim: int, window: int, terms: str, build: Build, breadth: int) -> str:
    """The card of one model, with the other one's figures beside it."""
    head = _template(name).format(
        dim=dim,
        heads=len(build.seeds),
        seeds=", ".join(map(str, build.seeds)),
        low=build.low,
        high=build.high,
        epochs=build.plan.epochs,
        batch=build.plan.batch,
        sources=", ".join(build.sources),
        hash=build.data_hash,
        terms=terms,
    )
    order = [name, *(n for n in figures if n != name)]
    rows = "\n".join(row for n in order for row in _rows(n, figures[n]))
    mine = figures[name]
    text = (
        head
        + "\n"
        + _template("common").format(
            breadth=breadth, rows=rows, image_ms=mine.image_ms, text_ms=mine.text_ms, window=window
        )
    )
    if name == "default":
        text += f"\nThe recipe took {build.seconds / 60:.0f} minutes, with what its cache already held.\n"
    return text
