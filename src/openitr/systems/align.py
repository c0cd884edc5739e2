"""ALIGN: a plain dual encoder, label smoothing, and how much data makes up for how much noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    import numpy as np

    from openitr.train import Examples

SEEDS = 3


def experiment(budget: Budget) -> Outcome:
    """Photos whose captions are partly swapped: recall against noise, and against twice the data."""
    import numpy as np
    import torch

    from openitr.systems import frozen
    from openitr.train import Examples

    found = frozen.pairs(budget, "flickr8k", split="val")
    data = Examples(torch.from_numpy(found.images), torch.from_numpy(found.texts), found.owners)
    cases = {"clean": (350, 0.0), "10% noise": (350, 0.1), "30% noise": (350, 0.3), "50% noise": (350, 0.5)}
    cases["30% noise, twice the pairs"] = (700, 0.3)
    recall = dict.fromkeys(cases, 0.0)
    for seed in range(budget.seed, budget.seed + SEEDS):
        order = np.random.default_rng(seed).permutation(len(data))
        for name, (many, noise) in cases.items():
            recall[name] += trained(data.some(order[:many]), data.some(order[700:]), noise, seed) / SEEDS
    clean, half, more = recall["clean"], recall["50% noise"], recall["30% noise, twice the pairs"]
    gap, nearest = composed(data)
    return Outcome(
        [
            Check(
                "R@1 falls with the share of swapped captions, from none over 30% to half",
                {f"T2I R@1, {name}": round(value, 2) for name, value in recall.items() if "twice" not in name},
                clean > recall["30% noise"] > half,
            ),
            Check(
                "at 30% noise, twice the pairs bring R@1 back to that of clean pairs",
                {"T2I R@1, 30% noise, twice the pairs": round(more, 2), "clean, half as many": round(clean, 2)},
                more >= clean,
            ),
            Check(
                "picture plus words finds pictures nearer to the words than the picture alone does",
                {"cosine to the words, picture + words": round(gap, 4), "cosine, picture alone": round(nearest, 4)},
                gap > nearest,
            ),
        ],
        f"Flickr8k val, vectors of the default model; projectors from scratch, 300 photos held out, {SEEDS} seeds",
        [
            "Captions are swapped among photos: alt texts of the web are wrong in other ways.",
            "The frequency rules by which ALIGN cleans its pairs are not part of this card.",
        ],
    )


def trained(kept: Examples, held: Examples, noise: float, seed: int) -> float:
    """T2I R@1 of projectors trained with the smoothed loss on pairs of which a share is swapped."""
    from openitr.objectives import InfoNCE
    from openitr.train import Plan
    from openitr.train.probe import mismatched, probe

    noisy, _ = mismatched(kept, noise, seed)
    # As many steps for every case: more pairs must not mean more training.
    plan = Plan(epochs=30 * 350 // len(kept), batch=128, rate=2e-3, seed=seed)
    _, found = probe(noisy, held, InfoNCE(smoothing=0.1), plan)
    return found.t2i["R@1"]


def composed(data: Examples) -> tuple[float, float]:
    """Mean cosine to a modifier of the ten pictures found by ``norm(v + t)``, and by the picture alone.

    The modifier is the first caption of another photo; the photo asked with is left out.
    """
    import numpy as np

    images, texts = data.pictures.numpy(), data.texts.numpy()
    first = np.flatnonzero(np.r_[True, np.diff(data.owner) > 0])
    modifiers = texts[np.roll(first, 1)]
    near = images @ modifiers.T
    return _around(images + modifiers, images, near), _around(images, images, near)


def _around(queries: np.ndarray, images: np.ndarray, near: np.ndarray) -> float:
    import numpy as np

    scores = queries @ images.T
    np.fill_diagonal(scores, -np.inf)
    best = np.argsort(-scores, 1, kind="stable")[:, :10]
    return float(np.mean([near[best[row], row].mean() for row in range(len(images))]))


CARD = Card(
    slug="align",
    title="Scaling Up Visual and Vision-Language Representation Learning With Noisy Text Supervision",
    year=2021,
    family="models",
    claim="A plain dual encoder on noisy alt texts: the scale of the data makes up for its noise.",
    parts=("openitr.models.DualEncoder", "openitr.objectives.InfoNCE", "openitr.train.probe.mismatched"),
    experiment=experiment,
)
