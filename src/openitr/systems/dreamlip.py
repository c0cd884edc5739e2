# mypy: disallow-subclassing-any=False
"""DreamLIP: the sentences of a long caption, each with the patches that it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome, averages, numbers

if TYPE_CHECKING:
    from torch import Tensor, nn

    from openitr.embeddings import Ints
    from openitr.models import DualEncoder
    from openitr.objectives import Objective
    from openitr.train import Examples
    from openitr.train.frozen import FrozenTowers

TRAIN, HELD, GRID, WIDTH, SEEDS = 160, 200, 8, 96, 3


def experiment(budget: Budget) -> Outcome:
    """Canvases of three or four stamps with a sentence for each: one sentence asks for a canvas, and points into it."""
    import numpy as np
    import torch

    from openitr.objectives import InfoNCE, SubCaptions
    from openitr.systems.canvases import canvases
    from openitr.train import Examples, Plan, Trainer
    from openitr.train.frozen import FrozenTowers

    towers = FrozenTowers(threads=1)
    drawn = canvases(budget, TRAIN + HELD, towers.preparation.size, seed=budget.seed)
    maps = squares(towers, torch.from_numpy(drawn.pictures))
    names = towers.texts(drawn.names)[:, :384]
    kept, held = drawn.stamps[:TRAIN], drawn.stamps[TRAIN:]
    apart = sentences(maps[:TRAIN], kept, names)
    # The long caption in one piece: its sentences joined, as the frozen tower reads them.
    joined = [" ".join(drawn.names[kind] for kind in row if kind >= 0) for row in kept]
    together = Examples(maps[:TRAIN], towers.texts(joined)[:, :384], np.arange(TRAIN))
    found: dict[str, list[float]] = {}
    for seed in range(budget.seed, budget.seed + SEEDS):
        schemes: dict[str, tuple[Objective, Examples, int]] = {
            "sub-captions": (SubCaptions(), apart, 0),
            "sub-captions without patches": (SubCaptions(weight=0.0), apart, 0),
            "whole caption": (InfoNCE(), together, 1),
        }
        for name, (objective, data, texts) in schemes.items():
            model = heads(maps.shape[2], names.shape[1], seed)
            Trainer(model, objective, Plan(epochs=30, batch=40, rate=2e-3, texts=texts, seed=seed), data).fit()
            found.setdefault(f"R@1, {name}", []).append(asked(model, maps[TRAIN:], held, names))
            for what, value in zip(("mass", "peak"), pointed(model, maps[TRAIN:], held, names), strict=True):
                found.setdefault(f"{what}, {name}", []).append(value)
    means = averages(found)
    r1, mass, peak = (
        {n.split(", ")[1]: v for n, v in means.items() if n.startswith(what)} for what in ("R@1", "mass", "peak")
    )
    return Outcome(
        [
            Check(
                "one sentence finds a canvas with its stamp first more often than after training on whole captions",
                numbers("R@1", r1, 1),
                r1["sub-captions"] > r1["whole caption"],
            ),
            Check(
                "a sentence's heat map lies in the right quadrant: 1.5 times the mass of chance, and twice its peaks",
                {
                    "mass, sub-captions": round(mass["sub-captions"], 3),
                    "peak, sub-captions": round(peak["sub-captions"], 3),
                    "chance": 0.25,
                },
                mass["sub-captions"] > 1.5 * 0.25 and peak["sub-captions"] > 2 * 0.25,
            ),
            Check(
                "grouped patches make the heat map sharper than sentences alone do",
                {f"{what}, {n}": round(v[n], 3) for n in list(r1)[1:] for what, v in (("mass", mass), ("peak", peak))},
                peak["sub-captions"] > peak["sub-captions without patches"],
                counts=False,
            ),
        ],
        f"Tux Paint: {TRAIN} canvases of 3 or 4 out of 40 stamps to train on, {HELD} held out, {SEEDS} seeds; heads on "
        "the frozen maps of the shipped tower",
        [
            "A canvas is right for a sentence if it shows the stamp. The thresholds of the heat map are ours.",
            "The frozen map sees beyond a quadrant's edge, which spreads the heat.",
            "The caption generator of the paper is not part of this card: the sentences are known.",
        ],
    )


def squares(towers: FrozenTowers, pictures: Tensor, grid: int = GRID) -> Tensor:
    """Pictures as (n, grid * grid, 120) patches of the frozen map."""
    import torch

    maps = torch.nn.functional.adaptive_avg_pool2d(towers.maps(pictures), grid)
    return maps.flatten(2).transpose(1, 2).contiguous()


def sentences(maps: Tensor, stamps: Ints, names: Tensor) -> Examples:
    """A text for each stamp of each canvas."""
    import numpy as np
    import torch

    from openitr.train import Examples

    rows, cells = np.nonzero(stamps >= 0)
    return Examples(maps, names[torch.from_numpy(stamps[rows, cells])], rows)


def heads(features: int, words: int, seed: int) -> DualEncoder:
    """Patches as :func:`patch_net` sees them; a projector on the sentence."""
    import torch

    from openitr.models import DualEncoder, Projector

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DualEncoder(patch_net(features), Projector(words, width=WIDTH), WIDTH)


def patch_net(features: int) -> nn.Module:
    """A net on every patch by itself, their mean as the picture."""
    import torch
    from torch import nn

    from openitr.models import Encoded

    class Patches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.width, self.config = WIDTH, {"features": features}
            self.net = nn.Sequential(
                nn.BatchNorm1d(features, affine=False), nn.Linear(features, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH)
            )

        def forward(self, patches: Tensor, *, tokens: Tensor | None = None) -> Encoded:
            states = self.net(patches.flatten(0, 1)).unflatten(0, patches.shape[:2])
            return Encoded(
                states.mean(1), states, torch.ones(patches.shape[:2], dtype=torch.bool, device=patches.device)
            )

    return Patches()


def asked(model: nn.Module, maps: Tensor, stamps: Ints, names: Tensor) -> float:
    """How often the first canvas for a stamp's sentence shows that stamp, in percent."""
    import torch

    with torch.inference_mode():
        first = (model.eval().encode_texts(names) @ model.encode_images(maps).T).argmax(1).numpy()
    return 100 * sum(kind in stamps[row] for kind, row in enumerate(first)) / len(names)


