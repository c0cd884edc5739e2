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
    share: float
    table: list[tuple[float, list[float]]]
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


DEFAULT = """# Model card: default

Finds photos by short English texts and texts by photos. {dim} numbers per picture or text, unit length, cosine.

**What it is.** Two frozen public towers (EfficientNet-Lite2, Apache-2.0; all-MiniLM-L6-v2, Apache-2.0), {heads} small trained
projectors (seeds {seeds}) and ConSE, concatenated. A score is the weighted mean of their cosines; ConSE counts {share:.0%}.
Only the projectors were trained: {epochs} epochs, batch {batch}, softened InfoNCE, every setting in `recipes/default_model`.

**Trained on** Flickr8k train and extra without the 500 held-out photos, fashion catalogue photos, Openclipart and emoji (English).
Never on Flickr8k val, never on Tux Paint. The share of ConSE was chosen on the held-out photos and on one in six of the
clip art and emoji, set aside. SHA-256 over the caption files of {sources}: `{hash}`.

**Terms.** {terms}
"""

CONSE = """# Model card: conse

Finds pictures by short English texts without any training. {dim} numbers per picture or text, unit length, cosine.

**What it is.** A frozen ImageNet classifier (EfficientNet-Lite2, Apache-2.0) mixes the sentence vectors (all-MiniLM-L6-v2,
Apache-2.0) of its 1,000 class names by their probabilities (Norouzi et al. 2014, arXiv:1312.5650); both sides are centred.
Two settings (temperature 1.4, full centring) were chosen on 500 photos of Flickr8k train, clip art and emoji; no weight was trained.

**Terms.** {terms}
"""

COMMON = """
## Measured on the finished ONNX files

Recall in percent, ties counted against the model. "breadth": {breadth} Tux Paint photos and cut-outs whose English sentence is
unique, letters and symbols left out; the list is `recipes/default_model/breadth_ids.txt`.

| model | pictures | t2i R@1 / 5 / 10 | i2t R@1 / 5 / 10 | RSUM |
|---|---|---|---|---|
{rows}

One picture {image_ms:.1f} ms (batch of 8, decoding not counted), one short text {text_ms:.1f} ms: 2 threads of a shared x86 CPU, least of 20.

## How pictures are prepared, and why

RGB on white, squashed to 260 x 260 (bicubic). Flickr8k's copies were squashed to squares before they reached us, so squashing is
what the projectors saw; it also keeps the edges of the picture, which cropping throws away. A 3:2 photo is distorted by a
third, as the training photos were. Not measured: unsquashed photos. Panoramas lose most.

## Limits

English only. One clause is understood better than two: who does what to whom, counting and left or right are near chance.
Pictures unlike Flickr8k, ImageNet and simple drawings (screenshots, documents, medical pictures) are out of reach. Texts beyond
{window} tokens are cut into windows by the caller. Faces, places and brands by name are unknown to it. Captions of Flickr8k carry the
guesses of their writers about people (sex, age, origin), and the model repeats them; do not use it to judge people.
"""


def card(
    name: str, figures: dict[str, Figures], dim: int, window: int, terms: str, build: Build, breadth: int
) -> str:
    """The card of one model, with the other one's figures beside it."""
    head = (DEFAULT if name == "default" else CONSE).format(
        dim=dim,
        heads=len(build.seeds),
        seeds=", ".join(map(str, build.seeds)),
        share=build.share,
        epochs=build.plan.epochs,
        batch=build.plan.batch,
        sources=", ".join(build.sources),
        hash=build.data_hash,
        terms=terms,
    )
    order = [name, *(n for n in figures if n != name)]
    rows = "\n".join(row for n in order for row in _rows(n, figures[n]))
    mine = figures[name]
    text = head + COMMON.format(
        breadth=breadth, rows=rows, image_ms=mine.image_ms, text_ms=mine.text_ms, window=window
    )
    if name == "default":
        text += "\n## How much ConSE counts\n\nRSUM on pictures set aside, by share of ConSE.\n\n"
        text += "| share | photos | clip art | emoji |\n|---|---|---|---|\n"
        text += "\n".join(f"| {s} | " + " | ".join(f"{v:.1f}" for v in row) + " |" for s, row in build.table)
        text += (
            f"\n\nThe whole recipe took {build.seconds / 60:.0f} minutes, with what its cache already held.\n"
        )
    return text
