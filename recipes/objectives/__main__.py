"""Every objective that Flickr8k can feed, with the same projectors, data and steps; prints a Markdown table.

`python -m recipes.objectives $OPENITR_DATA/flickr8k` trains on 2,000 photos of the train split and measures on val.
Settings are the same for all and tuned for none. Features of the frozen towers are computed once and kept in the cache.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from openitr import datasets
from openitr.collection.places import cache_folder
from openitr.models import DualEncoder, Projector
from openitr.objectives import (
    TCL,
    Boost,
    CircleLoss,
    Contrastive,
    DirectionalRank,
    FilteredHardNegative,
    InfoNCE,
    Objective,
    OneToK,
    SigLIP,
    Slow,
    SoftContext,
    StructuredSparse,
    Triplet,
)
from openitr.train import Examples, Plan, Trainer
from openitr.train.boosted import boosted
from openitr.train.frozen import FrozenTowers, feature_examples
from openitr.train.probe import Recall, recall

WIDTH, SEEDS = 128, 3
STUDENT_T = 4.303  # 97.5 % quantile of Student's t with two degrees of freedom


@dataclass
class Row:
    name: str
    make: Callable[[], Objective]
    texts: int = 1
    found: list[Recall] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


ROWS = [
    Row("InfoNCE", InfoNCE),
    Row("InfoNCE, label smoothing 0.1", lambda: InfoNCE(smoothing=0.1)),
    Row("SigLIP", SigLIP),
    Row("SoftContext", SoftContext),
    Row("InfoNCE with slow targets", lambda: Contrastive(targets=Slow())),
    Row("OneToK, all five captions", OneToK, texts=0),
    Row("TCL", lambda: TCL(WIDTH, queue=1024)),
    Row("InfoNCE on StructuredSparse", lambda: Contrastive(similarity=StructuredSparse(WIDTH, gated=False))),
    Row("FilteredHardNegative", FilteredHardNegative),
    Row("CircleLoss", CircleLoss),
    Row("Triplet (VSE++)", Triplet),
    Row("DirectionalRank, both ways", DirectionalRank),
    Row("Boost beside Triplet", Boost),
]


def projectors(train: Examples, seed: int) -> DualEncoder:
    torch.manual_seed(seed)
    model = DualEncoder(
        Projector(train.pictures.shape[1], width=WIDTH), Projector(train.texts.shape[1], width=WIDTH), WIDTH
    )
    model.image.fit(train.pictures)
    model.text.fit(train.texts)
    return model


class Mapped(torch.nn.Module):
    """A model whose texts pass through the learned similarity, so that it is an inner product again."""

    def __init__(self, model: DualEncoder, similarity: StructuredSparse) -> None:
        super().__init__()
        self.encode_images = model.encode_images
        self.encode_texts = lambda ids: similarity.map_texts(model.encode_texts(ids))


def run(row: Row, train: Examples, held: Examples, seed: int, epochs: int) -> None:
    model, objective = projectors(train, seed), row.make()
    plan = Plan(epochs=epochs, batch=128, rate=1e-3, texts=row.texts, seed=seed)
    began = time.process_time()
    if isinstance(objective, Boost):
        boosted(projectors(train, seed), model, train, plan, boost=objective)
    else:
        Trainer(model, objective, plan, train).fit()
    row.seconds.append(time.process_time() - began)
    similarity = getattr(objective, "similarity", None)
    measured = Mapped(model, similarity) if isinstance(similarity, StructuredSparse) else model
    with torch.inference_mode():
        row.found.append(recall(measured, held))


def line(row: Row) -> str:
    sums = [found.rsum for found in row.found]
    spread = STUDENT_T * float(np.std(sums, ddof=1)) / len(sums) ** 0.5
    numbers = [
        f"{float(np.mean([side[at] for side in sides])):.1f}"
        for sides in ([f.t2i for f in row.found], [f.i2t for f in row.found])
        for at in ("R@1", "R@10")
    ]
    cells = [row.name, *numbers, f"{np.mean(sums):.1f} ± {spread:.1f}", f"{np.mean(row.seconds):.1f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="the folder of Flickr8k")
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=10)
    asked = parser.parse_args()
    data, towers = datasets.read(asked.data).language("en"), FrozenTowers()
    train, held = (
        feature_examples(part, towers, lang="en", say=print, cache=cache_folder() / "features")
        for part in (data.split("train").take(asked.train, 0), data.split("val"))
    )
    print(f"\n{len(train):,} photos to train on, {len(held):,} to measure on, projectors of width {WIDTH},")
    print(f"{asked.epochs} epochs, {SEEDS} seeds\n")
    print("| objective | t2i R@1 | t2i R@10 | i2t R@1 | i2t R@10 | RSUM | CPU s |\n" + "|---" * 7 + "|")
    for row in ROWS:
        for seed in range(SEEDS):
            run(row, train, held, seed, asked.epochs)
        print(line(row), flush=True)


if __name__ == "__main__":
    main()
