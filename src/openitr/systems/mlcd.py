"""MLCD: pictures learn from their nearest clusters, several each, before any text is shown to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.embeddings import Ints
    from openitr.models import DualEncoder
    from openitr.objectives import Objective
    from openitr.train import Examples, Plan

SIZE, WIDTH, TRAIN, HELD, CLUSTERS, TOP, SEEDS = 32, 64, 320, 160, 64, 3, 2


def experiment(budget: Budget) -> Outcome:
    """Canvases with two stamps each: which stamps a tower's vectors tell, and how well texts can be fitted to it."""
    import numpy as np
    import torch

    from openitr.objectives import ArcMargin, ClusterDiscrimination
    from openitr.systems.canvases import canvases
    from openitr.train import Examples, Plan, Trainer
    from openitr.train.clusters import Clusters
    from openitr.train.frozen import FrozenTowers
    from openitr.train.probe import recall

    towers = FrozenTowers(threads=1)
    drawn = canvases(budget, TRAIN + HELD, towers.preparation.size, many=(2, 2), seed=budget.seed)
    large = torch.from_numpy(drawn.pictures)
    teacher = towers.images(large[:TRAIN])[:, :1280]
    small = torch.nn.functional.interpolate(large.float(), size=SIZE, mode="area").round().to(torch.uint8)
    there = torch.zeros(len(small), len(drawn.names)).scatter(1, torch.from_numpy(two(drawn.stamps)), 1.0)
    texts = towers.texts([" ".join(drawn.names[k] for k in row) for row in two(drawn.stamps)])[:, :384]
    whole = Examples(small, texts, np.arange(len(small)))
    kept, held = whole.some(np.arange(TRAIN)), whole.some(np.arange(TRAIN, TRAIN + HELD))
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(budget.seed, budget.seed + SEEDS):
        labels = Clusters(CLUSTERS, top=TOP, seed=seed).fit(teacher).assign(teacher)
        plan = Plan(epochs=16, batch=40, rate=1e-3, shift=2, seed=seed)
        ways: dict[str, tuple[Tensor, Objective] | None] = {
            f"top {TOP}": (labels, seeded(lambda: ClusterDiscrimination(CLUSTERS, WIDTH, scale=16.0), seed)),
            "top 1, softmax": (labels[:, 0], seeded(lambda: ArcMargin(CLUSTERS, WIDTH, margin=0.0), seed)),
            "untrained": None,
        }
        for name, way in ways.items():
            model = tower(texts.shape[1], seed)
            if way is not None:
                Trainer(model, way[1], plan, Examples(kept.pictures, kept.texts, kept.owner, way[0])).fit()
            score = contained(model, kept, held, there)
            fitted(model, kept, plan)
            found.setdefault(name, []).append((score, recall(model, held).t2i["R@5"]))
    told, asked = ({n: float(np.mean([one[at] for one in rows])) for n, rows in found.items()} for at in (0, 1))
    return Outcome(
        [
            Check(
                "a linear probe tells what a picture holds better than after one cluster each: mAP higher in the mean",
                {f"mAP, {name}": round(value, 1) for name, value in told.items()},
                told[f"top {TOP}"] > told["top 1, softmax"],
            ),
            Check(
                "texts fitted to the frozen tower find pictures better than on an untrained one: R@5 higher",
                {f"T2I R@5, {name}": round(value, 1) for name, value in asked.items()},
                asked[f"top {TOP}"] > asked["untrained"],
            ),
        ],
        f"Tux Paint: {TRAIN} canvases of {SIZE} pixels with 2 of 40 stamps to train on, {HELD} held out; {CLUSTERS} "
        f"clusters of the shipped tower's features, {SEEDS} seeds",
        [
            "Vision transformers from scratch; scale 16 instead of 64, since 64 clusters are not a million.",
            "Stamps stand on the canvases as exact copies, which an untrained tower keeps apart as well: where it does "
            "best, this setting says little about what training brings.",
        ],
    )


def two(stamps: Ints) -> Ints:
    """(n, 4) quadrants to (n, 2), the stamps that are there, in the order of the quadrants."""
    return stamps[stamps >= 0].reshape(len(stamps), 2)


def seeded(make: Callable[[], Objective], seed: int) -> Objective:
    """An objective whose first class vectors follow from the seed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def tower(words: int, seed: int) -> DualEncoder:
    """A small vision transformer, and a projector for the texts that come later."""
    import torch

    from openitr.models import DualEncoder, Projector, ViT

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DualEncoder(ViT(SIZE, patch=8, width=WIDTH, depth=2), Projector(words, width=WIDTH), WIDTH)


def fitted(model: DualEncoder, kept: Examples, plan: Plan) -> None:
    """Fit the text tower to the frozen image tower (locked-image tuning, arXiv:2111.07991)."""
    from dataclasses import replace

    from openitr.objectives import InfoNCE
    from openitr.train import Trainer

    model.requires_grad_(True)
    Trainer(model, InfoNCE(), replace(plan, freeze=("image.", "image_head."), shift=0, epochs=15), kept).fit()


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
