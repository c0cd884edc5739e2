"""Prompt Directional Vectors (2025): what an edit changes in words, as a direction with sliders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.search.compose import DirectionalQuery, LanguageComposer, NearestTexts, tune
from openitr.search.compose.directional import fused
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.systems.edited_scenes import Asked, caption, edited_scenes
from openitr.systems.scene_oracle import SceneOracle
from openitr.types import ImageArray

A = (0.0, 0.4, 0.8, 1.0, 1.2, 1.6, 2.0, 3.0)
B = (0.0, 0.25, 0.5, 0.75, 1.0)
ERROR = 0.1


@dataclass(frozen=True, eq=False)
class Vectors:
    """Queries as the three vectors that the sliders mix, each (m, d)."""

    seen: Floats
    before: Floats
    after: Floats

    def fused(self, a_text: float, a_image: float, b: float) -> Floats:
        """(m, d) queries."""
        return fused(self.seen, self.before, self.after, a_text, a_image, b)


def experiment(budget: Budget) -> Outcome:
    """Sliders over a captioning base that errs, and over one without any language model."""
    world = edited_scenes(budget)
    found = {
        part: vectors(world.encoder, asked, SceneOracle(asked, error=ERROR, seed=budget.seed))
        for part, asked in (("val", world.val), ("test", world.test))
    }
    test, queries = world.test, found["test"]
    settings = [{"a_text": a, "a_image": i, "b": b} for a in A[2:] for i in A for b in B]
    tuned = tuned_on(world.val, found["val"], settings)
    ours = test.recall(queries.fused(**tuned))
    base, image, text = test.recall(queries.after), test.recall(queries.seen), test.recall(test.texts)
    random = tuned_on(world.val, shuffled(found["val"], budget.seed), settings)
    blind = test.recall(shuffled(queries, budget.seed).fused(**random))
    bank = sorted({caption(scene) for scene in world.val.scenes})
    plain = LanguageComposer(world.encoder, [NearestTexts(world.encoder, bank)])
    without = {part: by(plain, asked) for part, asked in (("val", world.val), ("test", world.test))}
    free = tuned_on(world.val, without["val"], settings)
    calls, constant = sliding(world.encoder, test)
    slid = [
        rank_of_target(test, queries.seen + a * (queries.after - queries.before)) for a in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    return Outcome(
        [
            Check(
                "tuned on other queries, the fusion's R@1 is above the base's, image-only's and text-only's",
                {"R@1 fused": ours, "R@1 base (a_T=1, b=1)": base, "R@1 image only": image, "R@1 text only": text}
                | {f"tuned {name}": value for name, value in tuned.items()},
                ours > max(base, image, text),
            ),
            Check(
                "tuned the same way, directions of other queries give no gain: R@1 at most a point above image-only's",
                {"R@1 fused, shuffled directions": blind},
                blind <= image + 1,
            ),
            Check(
                "a_T=1, b=1 is the base and a_I=0, b=0 is image search, score for score (1e-5: float32)",
                {"largest difference of a score": differ(test, queries)},
                differ(test, queries) < 1e-5,
            ),
            Check(
                "the mean reciprocal rank of the target grows with a, from 0 to 1",
                {
                    f"mean reciprocal rank, a_I={a}": value
                    for a, value in zip((0.0, 0.25, 0.5, 0.75, 1.0), slid, strict=True)
                },
                all(one < next_ for one, next_ in pairwise(slid)),
            ),
            Check(
                "sliding calls no model",
                {"encoder calls": calls, "of them while sliding": calls - constant},
                calls == constant,
            ),
            Check(
                "without a language model (nearest text as caption, edit joined to it) the fusion beats both as well",
                {
                    "R@1 fused, no language model": test.recall(without["test"].fused(**free)),
                    "R@1 base, no language model": test.recall(without["test"].after),
                },
                test.recall(without["test"].fused(**free)) > max(image, text),
            ),
        ],
        f"{len(test.triplets)} edits over {len(test.scenes)} scenes; settings by {len(world.val.triplets)} others",
        [
            f"captions and rewriting by a scene oracle that misreads {ERROR:.0%} of the pictures",
            "the encoder never saw an instruction",
        ],
    )


def vectors(encoder: Any, asked: Asked, oracle: SceneOracle) -> Vectors:
    """The base method is CIReVL's, with the oracle for both of its models."""
    return by(LanguageComposer(encoder, [oracle.captioner], oracle.rewriter), asked)


