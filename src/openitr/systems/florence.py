"""Florence's reusable core: contrast in the space of pictures, texts and labels (UniCL)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome, averages, numbers

if TYPE_CHECKING:
    from openitr.objectives import Objective
    from openitr.systems.digits import Digits

SEEDS = 3


def experiment(budget: Budget) -> Outcome:
    """Digits with eight paraphrased captions each: naming an unseen digit after UniCL and after InfoNCE."""
    import torch

    from openitr.models import inflate
    from openitr.objectives import InfoNCE, UniCL
    from openitr.systems.digits import digits

    data = digits()
    found: dict[str, list[float]] = {}
    for seed in range(budget.seed, budget.seed + SEEDS):
        for epochs in (2, 8):
            for name, objective in (("InfoNCE", InfoNCE()), ("UniCL", UniCL())):
                found.setdefault(f"{name}, {epochs} epochs", []).append(named(data, objective, epochs, seed))
    means = averages(found)
    conv = torch.nn.Conv2d(1, 4, 3, padding=1)
    frame = data.pictures[:16].reshape(16, 1, 8, 8)
    with torch.inference_mode():
        video = inflate(conv, 4)(frame.unsqueeze(2).expand(-1, -1, 4, -1, -1))[:, :, 0]
        differs = float((video - conv(frame)).abs().max())
    return Outcome(
        [
            Check(
                "after two and after eight epochs, one prompt a class names unseen digits better than after InfoNCE",
                numbers("accuracy", means, 2),
                all(means[f"UniCL, {n} epochs"] > means[f"InfoNCE, {n} epochs"] for n in (2, 8)),
            ),
            Check(
                "an inflated convolution gives on equal frames what the flat one gives on one",
                {"largest difference": float(f"{differs:.2g}")},
                differs < 1e-5,
            ),
        ],
        f"scikit-learn's {len(data.labels)} digits, a quarter held out, 8 paraphrases each, {SEEDS} seeds",
        ["Captions differ within a class: identical ones would give both losses the same gradient."],
    )


def named(data: Digits, objective: Objective, epochs: int, seed: int) -> float:
    """Accuracy in percent of naming held-out digits by one prompt a class."""
    import numpy as np
    import torch

    from openitr.systems.digits import said
    from openitr.systems.m2_encoder import accuracy, fresh
    from openitr.train import Examples, Plan, Trainer

    model, tokenizer = fresh(data, ("en",), seed)
    rows, held = data.split(seed)
    examples = Examples(
        data.pictures[torch.from_numpy(rows)],
        tokenizer.encode(said(data.labels[rows], "en", seed)),
        np.arange(len(rows)),
        torch.from_numpy(data.labels[rows]),
    )
    Trainer(model, objective, Plan(epochs=epochs, batch=64, rate=1e-3, seed=seed), examples).fit()
    return accuracy(model, tokenizer, data, held, "en")


CARD = Card(
    slug="florence",
    title="Florence: a new foundation model for computer vision",
    year=2021,
    family="objectives",
    claim="Texts of one label are all right for its pictures: contrast with labels beats contrast of pairs.",
    parts=("openitr.objectives.UniCL", "openitr.objectives.hash_labels", "openitr.models.inflate"),
    experiment=experiment,
)
