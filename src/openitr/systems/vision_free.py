"""Vision-free retrieval: pictures are described once, and texts are compared with texts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from openitr.datasets.scenes import Scene, SubCaption, World, facts, holds, make_sub_captions, name, render, say
from openitr.datasets.scenes.captions import describe
from openitr.embeddings import DenseEmbeddings, Kind
from openitr.encoders.descriptions import SIDE, Description
from openitr.encoders.fingerprint import combine
from openitr.errors import InputError
from openitr.media.prepare import Preparation
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.types import ImageArray

if TYPE_CHECKING:
    from openitr.models import DualEncoder, WordTokenizer
    from openitr.train.descriptions import TextMatcher

TRAIN, HELD, PIXELS, LENGTH, WIDTH = 1300, 200, 32, 80, 64
ERRORS = (0.0, 0.1, 0.2, 0.4)
WORLD = World(
    kinds=("circle", "square", "triangle", "star"),
    colours=("red", "blue", "green", "yellow"),
    patterns=("plain",),
    backgrounds=("plain", "sea"),
    things=(2, 3),
    arranged=0.0,
)


class SceneDescriber:
    """A double for a multimodal model: it knows the scenes that it was shown, and errs as often as it is told to.

    Args:
        scenes: In the order of ``pictures``.
        pictures: Of any size.
        error: Share of the things whose colour, and of those whose kind, is told wrongly.
        seed: Of which.
    """

    def __init__(
        self, scenes: Sequence[Scene], pictures: Sequence[ImageArray], error: float = 0.0, seed: int = 0
    ) -> None:
        rng, prepare = np.random.default_rng([seed, 5]), Preparation(SIDE, "pad")
        self._known = {
            prepare(picture).tobytes(): described(mistaken(scene, error, rng))
            for scene, picture in zip(scenes, pictures, strict=True)
        }

    def __call__(self, picture: ImageArray) -> Description:
        return self._known[picture.tobytes()]


def mistaken(scene: Scene, error: float, rng: np.random.Generator) -> Scene:
    """The scene with some colours and kinds taken for others; the same draws whatever the share, so errors add up."""
    things = []
    for thing in scene.things:
        colour, kind, draws = thing.colour, thing.kind, rng.random(4)
        if draws[0] < error:
            others = [c for c in WORLD.colours if c != colour]
            colour = others[int(draws[2] * len(others))]
        if draws[1] < error:
            kinds = [k for k in WORLD.kinds if k != kind]
            kind = kinds[int(draws[3] * len(kinds))]
        things.append(replace(thing, colour=colour, kind=kind))
    return Scene(tuple(things), scene.background)


def described(scene: Scene) -> Description:
    """All that is true of a scene, in the fields of a description."""
    objects = [name(describe(thing))["en"].lower() for thing in scene.things]
    relations = [say(fact)["en"] for fact in facts(scene) if fact.name in ("left", "above")]
    return Description("", objects, relations, f"the background is {scene.background}")


class MatcherEncoder:
    """A text matcher as the text side of an encoder; it has no picture side."""

    def __init__(self, matcher: TextMatcher, label: str) -> None:
        self.matcher, self.spec, self.dim = matcher, label, matcher.dim
        self.kind: Kind = "dense"
        self.fingerprint = combine({"matcher": label})
        self.preparation = Preparation(SIDE)

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        """Refused: there are no pictures here."""
        raise InputError("this encoder reads texts only", "describe the pictures")

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """Embed texts with the matcher."""
        import torch

        with torch.inference_mode():
            return DenseEmbeddings.normalise(self.matcher(list(texts)).numpy())


def experiment(budget: Budget) -> Outcome:
    """Scenes described by an oracle against a dual encoder of the same captions; photos described by people."""
    import torch

    from openitr.diagnose.gap import modality_gap
    from openitr.encoders.descriptions import DescriptionEncoder
    from openitr.models import BagOfWords, Windows, WordTokenizer

    kept, lessons = lessons_of(range(budget.seed, budget.seed + TRAIN))
    held, asked = lessons_of(range(10**6 + budget.seed, 10**6 + budget.seed + HELD))
    texts = [text for lesson in (*lessons, *asked) for text in (lesson.texts["en"], lesson.wrong["en"])]
    tokenizer = WordTokenizer.fit([*texts, *(str(described(scene)) for scene in kept)], length=LENGTH)
    pictures = [render(scene, PIXELS) for scene in held]
    queries, wrong = [one.texts["en"] for one in asked], [one.wrong["en"] for one in asked]
    truth = np.array([[holds(scene, one.statement) for scene in held] for one in asked])

    found = {}
    for kind in (Windows, BagOfWords):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(budget.seed)
            tower = kind(len(tokenizer), width=WIDTH, **({"window": 4} if kind is Windows else {}))
            found[kind.__name__] = matched(tower, tokenizer, kept, lessons, budget)
    text = MatcherEncoder(found["Windows"], "windows")
    said, bag = text.encode_texts(queries), MatcherEncoder(found["BagOfWords"], "bag")
    written = [str(described(scene)) for scene in held]
    swaps = np.array([one.change == "swap attributes" for one in asked])
    ordered = told_apart(text.encode_texts(written), said, text.encode_texts(wrong))
    blind = told_apart(bag.encode_texts(written), bag.encode_texts(queries), bag.encode_texts(wrong))

    dual = dual_encoder(tokenizer, kept, lessons, budget)
    seen, words, missed = embedded(dual, tokenizer, pictures, queries, wrong)
    # The mean of some 200 unit vectors is off by 0.1 by chance alone, so the gap is measured on all scenes.
    every, heard = [*kept, *held], [one.texts["en"] for one in (*lessons, *asked)]
    sides = text.encode_texts([str(described(scene)) for scene in every]), text.encode_texts(heard)
    gap = modality_gap(sides[0].values, sides[1].values, np.arange(len(every)))
    dual_sides = embedded(dual, tokenizer, [render(scene, PIXELS) for scene in every], heard)
    dual_gap = modality_gap(dual_sides[0].values, dual_sides[1].values, np.arange(len(every)))
    dual_told = told_apart(seen, words, missed)

    recall = {}
    for error in ERRORS:
        encoder = DescriptionEncoder(SceneDescriber(held, pictures, error, budget.seed), text, name=f"oracle {error}")
        scores = encoder.encode_texts(queries).score(encoder.encode_images(pictures))  # type: ignore[arg-type]
        recall[error] = first(scores, truth)
    alone, same = after_deleting(held[:20], pictures[:20], queries[:20], text, budget)
    people, photos = by_people(budget)
    return Outcome(
        [
            Check(
                "the pictures deleted, search by words answers as before; a text asked for its own words scores 1",
                {"queries answered as before": alone, "score of a text with itself": round(same, 6)},
                alone == 1 and abs(same - 1) < 1e-5,
            ),
            Check(
                "the gap between queries and descriptions is below a third of that between texts and pictures",
                {
                    "gap, descriptions": round(gap.distance, 3),
                    "gap, dual encoder": round(dual_gap.distance, 3),
                    "told apart by a line, descriptions": round(gap.separable, 3),
                    "told apart by a line, dual encoder": round(dual_gap.separable, 3),
                },
                gap.distance < dual_gap.distance / 3,
            ),
            Check(
                "captions with swapped attributes are told from true ones > 10 points more often than by the dual "
                "encoder; by a bag of words half of the time",
                {
                    "swaps told apart, descriptions": round(100 * float(ordered[swaps].mean()), 1),
                    "swaps told apart, dual encoder": round(100 * float(dual_told[swaps].mean()), 1),
                    "swaps told apart, bag of words": round(100 * float(blind[swaps].mean()), 1),
                },
                ordered[swaps].mean() > dual_told[swaps].mean() + 0.1 and abs(blind[swaps].mean() - 0.5) < 1e-9,
            ),
            Check(
                "a describer that errs more finds less",
                {f"R@1, {round(100 * error)}% of colours and kinds wrong": round(recall[error], 1) for error in ERRORS}
                | {"R@1, dual encoder": round(first(words.score(seen), truth), 1)},
                all(recall[a] > recall[b] for a, b in pairwise(ERRORS)),
            ),
            Check(
                "photos described by four people, asked by the fifth: R@1 above the same model's on pixels",
                {"photos, R@1, descriptions": round(people, 1), "photos, R@1, pixels": round(photos, 1)},
                people > photos,
                counts=False,
            ),
        ],
        f"{len(kept)} scenes to train on, {len(held)} to search, one short caption each, {int(swaps.sum())} with "
        "swapped attributes; Flickr8k val for the last check",
        [
            "The describer of scenes is an oracle with a settable error rate, not a model.",
            "Both sides train on the same captions with the same near misses; R@1 counts every picture that the "
            "caption is true of; the gap is that of all scenes, those to train on too. The order-aware encoder sees "
            "windows of four words.",
        ],
    )


def lessons_of(seeds: Sequence[int]) -> tuple[list[Scene], list[SubCaption]]:
    """Scenes and one short caption each with a near miss; a scene that has none is left out."""
    scenes, told = [], []
    for seed in seeds:
        scene = WORLD.sample(seed)
        for one in make_sub_captions(scene, seed, most=1):
            scenes.append(scene)
            told.append(one)
    return scenes, told


def matched(
    tower: object, tokenizer: WordTokenizer, scenes: Sequence[Scene], lessons: Sequence[SubCaption], budget: Budget
) -> TextMatcher:
    """A text encoder calibrated on captions and the oracle's descriptions."""
    from openitr.train import Plan
    from openitr.train.descriptions import TextMatcher, calibrate

    matcher = TextMatcher(tower, tokenizer, WIDTH)
    calibrate(
        matcher,
        [lesson.texts["en"] for lesson in lessons],
        [str(described(scene)) for scene in scenes],
        [lesson.wrong["en"] for lesson in lessons],
        plan=Plan(epochs=16, batch=64, rate=3e-3, seed=budget.seed),
    )
    return matcher


