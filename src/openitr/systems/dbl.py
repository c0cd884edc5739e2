"""Deep Boosting Learning: an anchor and a target that must separate better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from openitr.models import DualEncoder
    from openitr.train import Examples

SEEDS = 3


def experiment(budget: Budget) -> Outcome:
    """Photos and captions: the target of a boosted pair against a model trained by the triplet loss as long."""
    import numpy as np
    import torch

    from openitr.objectives import Boost
    from openitr.systems import frozen
    from openitr.train import Examples, Plan
    from openitr.train.boosted import boosted
    from openitr.train.probe import recall

    found = frozen.pairs(budget, "flickr8k", split="val")
    data = Examples(torch.from_numpy(found.images), torch.from_numpy(found.texts), found.owners)
    gaps: dict[str, list[float]] = {"triplet": [], "absolute boost": [], "relative boost": []}
    sums: dict[str, list[float]] = {name: [] for name in gaps}
    for seed in range(budget.seed, budget.seed + SEEDS):
        order = np.random.default_rng(seed).permutation(len(data))
        train, held = data.some(order[:700]), data.some(order[700:])
        plan = Plan(epochs=40, batch=128, rate=1e-3, clip=2.0, seed=seed)
        for name, boost in (("absolute boost", Boost("abs")), ("relative boost", Boost("rel"))):
            anchor, target = projectors(train, seed), projectors(train, seed)
            boosted(anchor, target, train, plan, boost=boost)
            gaps[name].append(gap(target, held))
            sums[name].append(recall(target, held).rsum)
        # The anchor is the triplet model: nothing flows back to it, and it saw the same batches as often.
        gaps["triplet"].append(gap(anchor, held))
        sums["triplet"].append(recall(anchor, held).rsum)
    wide = {name: float(np.mean(values)) for name, values in gaps.items()}
    rsum = {name: float(np.mean(values)) for name, values in sums.items()}
    return Outcome(
        [
            Check(
                "the relative boost widens the mean gap from the right picture to the best wrong one",
                {f"gap, {name}": round(value, 4) for name, value in wide.items()},
                wide["relative boost"] > wide["triplet"],
            ),
            Check(
                "and raises RSUM above that of an equally trained triplet model",
                {f"RSUM, {name}": round(value, 1) for name, value in rsum.items()},
                rsum["relative boost"] > rsum["triplet"],
            ),
        ],
        f"Flickr8k val, vectors of the default model; projectors from scratch, 700 photos to train, 300 held out, "
        f"{SEEDS} seeds",
        ["Anchor and target begin with the same weights.", "The absolute boost is reported, not asserted."],
    )


def projectors(train: Examples, seed: int) -> DualEncoder:
    """Fresh projectors of both sides, the same for a seed."""
    import torch

    from openitr.models import DualEncoder, Projector

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = DualEncoder(Projector(train.pictures.shape[1], width=128), Projector(train.texts.shape[1], width=128))
    model.image.fit(train.pictures)
    model.text.fit(train.texts)
    return model


def gap(model: DualEncoder, held: Examples) -> float:
    """Mean over the texts of the score of their picture less that of the best other picture."""
    import numpy as np

    from openitr.train import encode

    images, texts, owner = encode(model, held)
    scores = texts @ images.T
    rows = np.arange(len(texts))
    own = scores[rows, owner].copy()
    scores[rows, owner] = -np.inf
    return float((own - scores.max(1)).mean())


CARD = Card(
    slug="dbl",
    title="Deep Boosting Learning: a brand-new cooperative approach for image-text matching",
    year=2024,
    family="objectives",
    claim="A target matcher that must exceed an anchor's separation by a margin separates and retrieves better.",
    parts=("openitr.objectives.Boost", "openitr.train.boosted.boosted"),
    experiment=experiment,
)