def pointed(model: nn.Module, maps: Tensor, stamps: Ints, names: Tensor) -> tuple[float, float]:
    """Of the sentences' heat maps, on canvases that show their stamp: mean mass in its quadrant, and share of peaks."""
    import numpy as np
    import torch

    from openitr.objectives import grouping

    rows, cells = np.nonzero(stamps >= 0)
    with torch.inference_mode():
        seen = model.eval().view_images(maps)
        said = model.encode_texts(names)[torch.from_numpy(stamps[rows, cells])]
        heat = grouping(seen.tokens[rows], seen.mask[rows], said)
    # (n, down, 4, across, 4): sums over the cells of each quadrant.
    squared = heat.unflatten(1, (2, GRID // 2, 2, GRID // 2))
    mass, top = squared.sum((2, 4)).flatten(1), squared.amax((2, 4)).flatten(1)
    right = torch.from_numpy(cells)
    return float(mass[torch.arange(len(rows)), right].mean()), float((top.argmax(1) == right).float().mean())


CARD = Card(
    slug="dreamlip",
    title="DreamLIP: language-image pre-training with long captions",
    year=2024,
    family="objectives",
    claim="Sentences of a long caption, each a positive with its own patches, beat the caption in one piece.",
    parts=("openitr.objectives.SubCaptions", "openitr.objectives.grouping", "openitr.train.sentences.split"),
    experiment=experiment,
)