def dual_encoder(
    tokenizer: WordTokenizer, scenes: Sequence[Scene], lessons: Sequence[SubCaption], budget: Budget
) -> DualEncoder:
    """Two towers trained on pictures and the same captions, each picture with its near miss as one more negative."""
    import torch
    from torch.nn import functional as F

    from openitr.diagnose.towers import fit, pixels
    from openitr.models import tiny_dual_encoder

    pictures = pixels([render(scene, PIXELS) for scene in scenes])
    true, false = (tokenizer.encode([getattr(one, side)["en"] for one in lessons]) for side in ("texts", "wrong"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(budget.seed)
        model = tiny_dual_encoder(PIXELS, tokenizer, dim=WIDTH, depth=2)

    def loss(rows: np.ndarray) -> torch.Tensor:
        seen, own = model.encode_images(pictures[rows]), torch.arange(len(rows))
        scores = seen @ model.encode_texts(true[rows]).T / 0.1
        against = (seen * model.encode_texts(false[rows])).sum(1, keepdim=True) / 0.1
        both = F.cross_entropy(torch.cat([scores, against], 1), own) + F.cross_entropy(scores.T, own)
        return both / 2

    fit(model, loss, len(scenes), steps=16 * (len(scenes) // 64), batch=64, rate=2e-3, seed=budget.seed)
    return model


def embedded(
    model: DualEncoder, tokenizer: WordTokenizer, pictures: Sequence[ImageArray], *texts: Sequence[str]
) -> tuple[DenseEmbeddings, ...]:
    """Pictures and lists of texts under a dual encoder."""
    from openitr.diagnose.towers import TowerEncoder

    encoder = TowerEncoder(model, tokenizer)
    return encoder.encode_images(pictures), *(encoder.encode_texts(some) for some in texts)


def told_apart(items: DenseEmbeddings, right: DenseEmbeddings, wrong: DenseEmbeddings) -> np.ndarray:
    """1 where an item is nearer to its right text than to its wrong one, 0.5 for a tie (to 1e-6), else 0."""
    lead = (items.values * (right.values - wrong.values)).sum(axis=1)
    return np.where(np.abs(lead) <= 1e-6, 0.5, (lead > 0).astype(float))


def first(scores: np.ndarray, truth: np.ndarray) -> float:
    """Share of queries, in percent, whose best picture is one that the caption is true of; ties against."""
    right = np.where(truth, scores, -np.inf).max(axis=1)
    return 100 * float((right > np.where(truth, -np.inf, scores).max(axis=1)).mean())


def after_deleting(
    scenes: Sequence[Scene],
    pictures: Sequence[ImageArray],
    queries: Sequence[str],
    text: MatcherEncoder,
    budget: Budget,
) -> tuple[float, float]:
    """Share of queries answered alike before and after the files are gone; and a description asked for itself."""
    from PIL import Image

    from openitr.encoders.descriptions import DescriptionEncoder
    from openitr.index.descriptions import DescriptionIndex
    from openitr.media.images import decode

    encoder = DescriptionEncoder(SceneDescriber(scenes, pictures, seed=budget.seed), text, name="oracle")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{row}.png" for row in range(len(pictures))]
        for file, picture in zip(files, pictures, strict=True):
            Image.fromarray(picture).save(file)
        index = DescriptionIndex(encoder)
        index.add(range(len(files)), [decode(file.read_bytes()).array for file in files])
        before = [ranking.ids.tolist() for ranking in index.search(queries, 5)]
        index.save(Path(folder) / "descriptions.jsonl")
        for file in files:
            file.unlink()
        again = DescriptionIndex.load(Path(folder) / "descriptions.jsonl", encoder)
        after = [ranking.ids.tolist() for ranking in again.search(queries, 5)]
        own = again.search([str(again.descriptions[3])], 1)[0]
    return float(np.mean([a == b for a, b in zip(before, after, strict=True)])), float(own.scores[0])


def by_people(budget: Budget) -> tuple[float, float]:
    """T2I R@1 of each photo's last caption: against its other captions' mean, and against its pixels."""
    from openitr.systems import frozen

    found = frozen.pairs(budget, "flickr8k", split="val")
    last = np.flatnonzero(np.append(np.diff(found.owners) > 0, True))
    others = np.setdiff1d(np.arange(len(found.owners)), last)
    asked, own = found.texts[last], found.owners[last]
    total = np.zeros_like(found.images)
    np.add.at(total, found.owners[others], found.texts[others])
    truth = own[:, None] == np.arange(len(found.images))[None]
    written = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    return first(asked @ written.T, truth), first(asked @ found.images.T, truth)


CARD = Card(
    slug="vision-free",
    title="Vision-Free Retrieval: Rethinking Multimodal Search with Textual Scene Descriptions (LexiCLIP)",
    year=2025,
    family="encoders",
    claim="Described once in words, pictures are found by a text encoder alone, without a modality gap.",
    parts=(
        "openitr.encoders.descriptions.DescriptionEncoder",
        "openitr.index.descriptions.DescriptionIndex",
        "openitr.train.descriptions.calibrate",
        "openitr.datasets.scenes.make_sub_captions",
    ),
    experiment=experiment,
)