def by(base: LanguageComposer, asked: Asked) -> Vectors:
    """What a base method says of every query."""
    words = [
        base.words(asked.pictures[row], one.text)[0] for row, one in zip(asked.references, asked.triplets, strict=True)
    ]
    before, after = (base.encoder.encode_texts([said[side] for said in words]) for side in (0, 1))
    assert isinstance(before, DenseEmbeddings) and isinstance(after, DenseEmbeddings)
    return Vectors(asked.images[asked.references], before.values, after.values)


def shuffled(queries: Vectors, seed: int) -> Vectors:
    """Every query with the direction of another one."""
    # A cycle through all of them: none keeps its own.
    order = np.random.default_rng(seed).permutation(len(queries.seen))
    other = np.empty_like(order)
    other[order] = np.roll(order, 1)
    return Vectors(queries.seen, queries.before, queries.before + (queries.after - queries.before)[other])


def tuned_on(asked: Asked, queries: Vectors, settings: Sequence[dict[str, float]]) -> dict[str, float]:
    """The settings with the best R@1."""

    def scores(**chosen: float) -> Floats:
        made = queries.fused(**chosen)
        ranked: Floats = made @ asked.images.T / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)
        return ranked

    return dict(tune(scores, settings, asked.targets, leave=asked.references).best)


def differ(asked: Asked, queries: Vectors) -> float:
    """Largest difference of a score from the base, and from image search, where there should be none."""
    pairs = ((queries.fused(1.0, 0.0, 1.0), queries.after), (queries.fused(1.0, 0.0, 0.0), queries.seen))
    return max(float(np.abs((made - plain) @ asked.images.T).max()) for made, plain in pairs)


def rank_of_target(asked: Asked, made: Floats) -> float:
    """Mean reciprocal rank of the target, the reference left out."""
    scores = made @ asked.images.T
    rows = np.arange(len(scores))
    scores[rows, asked.references] = -np.inf
    return float((1 / (scores >= scores[rows, asked.targets][:, None]).sum(1)).mean())


class Counting:
    """An encoder that counts its calls."""

    def __init__(self, encoder: Any) -> None:
        self.encoder, self.calls = encoder, 0
        self.kind, self.spec = encoder.kind, encoder.spec

    def encode_images(self, images: Sequence[ImageArray]) -> Any:
        self.calls += 1
        return self.encoder.encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> Any:
        self.calls += 1
        return self.encoder.encode_texts(texts)


def sliding(encoder: Any, asked: Asked) -> tuple[int, int]:
    """Encoder calls in all, and before the sliders were moved; three ways, many strengths."""
    counted = Counting(encoder)
    started = DirectionalQuery(counted).start(asked.pictures[asked.references[0]], asked.triplets[0].text)  # type: ignore[arg-type]
    before = counted.calls
    for a in A:
        for ask in (started.text, started.image, started.at):
            ask(a)
        started.fused(a, a, 0.5)
    return counted.calls, before


CARD = Card(
    slug="pdv",
    title="PDV: Prompt Directional Vectors for Zero-shot Composed Image Retrieval",
    year=2025,
    family="search/compose",
    claim="The difference that an edit makes in words, followed as a direction from picture and words, improves "
    "composed search without training, and its strength can be slid without encoding again.",
    parts=(
        "openitr.search.compose.DirectionalQuery",
        "openitr.search.compose.LanguageComposer",
        "openitr.search.compose.tuning",
    ),
    experiment=experiment,
)
