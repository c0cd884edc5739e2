"""MRMR: interleaved documents, numbers by domain, and rules that a scene breaks."""

from __future__ import annotations

from importlib import import_module
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from numpy.random import Generator

    from openitr.datasets.scenes import Related, Scene
    from openitr.evaluate.interleaved import InterleavedItem
    from openitr.evaluate.reasoning import Items

QUERIES = 120
SIDES = {"left": "to the left of", "right": "to the right of", "above": "above", "below": "below"}


def experiment(budget: Budget) -> Outcome:
    """nDCG against scikit-learn, weighted means, split corpora, the order of segments, and contradiction on scenes."""
    import numpy as np

    rng = np.random.default_rng(budget.seed)
    checks = [_ndcg(rng), *_domains(rng), _order(), *_contradiction(rng)]
    return Outcome(
        checks,
        f"random graded judgements; a small file of interleaved items; {QUERIES} rendered scenes with four rules each; "
        "model default",
        (
            "the judge that checks rules reads the scene's description: right by construction, a stand-in for a model "
            "that reasons and never one",
            "plain similarity is near chance when chance lies within its 95 % interval",
        ),
    )


def _ndcg(rng: Generator) -> Check:

    from openitr.errors import MissingExtra
    from openitr.evaluate.qrels import Qrels
    from openitr.evaluate.run import Run
    from openitr.evaluate.scores import evaluate_run

    try:
        ndcg_score = import_module("sklearn.metrics").ndcg_score
    except ImportError as error:
        raise MissingExtra("comparisons with scikit-learn", "systems") from error
    grades, scores = rng.integers(0, 4, (60, 40)).astype(float), rng.normal(size=(60, 40))
    names = [f"d{n}" for n in range(40)]
    queries = [f"q{n}" for n in range(60)]
    qrels = Qrels({q: dict(zip(names, row.tolist(), strict=True)) for q, row in zip(queries, grades, strict=True)})
    ours = evaluate_run(Run.from_scores(scores, queries, names), qrels, ["nDCG@10"])["nDCG@10"] / 100
    theirs = float(ndcg_score(grades, scores, k=10))
    return Check(
        "nDCG@10 is scikit-learn's on random graded judgements",
        {"nDCG@10 here": ours, "nDCG@10 of scikit-learn": theirs, "difference": abs(ours - theirs)},
        abs(ours - theirs) < 1e-9,
    )


def _domains(rng: Generator) -> list[Check]:
    import numpy as np

    from openitr.embeddings import Floats
    from openitr.evaluate.interleaved import InterleavedItem
    from openitr.evaluate.qrels import Qrels
    from openitr.evaluate.reasoning import ReasoningBenchmark

    corpus = [InterleavedItem(f"d{n}", (f"document {n}",)) for n in range(50)]
    domains = ["Physics"] * 20 + ["Art"] * 5 + ["Law"] * 12
    queries = [InterleavedItem(f"q{n}", (f"question {n}",), {"domain": name}) for n, name in enumerate(domains)]
    right = {query.id: [corpus[int(rng.integers(50))].id] for query in queries}
    own = {query.id: [*right[query.id], *(f"d{n}" for n in rng.choice(50, 3).tolist())] for query in queries[:20]}
    bench = ReasoningBenchmark(queries, corpus, Qrels.of_sets(right), own)

    def random(asked: Items, there: Items) -> Floats:
        return rng.normal(size=(len(asked), len(there))).astype(np.float32)

    scores = bench.evaluate(random)
    again = sum(found["nDCG@10"] * len(scores.members[name]) for name, found in scores.groups.items()) / len(queries)
    run = bench.run(random)
    strangers = sum(document not in own[query] for query in own for document in run[query])
    return [
        Check(
            "means of domains, weighted by their queries, are the overall number",
            {"overall": scores["nDCG@10"], "weighted means": again},
            abs(scores["nDCG@10"] - again) < 1e-9,
        ),
        Check(
            "a query with a corpus of its own never ranks another document",
            {"documents ranked from elsewhere": strangers, "queries with a corpus of their own": len(own)},
            strangers == 0,
        ),
    ]


def _order() -> Check:
    from pathlib import Path

    from openitr.datasets.sources import FileImage
    from openitr.evaluate.interleaved import InterleavedItem, read_items, write_items

    with TemporaryDirectory() as folder:
        root = Path(folder)
        pictures = [FileImage(root / f"{name}.png") for name in "abc"]
        items = [
            InterleavedItem("1", (pictures[1], "then", pictures[0], "and", pictures[1])),
            InterleavedItem("2", ("only words: “quoted”\n\tand more",), {"domain": "Law"}),
            InterleavedItem.of_text("3", "compare <image 3> with <image 1>", pictures),
        ]
        write_items(root / "items.jsonl", items)
        back = read_items(root / "items.jsonl")
        same = [
            [part if isinstance(part, str) else part.path and part.path.name for part in item.segments]
            for item in items
        ] == [
            [part if isinstance(part, str) else part.path and part.path.name for part in item.segments] for item in back
        ]
    return Check(
        "the order of texts and pictures survives a file and back",
        {"items": len(items), "segments": sum(len(item.segments) for item in back)},
        same and back[1].metadata == {"domain": "Law"},
    )


