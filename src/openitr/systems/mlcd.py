"""MLCD: pictures learn from their nearest clusters, several each, before any text is shown to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome, averages, numbers

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.models import DualEncoder
    from openitr.objectives import Objective
    from openitr.systems.two_shapes import TwoShapes
    from openitr.train import Examples

SIZE, WIDTH, CLUSTERS, TOP, EPOCHS, SEEDS = 32, 64, 64, 3, 32, 2
TRAIN, HELD, ASKED = 320, 400, 150


def experiment(budget: Budget) -> Outcome:
    """Pictures of two shapes: what a tower's vectors tell of them. Stamps: how well texts can be fitted to a tower."""
    import numpy as np
    import torch

    from openitr.systems.stamps import stamps
    from openitr.systems.two_shapes import two_shapes
    from openitr.train import Examples
    from openitr.train.frozen import FrozenTowers
    from openitr.train.probe import recall

    towers = FrozenTowers()
    shapes = two_shapes(TRAIN + HELD, budget.seed)
    there, small = held_by(shapes), shapes.pixels(SIZE)
    side = towers.preparation.size
    large = torch.nn.functional.interpolate(shapes.pixels(2 * SIZE)[:TRAIN].float(), size=side, mode="bilinear")
    of_shapes = towers.images(large.round().to(torch.uint8))[:, :1280]
    two = Examples(small, torch.zeros(len(small), 1), np.arange(len(small)))
    seen, unseen = two.some(np.arange(TRAIN)), two.some(np.arange(TRAIN, len(two)))

    read = stamps(budget, side)
    order = np.random.default_rng(budget.seed).permutation(len(read))
    large = torch.from_numpy(np.stack([read.pictures[row] for row in order])).permute(0, 3, 1, 2).contiguous()
    names = towers.texts([read.names[row] for row in order])[:, :384]
    small = torch.nn.functional.interpolate(large.float(), size=SIZE, mode="area").round().to(torch.uint8)
    named = Examples(small, names, np.arange(len(small)))
    kept, held = named.some(np.arange(len(named) - ASKED)), named.some(np.arange(len(named) - ASKED, len(named)))
    of_stamps = towers.images(large[: len(kept)])[:, :1280]

    told: dict[str, list[float]] = {}
    asked: dict[str, list[float]] = {}
    for seed in range(budget.seed, budget.seed + SEEDS):
        for name, top in ((f"top {TOP}", TOP), ("top 1, softmax", 1), ("untrained", 0)):
            model = trained(seen, of_shapes, top, 16, seed)
            told.setdefault(name, []).append(contained(model, seen, unseen, there))
        for name, top in ((f"top {TOP}", TOP), ("untrained", 0)):
            model = trained(kept, of_stamps, top, 8, seed)
            fitted(model, kept, seed)
            asked.setdefault(name, []).append(recall(model, held).t2i["R@5"])
    precision, found = (averages(each) for each in (told, asked))
    return Outcome(
        [
            Check(
                "a linear probe tells what a picture holds better than after one cluster each: mAP higher in the mean",
                numbers("mAP", precision, 1),
                precision[f"top {TOP}"] > precision["top 1, softmax"],
            ),
            Check(
                "texts fitted to the frozen tower find pictures better than on an untrained one: R@5 higher",
                numbers("T2I R@5", found, 1),
                found[f"top {TOP}"] > found["untrained"],
            ),
        ],
        f"{TRAIN} pictures of two shapes to train on and {HELD} held out, 36 kinds of coloured shapes; Tux Paint: "
        f"{len(kept)} stamps and {ASKED} held out; {CLUSTERS} clusters of the shipped tower's features, {SEEDS} seeds",
        [
            f"Vision transformers of {SIZE} pixels from scratch; scale 16 instead of 64 and all negatives instead of a "
            f"tenth, since {CLUSTERS} clusters are not a million.",
            "The stamps' recall is low in all: a few hundred drawings teach a tower little.",
        ],
    )


