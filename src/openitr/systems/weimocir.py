"""WeiMoCIR (2024): weighted averages of modalities for the query, of similarities for the pictures; no training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.search.compose import CaptionedIndex, WeightedComposer, tune
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.systems.edited_scenes import Asked, edited_scenes
from openitr.systems.scene_oracle import SceneOracle
from openitr.types import ImageArray

GRID = tuple(round(0.1 * step, 1) for step in range(11))
ERROR = 0.1


@dataclass(frozen=True, eq=False)
class Told:
    """A gallery with captions: queries, and (n, L, d) vectors of L captions of every picture."""

    asked: Asked
    captions: Floats
    encoder: Any

    def scores(self, alpha: float, beta: float) -> Floats:
        """(m, n) scores of every query by :class:`CaptionedIndex`."""
        asked = self.asked
        index = CaptionedIndex(WeightedComposer(self.encoder, alpha), asked.images, self.captions, beta=beta)
        return index.scores(asked.images[asked.references], self.captions[asked.references], asked.texts)

    def recall(self, alpha: float, beta: float) -> float:
        """R@1."""
        return self.asked.ranked(self.scores(alpha, beta))


def experiment(budget: Budget) -> Outcome:
    """The grid on validation queries; its best point against the corners on test queries."""
    world = edited_scenes(budget)
    val, test = (told(world.encoder, asked, budget.seed) for asked in (world.val, world.test))
    asked = world.test
    settings = [{"alpha": alpha, "beta": beta} for alpha in GRID for beta in GRID]
    found = tune(val.scores, settings, world.val.targets, leave=world.val.references)
    best = dict(found.best)
    corners = {f"R@1 at alpha={a}, beta={b}": test.recall(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)}
    ours, without = test.recall(**best), test.recall(best["alpha"], 0.0)
    # The best share of the captions when they belong to other pictures: chosen and measured like the true one.
    mixed, moved = permuted(val, budget.seed), permuted(test, budget.seed)
    chosen = tune(mixed.scores, settings, world.val.targets, leave=world.val.references).best
    shares = [{"alpha": alpha} for alpha in GRID]
    leave = world.val.references
    alone = tune(lambda alpha: val.scores(alpha, 0.0), shares, world.val.targets, leave=leave).best
    image, text = asked.recall(asked.images[asked.references]), asked.recall(asked.texts)
    first = differ(test, 0.0, asked.images[asked.references]), differ(test, 1.0, asked.texts)
    direct = np.allclose([value for _, value in found.every], [val.recall(**one) for one in settings])
    return Outcome(
        [
            Check(
                "an interior (alpha, beta) chosen on validation beats all four corners on test",
                {"R@1": ours, "alpha": best["alpha"], "beta": best["beta"], **corners},
                0 < best["alpha"] < 1 and 0 < best["beta"] < 1 and ours > max(corners.values()),
            ),
            Check(
                "captions of other pictures remove the gain of beta: at the same settings R@1 falls below beta=0",
                {
                    "R@1 at beta=0": without,
                    "R@1 with captions permuted": moved.recall(**best),
                    "beta chosen for permuted captions": chosen["beta"],
                    "R@1 at that choice": moved.recall(**chosen),
                },
                moved.recall(**best) < without < ours,
            ),
            Check(
                "without captions the weighted mean alone beats image-only and text-only",
                {
                    "R@1 at beta=0, its own alpha": test.recall(alone["alpha"], 0.0),
                    "R@1 image only": image,
                    "R@1 text only": text,
                },
                test.recall(alone["alpha"], 0.0) > max(image, text),
            ),
            Check(
                "beta=0 is image search at alpha=0 and text search at alpha=1, score for score (1e-5: float32)",
                {"largest difference, alpha=0": first[0], "largest difference, alpha=1": first[1]},
                max(first) < 1e-5,
            ),
            Check("every entry of the grid equals direct evaluation", {"entries": len(settings)}, direct),
            Check(
                "the reference is never returned",
                {"answers that were": returned(test, budget.seed)},
                returned(test, budget.seed) == 0,
            ),
        ],
        f"{len(asked.triplets)} edits over {len(asked.scenes)} rendered scenes; grid by {len(world.val.triplets)} more",
        [f"two captions of each picture by a scene oracle that misreads {ERROR:.0%} of them: one whole, one of a part"],
    )


def told(encoder: Any, asked: Asked, seed: int) -> Told:
    """Two captions of every picture, as vectors."""
    oracle = SceneOracle(asked, error=ERROR, seed=seed)
    prompts: tuple[Callable[[ImageArray], str], ...] = (oracle.captioner, oracle.part)
    made = [encoder.encode_texts([prompt(picture) for picture in asked.pictures]) for prompt in prompts]
    assert all(isinstance(one, DenseEmbeddings) for one in made)
    return Told(asked, np.stack([one.values for one in made], 1), encoder)


def permuted(given: Told, seed: int) -> Told:
    """The same with captions that belong to other pictures."""
    order = np.random.default_rng(seed).permutation(len(given.captions))
    return Told(given.asked, given.captions[order], given.encoder)


def differ(given: Told, alpha: float, plain: Floats) -> float:
    """Largest difference of a score at beta=0 from the plain one."""
    return float(np.abs(given.scores(alpha, 0.0) - plain @ given.asked.images.T).max())


def returned(given: Told, seed: int) -> int:
    """How many of twenty searches return their own reference."""
    asked, oracle = given.asked, SceneOracle(given.asked, error=ERROR, seed=seed)
    index = CaptionedIndex(WeightedComposer(given.encoder, 0.3), asked.images, given.captions, beta=0.3)
    found = 0
    for triplet, row in list(zip(asked.triplets, asked.references, strict=True))[:20]:
        picture = asked.pictures[row]
        said = [oracle.captioner(picture), oracle.part(picture)]
        found += int(row in index.search(picture, said, triplet.text, 20, leave=int(row)))
    return found


CARD = Card(
    slug="weimocir",
    title="Training-free Zero-shot Composed Image Retrieval via Weighted Modality Fusion and Similarity (WeiMoCIR)",
    year=2024,
    family="search/compose",
    claim="Weighted averages of picture and text on the query side, and of picture and caption similarities on the "
    "other, compose without training.",
    parts=(
        "openitr.search.compose.WeightedComposer",
        "openitr.search.compose.CaptionedIndex",
        "openitr.search.compose.tuning",
    ),
    experiment=experiment,
)
