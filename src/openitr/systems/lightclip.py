"""LightCLIP: soft targets, matched words and patches, and masked words, for small towers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome, averages

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.models import DualEncoder, WordTokenizer
    from openitr.objectives import Objective

TRAIN, HELD, GRID, WIDTH, EPOCHS, BATCH, SEEDS = 160, 200, 4, 64, 30, 48, 3


def experiment(budget: Budget) -> Outcome:
    """Canvases of stamps, one sentence drawn for each: in every batch, captions repeat and negatives are half right."""
    import torch

    from openitr.models import WordTokenizer
    from openitr.objectives import InfoNCE, LightCLIPLoss, Softened
    from openitr.systems.canvases import canvases
    from openitr.systems.dreamlip import asked, sentences, squares
    from openitr.train import Plan, Trainer
    from openitr.train.frozen import FrozenTowers

    towers = FrozenTowers(threads=1)
    drawn = canvases(budget, TRAIN + HELD, towers.preparation.size, seed=budget.seed)
    maps = squares(towers, torch.from_numpy(drawn.pictures), GRID)
    tokenizer = WordTokenizer.fit(drawn.names, length=12)
    names = tokenizer.encode(drawn.names)
    kept = sentences(maps[:TRAIN], drawn.stamps[:TRAIN], names)
    steps = EPOCHS * (TRAIN // BATCH)
    found: dict[str, list[float]] = {}
    for seed in range(budget.seed, budget.seed + SEEDS):
        ways: dict[str, Objective] = {
            "InfoNCE": InfoNCE(),
            "softened": Softened(steps=steps),
            "all three": LightCLIPLoss(steps=steps),
        }
        for name, objective in ways.items():
            model = towers_of(maps.shape[2], tokenizer, seed)
            Trainer(model, objective, Plan(epochs=EPOCHS, batch=BATCH, rate=2e-3, seed=seed), kept).fit()
            found.setdefault(name, []).append(asked(model, maps[TRAIN:], drawn.stamps[TRAIN:], names))
    means = averages(found)
    hard, soft = push()
    trained, alone = (sum(p.numel() for p in m.parameters()) for m in (model, model.student()))
    baseline = sum(p.numel() for p in towers_of(maps.shape[2], tokenizer, 0, plain=True).parameters())
    return Outcome(
        [
            Check(
                "a text that says the same is pushed away less: gradient on such negatives, soft targets against hard",
                {"gradient, hard": round(hard, 4), "gradient, soft": round(soft, 4)},
                soft < hard,
            ),
            Check(
                "a sentence finds a canvas with its stamp first as often as after InfoNCE, or more: softened targets",
                {f"R@1, {name}": round(value, 1) for name, value in means.items() if name != "all three"},
                means["softened"] >= means["InfoNCE"],
            ),
            Check(
                "and so do all three tasks together",
                {"R@1, all three": round(means["all three"], 1)},
                means["all three"] >= means["InfoNCE"],
            ),
            Check(
                "what is searched with has as many parameters as the baseline",
                {"parameters in training": trained, "searched with": alone, "baseline": baseline},
                alone == baseline < trained,
            ),
        ],
        f"Tux Paint: {TRAIN} canvases of 3 or 4 out of 40 stamps to train on, {HELD} held out, one sentence drawn "
        f"a step, batches of {BATCH}, {SEEDS} seeds; a net on frozen patches and a text transformer from scratch",
        ["A canvas is right for a sentence if it shows the stamp.", "Weights of the tasks are ours."],
    )


def towers_of(features: int, tokenizer: WordTokenizer, seed: int, *, plain: bool = False) -> DualEncoder:
    """A net on patches and a small text transformer; with the head for masked words unless ``plain``."""
    import torch

    from openitr.models import DualEncoder, Injected, TextTransformer
    from openitr.systems.dreamlip import patch_net

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        text = TextTransformer(len(tokenizer), length=12, width=WIDTH, depth=1)
        return (DualEncoder if plain else Injected)(patch_net(features), text, WIDTH)


def push() -> tuple[float, float]:
    """How hard a negative with the very same text is pushed away from a picture, under hard and softened targets."""
    import torch

    from openitr.objectives import Batch, InfoNCE, Softened

    made = torch.Generator().manual_seed(0)
    v, t = (torch.nn.functional.normalize(torch.randn(8, 16, generator=made), dim=1) for _ in range(2))
    t[1] = t[0]
    softened = Softened(0.3, steps=1)
    softened.update(Batch(v, t))
    return pressed(InfoNCE(), v, t), pressed(softened, v, t)


def pressed(objective: Objective, v: Tensor, t: Tensor) -> float:
    """Slope of the loss along the score of picture 0 and text 1, which repeats text 0."""
    import torch

    from openitr.objectives import Batch

    # In a dimension of its own, text 1 moves towards picture 0 and towards nothing else.
    mark = torch.zeros(len(v), 1)
    mark[0] = 1.0
    shift = torch.zeros((), requires_grad=True)
    moved = torch.cat([t, (torch.arange(len(t)) == 1)[:, None] * shift], 1)
    loss = objective(Batch(torch.cat([v, mark], 1), moved))
    return float(torch.autograd.grad(loss, shift)[0])


CARD = Card(
    slug="lightclip",
    title="LightCLIP: learning multi-level interaction for lightweight vision-language models",
    year=2023,
    family="objectives",
    claim="Softened targets, matched tokens and masked words train small towers better, at no cost in search.",
    parts=(
        "openitr.objectives.LightCLIPLoss",
        "openitr.objectives.Softened",
        "openitr.objectives.Assigned",
        "openitr.models.Injected",
    ),
    experiment=experiment,
)
