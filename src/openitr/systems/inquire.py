"""INQUIRE (2024): expert queries with exhaustive matches, measured by AP@50, and reranking by a yes-or-no question."""

from __future__ import annotations

from itertools import product

import numpy as np

from openitr.datasets.scenes import Exists, Scene, What, World, holds, render
from openitr.embeddings import DenseEmbeddings
from openitr.evaluate import Qrels, Run
from openitr.evaluate.exhaustive import ExhaustiveEvaluator, YesNoReranker
from openitr.systems.card import Budget, Card, Check, Outcome

KINDS = ("circle", "square", "triangle", "star", "heart")
COLOURS = ("red", "green", "blue", "yellow")
SCENES, SIDE, TOP = 600, 96, 100


def experiment(budget: Budget) -> Outcome:
    """The definition by hand; then rendered scenes, the default model as a weak encoder, and an oracle that errs."""
    checks = _by_hand()
    scenes = [
        World(kinds=KINDS, colours=COLOURS, things=(1, 3)).sample(budget.seed * 100_000 + i) for i in range(SCENES)
    ]
    queries = {f"a {colour} {kind}": Exists(What(kind, colour)) for colour, kind in product(COLOURS, KINDS)}
    qrels = Qrels.of_sets(
        {query: [f"s{i}" for i, scene in enumerate(scenes) if holds(scene, what)] for query, what in queries.items()}
    )
    run = _retrieve(scenes, list(queries))
    evaluator = ExhaustiveEvaluator(50)
    before = evaluator.evaluate(run, qrels)
    within = ExhaustiveEvaluator(TOP).evaluate(run, qrels)
    measured: dict[str, float] = {}
    kept = True
    for error in (0.2, 0.5):
        found = []
        for trial in range(5):
            after = YesNoReranker(SceneOracle(scenes, queries, error, budget.seed + trial), TOP).rerank(run)
            found.append(evaluator.evaluate(after, qrels)["mAP@50"])
            same = ExhaustiveEvaluator(TOP).evaluate(after, qrels)
            kept = kept and same.per_query[f"Recall@{TOP}"].tolist() == within.per_query[f"Recall@{TOP}"].tolist()
        measured[f"mAP@50, oracle wrong on {error:.0%}"] = float(np.mean(found))
    sizes = [len(qrels.relevant(query)) for query in qrels]
    return Outcome(
        [
            *checks,
            Check(
                "reranking never changes recall@100, for any query",
                {"recall@100": within["Recall@100"], "the same for every query": str(kept)},
                kept,
            ),
            Check(
                "an oracle that is wrong on 20% raises AP@50 of a weak encoder; one that is wrong on 50% does not",
                {"mAP@50 retrieved": before["mAP@50"], **measured},
                measured["mAP@50, oracle wrong on 20%"] > before["mAP@50"] >= measured["mAP@50, oracle wrong on 50%"],
            ),
        ],
        f"{SCENES} rendered scenes of 1 to 3 shapes, {len(queries)} queries with {min(sizes)} to {max(sizes)} matches, "
        "all known",
        [
            "the weak encoder is the default model, which was not trained on rendered shapes; the oracle answers from "
            "the scene and errs at the rate given, it is no model",
            "INQUIRE itself is not here: its reader is tested on its layout only",
        ],
    )


class SceneOracle:
    """Says Yes or No from the scene, wrongly at a settable rate, and always the same to the same question."""

    def __init__(self, scenes: list[Scene], queries: dict[str, Exists], error: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._says = {
            (query, f"s{i}"): float(holds(scene, what) != (rng.random() < error))
            for query, what in queries.items()
            for i, scene in enumerate(scenes)
        }

    def __call__(self, query: str, picture: str) -> float:
        return self._says[query, picture]


def _retrieve(scenes: list[Scene], queries: list[str]) -> Run:
    from openitr import encoders

    encoder = encoders.load("default")
    pictures = [render(scene, SIDE) for scene in scenes]
    parts = [encoder.encode_images(pictures[at : at + 32]) for at in range(0, len(pictures), 32)]
    vectors = DenseEmbeddings(np.concatenate([part.values for part in parts if isinstance(part, DenseEmbeddings)]))
    return Run.from_embeddings(
        encoder.encode_texts(queries), vectors, queries, [f"s{i}" for i in range(len(scenes))], k=300
    )


def _by_hand() -> list[Check]:
    def measure(labels: list[int], matches: int) -> float:
        run = Run({"q": {f"{'r' if y else 'w'}{i}": float(-i) for i, y in enumerate(labels)}})
        right = [f"r{i}" for i, y in enumerate(labels) if y]
        unseen = [f"u{i}" for i in range(matches - len(right))]
        return ExhaustiveEvaluator(4).evaluate(run, Qrels.of_sets({"q": right + unseen}))["mAP@4"]

    fewer, more = measure([1, 0, 1, 0], 2), measure([0, 1, 1, 0], 9)
    perfect, appended = measure([1, 1, 1, 1], 40), measure([1, 0, 1, 0, 0, 0, 0, 0], 2)
    return [
        Check(
            "AP@k is the sum of precisions at hits over min(R, k), for R below and above k",
            {"AP@4, R=2": fewer, "AP@4, R=9": more},
            abs(fewer - 100 * (1 + 2 / 3) / 2) < 1e-9 and abs(more - 100 * (1 / 2 + 2 / 3) / 4) < 1e-9,
        ),
        Check(
            "a perfect list scores 1 although R exceeds k", {"AP@4, perfect, R=40": perfect}, abs(perfect - 100) < 1e-9
        ),
        Check("what stands behind k changes nothing", {"AP@4, four more": appended}, abs(appended - fewer) < 1e-9),
    ]


CARD = Card(
    slug="inquire",
    title="INQUIRE: A Natural World Text-to-Image Retrieval Benchmark",
    year=2024,
    family="evaluation",
    claim="With all matches of expert queries known, no model exceeds 50% mAP@50; reranking the first hundred by "
    "asking a large model yes or no helps.",
    parts=(
        "openitr.evaluate.exhaustive.ExhaustiveEvaluator",
        "openitr.evaluate.exhaustive.YesNoReranker",
        "openitr.evaluate.exhaustive.yes_probability",
    ),
    experiment=experiment,
)