def _contradiction(rng: Generator) -> list[Check]:
    import math

    import numpy as np

    from openitr import encoders
    from openitr.datasets.scenes import World, holds
    from openitr.datasets.scenes.pairs import png
    from openitr.datasets.sources import MemoryImage
    from openitr.embeddings import Floats
    from openitr.evaluate.interleaved import InterleavedItem
    from openitr.evaluate.qrels import Qrels
    from openitr.evaluate.reasoning import ReasoningBenchmark, reranked, vector_sum

    queries: list[InterleavedItem] = []
    corpus: list[InterleavedItem] = []
    right: dict[str, list[str]] = {}
    own: dict[str, list[str]] = {}
    scene_of: dict[str, Scene] = {}
    rule_of: dict[str, Related] = {}
    seed = int(rng.integers(1 << 30))
    while len(queries) < QUERIES:
        seed += 1
        scene = World(things=(2, 2)).sample(seed)
        if len({thing.colour for thing in scene.things}) < 2:
            continue
        rules = _rules(scene)
        broken = [n for n, (rule, _) in enumerate(rules) if holds(scene, rule)]
        if len(broken) != 1:
            # Every query has exactly one rule that it breaks, among four with the same words.
            continue
        name = f"q{len(queries)}"
        scene_of[name] = scene
        queries.append(InterleavedItem(name, (MemoryImage(png(scene, 96), name),), {"domain": "scenes"}))
        own[name] = []
        for n, (rule, words) in enumerate(rules):
            corpus.append(InterleavedItem(f"{name}/r{n}", (words,)))
            rule_of[f"{name}/r{n}"] = rule
            own[name].append(f"{name}/r{n}")
        right[name] = [f"{name}/r{broken[0]}"]
    bench = ReasoningBenchmark(queries, corpus, Qrels.of_sets(right), own)
    similarity = vector_sum(encoders.load("default"))
    kept: dict[str, Floats] = {}

    def plain(asked: Items, there: Items) -> Floats:
        # Three evaluations ask the same; every query has four rules of its own, so its id says what was asked.
        return np.concatenate(
            [kept[one.id] if one.id in kept else kept.setdefault(one.id, similarity([one], there)) for one in asked]
        )

    flipped = {(q, d): bool(rng.random() < 0.1) for q in own for d in own[q]}

    def checker(query: InterleavedItem, rule: InterleavedItem) -> float:
        return float(holds(scene_of[query.id], rule_of[rule.id]) != flipped[query.id, rule.id])

    def oracle(query: InterleavedItem, rule: InterleavedItem) -> float:
        return float(holds(scene_of[query.id], rule_of[rule.id]))

    similar = bench.evaluate(plain, metrics=["R@1"])["R@1"]
    noisy = bench.evaluate(reranked(plain, checker, top=4), metrics=["R@1"])["R@1"]
    exact = bench.evaluate(reranked(plain, oracle, top=4), metrics=["R@1"])["R@1"]
    half = 100 * 1.96 * math.sqrt(0.25 * 0.75 / QUERIES)
    return [
        Check(
            "plain similarity is near the chance of 25 in finding the rule that a scene breaks",
            {"hit@1 of plain similarity": similar, "half width of chance": half},
            abs(similar - 25) <= half,
        ),
        Check(
            "a judge that checks the rules raises it above 90",
            {"hit@1 with a rule-checking judge": exact},
            exact > 90,
        ),
        Check(
            "the same judge with a tenth of its answers flipped",
            {"hit@1 with 10 % of its answers flipped": noisy},
            noisy > similar,
            counts=False,
        ),
    ]


def _rules(scene: Scene) -> list[tuple[Related, str]]:
    """Four rules about the two things of a scene, alike in their words: who may not stand on which side of whom."""
    from openitr.datasets.scenes import Related, What

    one, other = (thing.colour for thing in scene.things)
    return [
        (Related(name, What(colour=one), What(colour=other)), f"Nothing {one} may stand {words} something {other}.")
        for name, words in SIDES.items()
    ]


CARD = Card(
    slug="mrmr",
    title="MRMR: A Realistic and Expert-Level Multidisciplinary Benchmark for Reasoning-Intensive Multimodal Retrieval",
    year=2025,
    family="evaluation",
    claim="Expert questions over interleaved text and pictures need reasoning; similarity misses broken rules.",
    parts=(
        "openitr.evaluate.interleaved.InterleavedItem",
        "openitr.evaluate.reasoning.ReasoningBenchmark",
        "openitr.evaluate.reasoning.reranked",
        "openitr.evaluate.benchmarks.mrmr",
    ),
    experiment=experiment,
)
