"""F4-ITS (2025): a description beside the picture, and its components one by one, find more of what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from openitr.embeddings import Floats
from openitr.systems.card import Budget, Card, Check, Outcome

SCENES, SIDE, ERRORS, K = 240, 256, (0.0, 0.2, 1.0), 4


@dataclass(frozen=True, eq=False)
class Described:
    """Rendered scenes, the names of all things that could be in one, and what an oracle says is in each.

    Args:
        images: (n, d) vectors of the pictures.
        items: (m, d) vectors of the names.
        names: The m names, such as "a red circle".
        true: Which names are true of each picture.
        said: What the oracle says of each, by its share of errors: rows of ``told``.
        told: (m, d) vectors of the names as the oracle words them, "a circle that is red".
    """

    images: Floats
    items: Floats
    names: list[str]
    true: list[list[int]]
    said: dict[float, list[list[int]]]
    told: Floats


def experiment(budget: Budget) -> Outcome:
    """Real photos with a caption in place of a description; scenes with an oracle that errs as it is told to."""
    from openitr import encoders
    from openitr.systems import frozen

    photos = frozen.pairs(budget, "flickr8k", split="val")
    real = described_photos(photos.images, photos.texts, photos.owners)
    world = described(encoders.load("default"), SCENES, budget.seed)
    by_query = {error: precision(world, error, components=False) for error in ERRORS}
    by_part = {error: precision(world, error, components=True) for error in ERRORS}
    alone, one_way, plain, turned = mixtures(world)
    return Outcome(
        [
            Check(
                "a photo with a description of it finds its other captions: the mixture's R@1 is above the photo's",
                {name: round(value, 2) for name, value in real.items()},
                real["R@1, both"] > real["R@1, photo"],
            ),
            Check(
                f"component by component mAP@{K} is more than 10 points above the fused query's, with an oracle that "
                "names a fifth of the things wrongly",
                {
                    "mAP, fused query": round(by_query[0.2], 2),
                    "mAP, components": round(by_part[0.2], 2),
                    "mAP, fused query, no errors": round(by_query[0.0], 2),
                    "mAP, components, no errors": round(by_part[0.0], 2),
                },
                by_part[0.2] - by_query[0.2] > 10,
            ),
            Check(
                "with an oracle that is always wrong the gain vanishes",
                {
                    "mAP, fused query, all wrong": round(by_query[1.0], 2),
                    "mAP, components, all wrong": round(by_part[1.0], 2),
                },
                by_part[1.0] <= by_query[1.0],
            ),
            Check(
                "all picture is the picture alone; mixing the picture into the texts changes no order, until they get "
                "their length back",
                {
                    "largest difference, all picture": alone,
                    "scores off a constant, length not given back": one_way,
                    "orders changed, length not given back": plain,
                    "orders changed, length given back": turned,
                },
                alone < 1e-5 and one_way < 1e-5 and plain == 0 and turned > 0,
            ),
        ],
        f"Flickr8k val, {len(photos.ids)} photos, the first caption as description and the other four to be found; "
        f"{SCENES} rendered scenes and {len(world.names)} names; the default model",
        ["The oracle knows the scene and errs at random; it is no model. Its wording is not the names' own."],
    )


def described_photos(images: Floats, texts: Floats, owners: Any) -> dict[str, float]:
    """R@1 of a photo, of its first caption and of both, among all other captions of all photos, in percent."""
    from openitr.search.rerank.components import fuse

    first = np.array([int(np.flatnonzero(owners == row)[0]) for row in range(len(images))])
    rest = np.setdiff1d(np.arange(len(texts)), first)
    queries = {"photo": images, "description": texts[first], "both": fuse(images, texts[first])}
    found = {}
    for name, query in queries.items():
        best = owners[rest][(query @ texts[rest].T).argmax(1)]
        found[f"R@1, {name}"] = float((best == np.arange(len(images))).mean() * 100)
    return found


def described(encoder: Any, many: int, seed: int) -> Described:
    """Draw scenes, encode them, and let the oracle look at them.

    Args:
        encoder: A dense one.
        many: Scenes.
        seed: Of the draw.
    """
    from openitr.datasets.scenes import COLOURS, SHAPES, World, render

    world = World(
        kinds=SHAPES, patterns=("plain",), sizes=("large",), backgrounds=("plain",), things=(2, 4), arranged=0
    )
    rng = np.random.default_rng([seed, 41])
    scenes = [world.sample(rng) for _ in range(many)]
    kinds = [(kind, colour) for kind in SHAPES for colour in COLOURS]
    names = [f"a {colour} {kind}" for kind, colour in kinds]
    wording = [f"a {kind} that is {colour}" for kind, colour in kinds]
    rows = {kind: row for row, kind in enumerate(kinds)}
    true = [list(dict.fromkeys(rows[thing.kind, thing.colour] for thing in scene.things)) for scene in scenes]
    said: dict[float, list[list[int]]] = {}
    for error in ERRORS:
        said[error] = []
        for there in true:
            others = rng.permutation([row for row in range(len(names)) if row not in there])
            wrong = rng.random(len(there)) < error
            said[error].append([int(others[at]) if wrong[at] else row for at, row in enumerate(there)])
    images = np.concatenate([encoder.encode_images([render(scene, SIDE)]).values for scene in scenes])
    items, told = (encoder.encode_texts(texts).values for texts in (names, wording))
    return Described(images, items, names, true, said, told)


def precision(world: Described, error: float, *, components: bool) -> float:
    """mAP@k of the fused query alone, or component by component, in percent."""
    from openitr.evaluate.component_precision import mean_average_precision
    from openitr.search.compose.base import normal
    from openitr.search.rerank import ComponentReranker
    from openitr.search.rerank.components import fused_scores

    found = []
    for image, said in zip(world.images, world.said[error], strict=True):
        if components:
            rows = ComponentReranker().rerank(image, world.told[said], world.items)
        else:
            description = normal(world.told[said].mean(0)[None, :])[0]
            rows = np.argsort(-fused_scores(image, description, world.items, blend=0.8), kind="stable").tolist()
        found.append([world.names[row] for row in rows[:K]])
    return mean_average_precision(found, [[world.names[row] for row in rows] for rows in world.true], K)


def mixtures(world: Described) -> tuple[float, float, int, int]:
    """How far w = 1 is from the picture alone, scores from a constant; how many orders mixing changes, both ways."""
    from openitr.search.rerank.components import fused_scores

    alone = off = 0.0
    plain = turned = 0
    for image, said in zip(world.images, world.said[0.0], strict=True):
        g = world.told[said[0]]
        alone = max(alone, float(np.abs(fused_scores(image, g, world.items, 1.0) - world.items @ image).max()))
        one_way = fused_scores(image, g, world.items)
        both = fused_scores(image, g, world.items, blend=0.8, renorm=False)
        again = fused_scores(image, g, world.items, blend=0.8)
        off = max(off, float(np.ptp(both - 0.8 * one_way)))
        # Scores nearer than rounding have no order.
        order = np.argsort(-one_way, kind="stable")
        plain += int((np.diff(both[order]) > 1e-6).any())
        turned += int((np.diff(again[order]) > 1e-6).any())
    return alone, off, plain, turned


CARD = Card(
    slug="f4-its",
    title="F4-ITS: fine-grained feature fusion for food image-text search",
    year=2025,
    family="search/rerank",
    claim="Fusing a picture with its description, and searching ingredient by ingredient, finds more without training.",
    parts=(
        "openitr.search.rerank.fuse",
        "openitr.search.rerank.ComponentReranker",
        "openitr.evaluate.component_precision.mean_average_precision",
    ),
    experiment=experiment,
)
