"""SCOLD: targets shared among the pictures of one concept."""

from __future__ import annotations

from openitr.systems.card import Budget, Card, Check, Number, Outcome, averages, numbers

SEEDS = 3


def experiment(budget: Budget) -> Outcome:
    """Stamps, their folders as concepts: naming the folder of an unseen stamp, and finding it by its own text."""
    import numpy as np
    import torch

    from openitr.collection.places import cache_folder
    from openitr.datasets import read
    from openitr.objectives import InfoNCE, Scold
    from openitr.train import Plan
    from openitr.train.frozen import FrozenTowers, feature_examples
    from openitr.train.probe import probe

    towers = FrozenTowers()
    data = read(budget.data("tuxpaint")).language("en")
    examples = feature_examples(
        data, towers, lang="en", label="category", say=lambda line: None, cache=cache_folder() / "features"
    )
    assert examples.labels is not None
    sizes = examples.labels.bincount()
    kept = np.flatnonzero((sizes[examples.labels] >= 8).numpy())
    examples = examples.some(kept)
    assert examples.labels is not None
    # A label's number is its place among the sorted folder names.
    folders = sorted({str(pair.metadata["category"]) for pair in data})
    concepts = examples.labels.unique()
    names = towers.texts([folders[int(c)].rpartition("/")[2].replace("_", " ") for c in concepts])
    accuracy: dict[str, list[float]] = {"InfoNCE": [], "SCOLD": []}
    recall: dict[str, list[float]] = {"InfoNCE": [], "SCOLD": []}
    for seed in range(budget.seed, budget.seed + SEEDS):
        order = np.random.default_rng(seed).permutation(len(examples))
        train, held = examples.some(order[: len(order) * 3 // 4]), examples.some(order[len(order) * 3 // 4 :])
        assert held.labels is not None
        for name, objective in (("InfoNCE", InfoNCE()), ("SCOLD", Scold())):
            model, found = probe(train, held, objective, Plan(epochs=60, batch=128, rate=1e-3, seed=seed))
            with torch.inference_mode():
                scores = model.encode_images(held.pictures) @ model.encode_texts(names).T
            accuracy[name].append(float((concepts[scores.argmax(1)] == held.labels).float().mean() * 100))
            recall[name].append(found.t2i["R@5"])
    means = averages(accuracy)
    pairs = averages(recall)
    each: dict[str, Number] = {
        f"accuracy, {name}, seed {seed}": round(value, 1)
        for name, values in accuracy.items()
        for seed, value in enumerate(values, budget.seed)
    }
    return Outcome(
        [
            Check(
                "the folder of an unseen stamp is named right more often than after InfoNCE, in the mean of the seeds",
                each,
                means["SCOLD"] > means["InfoNCE"],
            ),
            Check(
                "its own text still finds it: R@5 within 2 points of InfoNCE, or above",
                numbers("T2I R@5", pairs, 2),
                pairs["SCOLD"] >= pairs["InfoNCE"] - 2,
            ),
        ],
        f"Tux Paint: {len(examples)} stamps of {len(concepts)} folders with 8 or more, English, a quarter held out, "
        f"{SEEDS} seeds; frozen features, projectors from scratch",
        ["A folder is asked for by the last word of its path; the form of the targets is ours."],
    )


CARD = Card(
    slug="scold",
    title="SCOLD: vision-language model with soft targets for leaf diseases",
    year=2025,
    family="objectives",
    claim="Where many captions mean the same concept, softened contrastive targets beat InfoNCE at naming it.",
    parts=("openitr.objectives.Scold", "openitr.objectives.SameLabel", "openitr.train.probe.probe"),
    experiment=experiment,
)