def held_by(shapes: TwoShapes) -> Tensor:
    """(n, 36): which coloured shapes each picture holds."""
    import torch

    from openitr.systems.two_shapes import COLOURS, KINDS

    there = torch.zeros(len(shapes), len(KINDS) * len(COLOURS))
    for row, scene in enumerate(shapes.scenes):
        for thing in scene.things:
            there[row, KINDS.index(thing.kind) * len(COLOURS) + COLOURS.index(thing.colour)] = 1.0
    return there


def trained(kept: Examples, features: Tensor, top: int, patch: int, seed: int) -> DualEncoder:
    """A tower that learned the clusters of another model's features, several each or one; for 0, one that did not."""
    from openitr.objectives import ArcMargin, ClusterDiscrimination
    from openitr.train import Examples, Plan, Trainer
    from openitr.train.clusters import Clusters

    model = tower(kept.texts.shape[1], patch, seed)
    if not top:
        return model
    labels = Clusters(CLUSTERS, top=top, seed=seed).fit(features).assign(features)
    if top == 1:
        labels, objective = labels[:, 0], seeded(lambda: ArcMargin(CLUSTERS, WIDTH, margin=0.0), seed)
    else:
        objective = seeded(lambda: ClusterDiscrimination(CLUSTERS, WIDTH, scale=16.0, share=1.0), seed)
    plan = Plan(epochs=EPOCHS, batch=40, rate=1e-3, shift=2, seed=seed)
    Trainer(model, objective, plan, Examples(kept.pictures, kept.texts, kept.owner, labels)).fit()
    return model


def seeded(make: Callable[[], Objective], seed: int) -> Objective:
    """An objective whose first class vectors follow from the seed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def tower(words: int, patch: int, seed: int) -> DualEncoder:
    """A small vision transformer, and a projector for the texts that come later."""
    import torch

    from openitr.models import DualEncoder, Projector, ViT

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DualEncoder(ViT(SIZE, patch=patch, width=WIDTH, depth=2), Projector(words, width=WIDTH), WIDTH)


def fitted(model: DualEncoder, kept: Examples, seed: int) -> None:
    """Fit the text tower to the frozen image tower (locked-image tuning, arXiv:2111.07991)."""
    from openitr.objectives import InfoNCE
    from openitr.train import Plan, Trainer

    model.requires_grad_(True)
    plan = Plan(epochs=15, batch=40, rate=1e-3, freeze=("image.", "image_head."), seed=seed)
    Trainer(model, InfoNCE(), plan, kept).fit()


def contained(model: DualEncoder, kept: Examples, held: Examples, there: Tensor) -> float:
    """mAP in percent of a ridge probe on the tower's states for every stamp: does this canvas hold it?"""
    import numpy as np
    import torch

    with torch.inference_mode():
        train, test = (model.eval().image(part.images(np.arange(len(part)))).pooled for part in (kept, held))
    mean, spread = train.mean(0), train.std(0).clamp(min=1e-6)
    train, test = (train - mean) / spread, (test - mean) / spread
    wanted = there[: len(train)]
    weights = torch.linalg.solve(train.T @ train + 10 * torch.eye(train.shape[1]), train.T @ (wanted - wanted.mean(0)))
    return 100 * average_precision(test @ weights, there[len(train) :])


def average_precision(scores: Tensor, there: Tensor) -> float:
    """Mean over the columns that have a positive of the precision at each positive, by falling score.

    >>> import torch
    >>> average_precision(torch.tensor([[3.0], [2.0], [1.0]]), torch.tensor([[0.0], [1.0], [1.0]]))    # 1/2 and 2/3
    0.5833333333333333
    """
    found = []
    for column, right in zip(scores.T, there.T, strict=True):
        ranked = right[column.argsort(descending=True, stable=True)].double()
        if ranked.any():
            places = ranked.nonzero().flatten()
            found.append(float((ranked.cumsum(0)[places] / (places + 1)).mean()))
    return sum(found) / len(found)


CARD = Card(
    slug="mlcd",
    title="Multi-label Cluster Discrimination for visual representation learning",
    year=2024,
    family="objectives",
    claim="Several clusters per picture, positives and negatives apart, teach a better tower than one cluster each.",
    parts=("openitr.objectives.ClusterDiscrimination", "openitr.train.clusters.Clusters"),
    experiment=experiment,
)
