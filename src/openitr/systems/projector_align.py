"""Projectors between frozen encoders, and CKA to choose the encoders by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Number, Outcome

if TYPE_CHECKING:
    from openitr.train import Examples, Plan

GALLERY = 1000  # chance is 1 % at R@10


def experiment(budget: Budget) -> Outcome:
    """Drawings with their titles: how well projectors align the frozen towers, and whether CKA foresees it."""
    import numpy as np

    from openitr.collection.places import cache_folder
    from openitr.datasets import read
    from openitr.objectives import InfoNCE
    from openitr.train import Plan
    from openitr.train.frozen import FrozenTowers, feature_examples
    from openitr.train.probe import probe

    towers = FrozenTowers()
    data = read(budget.data("openclipart")).language("und")
    cache = cache_folder() / "features"
    examples = feature_examples(data, towers, lang="und", say=lambda line: None, cache=cache)
    order = np.random.default_rng(budget.seed).permutation(len(examples))
    kept, held = examples.some(order[GALLERY:]), examples.some(order[:GALLERY])
    plan = Plan(epochs=30, batch=128, rate=2e-3, seed=budget.seed)
    _, found = probe(kept, held, InfoNCE(), plan, width=256)
    chance = 100 * 10 / len(held)
    pairs, correlation = foreseen(kept, held, replace(plan, epochs=15))
    return Outcome(
        [
            Check(
                "projectors find the drawing of a title at least 20 times as often as chance (R@10)",
                {"T2I R@10": round(found.t2i["R@10"], 2), "chance R@10": round(chance, 2)},
                found.t2i["R@10"] >= 20 * chance,
            ),
            Check(
                "encoder pairs with higher CKA align better: Spearman above 0.5 over 9 pairs",
                {"Spearman of CKA and R@10": round(correlation, 3), **pairs},
                correlation > 0.5,
            ),
        ],
        f"OpenClipart: {len(kept)} drawings to train on, {len(held)} held out, all their texts",
        [
            "An encoder pair is one layer of the image tower beside one of the text tower, so the pairs are related.",
            "The paper's curation by concepts is not part of this card.",
        ],
    )


def foreseen(kept: Examples, held: Examples, plan: Plan) -> tuple[dict[str, Number], float]:
    """CKA on the training part and R@10 on the held-out one for every pair of layers, and their rank correlation."""
    import numpy as np
    import torch

    from openitr.models import linear_cka
    from openitr.objectives import InfoNCE
    from openitr.train.probe import probe

    image = {"top": slice(0, 1280), "middle": slice(1280, 1760), "maximum": slice(1760, 1880)}
    text = {"sentence": slice(0, 384), "words": slice(384, 768), "word maximum": slice(768, 1152)}
    owner = torch.from_numpy(kept.owner)
    likeness, recall = [], []
    said: dict[str, Number] = {}
    for seen, across in image.items():
        for told, along in text.items():
            cka = linear_cka(kept.pictures[owner][:, across], kept.texts[:, along])
            learned, measured = (
                replace(part, pictures=part.pictures[:, across], texts=part.texts[:, along]) for part in (kept, held)
            )
            _, found = probe(learned, measured, InfoNCE(), plan)
            likeness.append(cka)
            recall.append(found.t2i["R@10"])
            said[f"{seen} / {told}: CKA"] = round(cka, 3)
            said[f"{seen} / {told}: R@10"] = round(found.t2i["R@10"], 1)
    one, other = (np.argsort(np.argsort(values)).astype(np.float64) for values in (likeness, recall))
    return said, float(np.corrcoef(one, other)[0, 1])


CARD = Card(
    slug="projector-align",
    title="From Unimodal to Multimodal: scaling up projectors",
    year=2024,
    family="models",
    claim="Projectors alone align frozen encoders of pictures and texts; encoders that see alike (CKA) align best.",
    parts=("openitr.models.Projector", "openitr.models.linear_cka", "openitr.train.probe.probe"),
    experiment=experiment,
)
