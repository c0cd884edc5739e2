"""VIRTUE: a box in the picture is part of the question, and the rest of the picture still counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from openitr.datasets.scenes import Scene, What, World, render
from openitr.embeddings import DenseEmbeddings, Floats, Ints
from openitr.encoders.region_prompts import RegionEncoder, point_grid, shrunk
from openitr.errors import InputError
from openitr.evaluate.scar import ScarEvaluator, ScarItem, ScarReport
from openitr.media.prepare import Preparation
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.types import ImageArray

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.models import RegionViT, WordTokenizer

SIDE, WIDTH, TRAIN, HELD, STEPS = 32, 64, 1500, 120, 500
WORLD = World(
    kinds=("circle", "square", "triangle", "star"),
    colours=("red", "blue", "green", "yellow"),
    patterns=("plain",),
    sizes=("large",),
    backgrounds=("plain",),
    things=(3, 3),
    arranged=0.0,
)
Sight = Literal["box", "crop", "whole"]
Box: TypeAlias = tuple[float, float, float, float]


def experiment(budget: Budget) -> Outcome:
    """Scenes of three things: a model that is given box and picture, one that sees the crop, one that sees it all."""
    from openitr.models import WordTokenizer

    kept = [WORLD.sample(budget.seed + seed) for seed in range(TRAIN)]
    held = [WORLD.sample(10**6 + budget.seed + seed) for seed in range(HELD)]
    tokenizer = WordTokenizer.fit([told(scene, *pair) for scene in kept for pair in pairs(scene)])
    items = [item for scene in held for item in items_of(scene)]
    evaluator = ScarEvaluator(items)
    sights: tuple[Sight, ...] = ("box", "crop", "whole")
    models = {sight: trained(kept, tokenizer, sight, budget) for sight in sights}
    found = {sight: evaluator(scorer(model, sight)) for sight, model in models.items()}
    return Outcome(
        [
            Check(
                "with the box, the right one of the captions is found in > 85%",
                {"accuracy, box": round(found["box"].accuracy, 1)} | _numbers(found["box"], "box"),
                found["box"].accuracy > 85,
            ),
            Check(
                "the crop alone is lost where the scene was changed, the whole picture alone where the thing was; both "
                "stay below 60% there (half is guessing), and above it against the other change",
                {
                    "accuracy, crop": round(found["crop"].accuracy, 1),
                    "accuracy, whole": round(found["whole"].accuracy, 1),
                }
                | _numbers(found["crop"], "crop")
                | _numbers(found["whole"], "whole"),
                found["crop"].against["scene"] < 60 < found["crop"].against["object"]
                and found["whole"].against["object"] < 60 < found["whole"].against["scene"],
            ),
            prompts(models["box"], held[0]),
        ],
        f"{TRAIN} scenes of three things at {SIDE} px to train on, {len(items)} questions about {HELD} others",
        [
            "A small ViT stands in for Qwen2-VL, the exact box for SAM's mask; all three models train alike.",
            "Wrong captions name another thing of the picture in the place of the one meant (object), or a neighbour "
            "that the picture has not (scene).",
        ],
    )


def _numbers(report: ScarReport, name: str) -> dict[str, float | int | str]:
    return {f"{name}, told from a wrong {kind}": round(share, 1) for kind, share in report.against.items()}


def nearest(scene: Scene, thing: int) -> int:
    """The thing whose middle is nearest."""
    x, y = scene.things[thing].centre
    away = [
        np.inf if i == thing else float(np.hypot(t.centre[0] - x, t.centre[1] - y)) for i, t in enumerate(scene.things)
    ]
    return int(np.argmin(away))


def pairs(scene: Scene) -> list[tuple[int, int]]:
    """Every thing that looks like no other, with what is nearest to it, where that looks like no other too."""
    looks = [(t.kind, t.colour) for t in scene.things]
    alone = [i for i, look in enumerate(looks) if looks.count(look) == 1]
    return [(i, nearest(scene, i)) for i in alone if nearest(scene, i) in alone]


def told(scene: Scene, thing: int, near: int) -> str:
    """What is there, and next to what."""
    return f"a {_look(scene, thing)} next to a {_look(scene, near)}"


def _look(scene: Scene, thing: int) -> str:
    what = scene.things[thing]
    return f"{what.colour} {what.kind}"


def items_of(scene: Scene) -> list[ScarItem]:
    """Questions about one scene."""
    picture, found = render(scene, SIDE), list[ScarItem]()
    looks = {(t.kind, t.colour) for t in scene.things}
    absent = [What(k, c) for k in WORLD.kinds for c in WORLD.colours if (k, c) not in looks]
    for number, (thing, near) in enumerate(pairs(scene)):
        others = [i for i in range(len(scene.things)) if i not in (thing, near)]
        missing = absent[(7 * number + len(found) + sum(map(ord, _look(scene, thing)))) % len(absent)]
        wrong = {
            "object": [told(scene, other, near) for other in others],
            "scene": [f"a {_look(scene, thing)} next to a {missing.colour} {missing.kind}"],
        }
        found.append(ScarItem(picture, box_of(scene, thing), told(scene, thing, near), wrong))
    return found


def box_of(scene: Scene, thing: int) -> Box:
    """In pixels of a picture with side SIDE."""
    x0, y0, x1, y1 = (float(np.clip(v, 0, 1)) * SIDE for v in scene.things[thing].box)
    return x0, y0, x1, y1


def views(pictures: Sequence[ImageArray], boxes: Sequence[Box], sight: Sight) -> tuple[Tensor, Tensor | None]:
    """What a model is shown: (n, 3, SIDE, SIDE) pixels, and (n, 1, SIDE, SIDE) masks where it is told of the box."""
    import torch
    from PIL import Image

    from openitr.diagnose.towers import pixels
    from openitr.encoders.region_prompts import RegionPrompt, by_colour

    if sight == "crop":
        shown = [
            np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box))
            for picture, box in zip(pictures, boxes, strict=True)
        ]
        return pixels(shown), None
    if sight == "whole":
        return pixels(pictures), None
    marked = [
        shrunk(RegionPrompt(box=box).masks(picture, by_colour)[0], SIDE)
        for picture, box in zip(pictures, boxes, strict=True)
    ]
    return pixels(pictures), torch.from_numpy(np.stack(marked))[:, None]


def trained(scenes: Sequence[Scene], tokenizer: WordTokenizer, sight: Sight, budget: Budget) -> RegionViT:
    """A model of captions and pictures that sees the box and all, the crop, or all."""
    import torch
    from torch.nn import functional as F

    from openitr.diagnose.towers import fit
    from openitr.models import RegionViT, ViT, Windows

    asked = [(row, *pair) for row, scene in enumerate(scenes) for pair in pairs(scene)]
    pictures = [render(scene, SIDE) for scene in scenes]
    seen, masks = views([pictures[row] for row, *_ in asked], [box_of(scenes[row], i) for row, i, _ in asked], sight)
    ids = tokenizer.encode([told(scenes[row], i, near) for row, i, near in asked])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(budget.seed)
        text = Windows(len(tokenizer), width=WIDTH, window=4)
        model = RegionViT(ViT(SIDE, patch=8, width=WIDTH, depth=2), text, tokenizer, WIDTH, side=8)

    def loss(rows: Ints) -> Tensor:
        vectors = model(seen[rows], None if masks is None else masks[rows])
        # Captions that are the same are one candidate.
        candidates, own = torch.unique(ids[rows], dim=0, return_inverse=True)
        return F.cross_entropy(vectors @ model.read(candidates).T / 0.07, own)

    fit(model, loss, len(asked), steps=STEPS, batch=64, rate=3e-3, seed=budget.seed)
    return model


def scorer(model: RegionViT, sight: Sight) -> Callable[[ScarItem, Sequence[str]], Floats]:
    """Cosines of a question with captions."""
    import torch

    def score(item: ScarItem, captions: Sequence[str]) -> Floats:
        with torch.inference_mode():
            vector = model(*views([item.image], [item.box], sight))
            found: Floats = (vector @ model.read(model.tokenizer.encode(list(captions))).T)[0].numpy()
        return found

    return score


def prompts(model: RegionViT, scene: Scene) -> Check:
    """What any encoder of prompts must do, on one picture."""
    encoder, picture = RegionEncoder(model, Preparation(SIDE)), render(scene, 64)

    def apart(one: DenseEmbeddings, other: DenseEmbeddings) -> float:
        return float(np.abs(one.values - other.values).max())

    everything = encoder.encode(picture, mask=np.ones((64, 64), bool)), encoder.encode(picture, box=(0, 0, 64, 64))
    unsaid, again = encoder.encode(picture), encoder.encode(picture)
    grid = encoder.encode_prompts(picture, point_grid(picture))
    twice = [[2 * v for v in box_of(scene, i)] for i in (0, 1)]
    one, other = (encoder.encode(picture, box=(a, b, c, d)) for a, b, c, d in twice)
    refused = 0
    outside: list[dict[str, Any]] = [
        {"point": (64, 3)},
        {"point": (-1, 3)},
        {"box": (0, 0, 65, 10)},
        {"box": (5, 5, 5, 9)},
        {"mask": np.ones((63, 64), bool)},
    ]
    for asked in outside:
        try:
            encoder.encode(picture, **asked)
        except InputError:
            refused += 1
    return Check(
        "a full mask is a full box (to 1e-5), no prompt is the grid of nine points, another box another vector, what "
        "is outside is refused",
        {
            "full mask to full box": apart(*everything),
            "no prompt to itself": apart(unsaid, again),
            "no prompt to nine points": apart(unsaid, grid),
            "one box to another": round(apart(one, other), 3),
            "refused of five": refused,
        },
        apart(*everything) < 1e-5
        and apart(unsaid, again) == 0
        and apart(unsaid, grid) == 0
        and apart(one, other) > 0.01
        and refused == len(outside),
    )


CARD = Card(
    slug="virtue",
    title="VIRTUE: Visual-Interactive Text-Image Universal Embedder",
    year=2025,
    family="encoders",
    claim="Told of a point, box or mask, an embedder answers about that thing in its scene; crops and wholes cannot.",
    parts=(
        "openitr.encoders.region_prompts.RegionEncoder",
        "openitr.encoders.region_prompts.RegionPrompt",
        "openitr.models.RegionViT",
        "openitr.evaluate.scar.ScarEvaluator",
    ),
    experiment=experiment,
)
