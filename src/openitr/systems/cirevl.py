"""CIReVL (2023): caption the reference, let a language model rewrite the caption, search by the words."""

from __future__ import annotations

from typing import Any

import numpy as np

from openitr.embeddings import Floats
from openitr.errors import LMMError
from openitr.search.compose import LanguageComposer
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.systems.edited_scenes import Asked, caption, edited_scenes
from openitr.systems.scene_oracle import SceneOracle

ERROR = 0.1
MALFORMED = ("", "   \n\t", "Edited Description:", "{", "\x00", "**", "x" * 100_000, "Edited Description: " * 50)


def experiment(budget: Budget) -> Outcome:
    """The pipeline with an exact oracle, with one that errs, with overrides, and with replies that are none."""
    world = edited_scenes(budget)
    test, encoder = world.test, world.encoder
    exact, erring = SceneOracle(test), SceneOracle(test, error=ERROR, seed=budget.seed)
    truth = test.recall(test.captions[test.targets])
    queries = traced(encoder, test, exact)
    composed = test.recall(queries)
    image, text = test.recall(test.images[test.references]), test.recall(test.texts)
    wrong = overridden(encoder, test, budget.seed)
    spoken = [robust(encoder, test, reply) for reply in MALFORMED]
    return Outcome(
        [
            Check(
                "with an oracle for both models, R@1 equals that of the targets' true captions exactly",
                {
                    "R@1 composed": composed,
                    "R@1 of true captions": truth,
                    "largest difference of a vector": float(np.abs(queries - test.captions[test.targets]).max()),
                },
                composed == truth and np.allclose(queries, test.captions[test.targets], atol=1e-5),
            ),
            Check(
                "R@1 is above image-only's and text-only's, also with a captioner that errs",
                {
                    "R@1 with errors": test.recall(traced(encoder, test, erring)),
                    "R@1 image only": image,
                    "R@1 text only": text,
                },
                min(composed, test.recall(traced(encoder, test, erring))) > max(image, text),
            ),
            Check(
                "a wrong caption worsens the target's rank; overwriting it restores the rank without a captioner call",
                wrong,
                wrong["mean reciprocal rank, wrong caption"] < wrong["mean reciprocal rank, right caption"]
                and wrong["mean reciprocal rank, overwritten"] == wrong["mean reciprocal rank, right caption"]
                and wrong["captioner calls while overwriting"] == 0,
            ),
            Check(
                "replies that are none, and a model that is down, never raise and leave a note",
                {
                    "kinds of reply": len(MALFORMED),
                    "answered": int(sum(spoken)),
                    "answered when down": int(down(encoder, test)),
                },
                all(spoken) and down(encoder, test),
            ),
        ],
        f"{len(test.triplets)} edits over {len(test.scenes)} rendered scenes",
        ["captions and rewriting by a scene oracle, exact or misreading 10%: no language model was run"],
    )


def traced(encoder: Any, asked: Asked, oracle: SceneOracle) -> Floats:
    """(m, d) queries, every one through the pipeline."""
    composer = LanguageComposer(encoder, [oracle.captioner], oracle.rewriter)
    return np.concatenate(
        [
            composer.trace(asked.pictures[row], one.text).embeddings().values
            for row, one in zip(asked.references, asked.triplets, strict=True)
        ]
    )


def overridden(encoder: Any, asked: Asked, seed: int, most: int = 200) -> dict[str, float]:
    """Captions of other pictures, then the right ones in their place."""
    oracle, rng = SceneOracle(asked), np.random.default_rng(seed)
    strange = LanguageComposer(
        encoder, [lambda _: caption(asked.scenes[int(rng.integers(len(asked.scenes)))])], oracle.rewriter
    )
    ranks: dict[str, list[float]] = {"right caption": [], "wrong caption": [], "overwritten": []}
    calls = 0
    for number, (row, one) in enumerate(list(zip(asked.references, asked.triplets, strict=True))[:most]):
        right = LanguageComposer(encoder, [oracle.captioner], oracle.rewriter).trace(asked.pictures[row], one.text)
        wrong = strange.trace(asked.pictures[row], one.text)
        before = oracle.captioned
        mended = wrong.override(caption=caption(asked.scenes[row]))
        calls += oracle.captioned - before
        for name, trace in (("right caption", right), ("wrong caption", wrong), ("overwritten", mended)):
            scores = (trace.embeddings().values @ asked.images.T)[0]
            scores[row] = -np.inf
            ranks[name].append(1 / int((scores >= scores[asked.targets[number]]).sum()))
    found = {f"mean reciprocal rank, {name}": float(np.mean(values)) for name, values in ranks.items()}
    return {**found, "captioner calls while overwriting": calls}


def robust(encoder: Any, asked: Asked, reply: str) -> bool:
    """Whether a reply of any kind leads to a query, and to a note where it was not plain."""
    composer = LanguageComposer(encoder, [lambda _: "a cat"], lambda said, text: reply)
    trace = composer.trace(asked.pictures[0], asked.triplets[0].text)
    return bool(trace.target.strip()) and len(trace.embeddings()) == 1 and bool(trace.notes)


def down(encoder: Any, asked: Asked) -> bool:
    """Whether a model that is down leads to a query all the same."""

    def broken(*about: Any) -> str:
        raise LMMError("it is down")

    trace = LanguageComposer(encoder, [broken], broken).trace(asked.pictures[0], asked.triplets[0].text)
    return len(trace.embeddings()) == 1 and any("down" in note for note in trace.notes)


CARD = Card(
    slug="cirevl",
    title="Vision-by-Language for Training-Free Compositional Image Retrieval (CIReVL)",
    year=2023,
    family="search/compose",
    claim="Captioning the reference and rewriting the caption composes queries in words, which people can read and "
    "overwrite, without training.",
    parts=("openitr.search.compose.LanguageComposer", "openitr.search.compose.Trace", "openitr.encoders.lmm.LMM"),
    experiment=experiment,
)
