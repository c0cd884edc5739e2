from __future__ import annotations

import math

import numpy as np
import pytest

from openitr.errors import InputError
from openitr.evaluate import Qrels, Run
from openitr.evaluate.exhaustive import ExhaustiveEvaluator, YesNoReranker, yes_probability


def run_of(labels: list[int]) -> Run:
    """One query whose answer has right documents where the labels are 1."""
    return Run({"q": {f"{'r' if y else 'w'}{i}": float(-i) for i, y in enumerate(labels)}})


def qrels_of(labels: list[int], unseen: int) -> Qrels:
    return Qrels.of_sets({"q": [f"r{i}" for i, y in enumerate(labels) if y] + [f"u{i}" for i in range(unseen)]})


@pytest.mark.parametrize(
    ("labels", "unseen"), [([1, 0, 1, 0], 0), ([0, 1, 1, 1], 5), ([1, 1, 1, 1], 9), ([0, 0, 0, 1], 1)]
)
def test_as_inquire_computes_it_with_scikit_learn(labels: list[int], unseen: int) -> None:
    # Precision: scikit-learn's over the first k, times hits, over min(R, k). nDCG: the unseen matches appended last.
    metrics = pytest.importorskip("sklearn.metrics")
    k, total = 4, sum(labels) + unseen
    scores = [4.0, 3.0, 2.0, 1.0]
    found = ExhaustiveEvaluator(k=k).evaluate(run_of(labels), qrels_of(labels, unseen))
    theirs = metrics.average_precision_score(labels, scores) * sum(labels) / min(total, k)
    assert found["mAP@4"] == pytest.approx(100 * theirs)
    gain = metrics.ndcg_score([labels + [1] * unseen], [scores + [-100.0] * unseen], k=k)
    assert found["nDCG@4"] == pytest.approx(100 * gain)
    assert found["MRR@4"] == pytest.approx(100 / (labels.index(1) + 1))


def test_a_perfect_list_is_perfect_and_what_follows_is_not_seen() -> None:
    perfect = ExhaustiveEvaluator(k=4).evaluate(run_of([1, 1, 1, 1]), qrels_of([1, 1, 1, 1], 30))
    assert perfect["mAP@4"] == pytest.approx(100) and perfect["nDCG@4"] == pytest.approx(100)
    assert perfect["Recall@4"] == pytest.approx(400 / 34)
    short, longer = [1, 0, 0, 1], [1, 0, 0, 1, 0, 0, 0]
    one, other = (ExhaustiveEvaluator(k=4).evaluate(run_of(y), qrels_of(short, 2)) for y in (short, longer))
    assert dict(one) == dict(other)
    grouped = ExhaustiveEvaluator(k=4).evaluate(run_of(short), qrels_of(short, 2), {"q": ["birds", "behaviour"]})
    assert set(grouped.groups) == {"birds", "behaviour"}


@pytest.mark.parametrize("seed", range(5))
def test_reranking_moves_nothing_over_the_edge(seed: int) -> None:
    rng = np.random.default_rng(seed)
    run = Run({f"q{i}": {f"d{j}": float(rng.random()) for j in range(30)} for i in range(4)})
    sure = {f"d{j}": float(rng.integers(0, 3)) / 2 for j in range(30)}
    after = YesNoReranker(lambda query, document: sure[document], top=10).rerank(run)
    for query in run:
        old, new = list(run[query]), list(after[query])
        assert set(new[:10]) == set(old[:10]) and new[10:] == old[10:]
        expected = sorted(old[:10], key=lambda d: (-sure[d], old.index(d)))
        assert new[:10] == expected


def test_what_a_model_answers() -> None:
    asked: list[tuple[str, str]] = []

    def ask(query: str, document: str) -> float:
        asked.append((query, document))
        return 0.5

    run = Run({"7": {"a": 2, "b": 1}}, "dense")
    after = YesNoReranker(ask, top=1).rerank(run, {"7": "a fox"})
    assert asked == [("a fox", "a")] and after.name == "dense + yes/no" and list(after["7"]) == ["a", "b"]
    assert yes_probability(math.log(0.6), math.log(0.2)) == pytest.approx(0.75)
    assert (
        yes_probability(float("-inf"), 0.0) == pytest.approx(0, abs=1e-300)
        and yes_probability(*[float("-inf")] * 2) == 0.5
    )
    with pytest.raises(InputError, match="is no probability"):
        YesNoReranker(lambda query, document: 1.5).rerank(run)
    with pytest.raises(InputError, match="top is 0"):
        YesNoReranker(ask, top=0).rerank(run)
