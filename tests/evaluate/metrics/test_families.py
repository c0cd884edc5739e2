"""Every metric of rankings against plain loops, and against ranx, trec_eval and scikit-learn where they have it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import InputError
from openitr.evaluate import Qrels, Run, evaluate_run
from openitr.evaluate.metrics import FAMILIES, listing, metric
from tests.evaluate.oracle import in_order, measure, queries

NAMES = [family.name if not family.cut else f"{family.name}@{k}" for family in FAMILIES for k in (1, 3, 10)]
NAMES = list(dict.fromkeys(NAMES))

Queries = list[tuple[dict[str, float], dict[str, float]]]


@pytest.mark.parametrize("ties", ["against", "for", "given", "trec"])
@given(asked=st.lists(queries(4), min_size=1, max_size=4))
def test_as_in_plain_loops_for_every_rule_of_ties(ties: str, asked: Queries) -> None:
    run = Run({f"q{i}": scores for i, (scores, _) in enumerate(asked)})
    qrels = Qrels({f"q{i}": grades for i, (_, grades) in enumerate(asked)})
    found = evaluate_run(run, qrels, NAMES, ties=ties)  # type: ignore[arg-type]
    for name in NAMES:
        expected = [measure(name, in_order(scores, grades, ties), grades) for scores, grades in asked]
        assert found.per_query[name].tolist() == pytest.approx(expected, abs=1e-12), name
        scale = 1 if name in ("MedR", "MeanR") else 100
        together = np.median(expected) if name == "MedR" else np.mean(expected)
        assert found[name] == pytest.approx(scale * together), name


def apart(seed: int, n: int = 40) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Graded judgements and a run without ties, some relevant documents not found."""
    rng = np.random.default_rng(seed)
    qrels, run = {}, {}
    for i in range(n):
        judged = rng.choice(60, int(rng.integers(1, 25)), replace=False)
        qrels[f"q{i}"] = {f"d{d}": int(g) for d, g in zip(judged, rng.integers(0, 4, len(judged)), strict=True)}
        qrels[f"q{i}"][f"d{judged[0]}"] = 2
        run[f"q{i}"] = {
            f"d{d}": float(s) for d, s in zip(rng.choice(60, 40, replace=False), rng.random(40), strict=True)
        }
    return qrels, run


RANX = {
    "R@5": "hit_rate@5",
    "Recall@5": "recall@5",
    "P@5": "precision@5",
    "R-Precision": "r-precision",
    "mAP": "map",
    "mAP_all@10": "map@10",
    "nDCG": "ndcg",
    "nDCG@10": "ndcg@10",
    "nDCG_exp@10": "ndcg_burges@10",
    "MRR": "mrr",
    "MRR@10": "mrr@10",
}


@pytest.mark.slow
def test_against_ranx() -> None:
    """Slow by what ranx compiles when it is first called."""
    ranx = pytest.importorskip("ranx")
    qrels, run = apart(1)
    ours = evaluate_run(Run(run), Qrels(qrels), list(RANX))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), list(RANX.values()))
        # ranx has no rule for ties: it keeps the order its sorting leaves, here that of the run.
        tied = {"q": {"wrong": 1.0, "right": 1.0}}
        leaves = ranx.evaluate(ranx.Qrels({"q": {"right": 1}}), ranx.Run(tied), "hit_rate@1")
    for name, other in RANX.items():
        assert ours[name] == pytest.approx(100 * theirs[other]), name
    one = Qrels.of_sets({"q": ["right"]})
    assert evaluate_run(Run(tied), one, ["R@1"], ties="given")["R@1"] == 100 * leaves == 0
    assert evaluate_run(Run(tied), one, ["R@1"])["R@1"] == 0
    assert evaluate_run(Run(tied), one, ["R@1"], ties="for")["R@1"] == 100


TREC = {
    "R@5": "success_5",
    "Recall@5": "recall_5",
    "P@5": "P_5",
    "R-Precision": "Rprec",
    "mAP": "map",
    "mAP_all@10": "map_cut_10",
    "nDCG": "ndcg",
    "nDCG@10": "ndcg_cut_10",
    "MRR": "recip_rank",
}


@pytest.mark.parametrize("levels", [3, 10**6])
def test_against_trec_eval(levels: int) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    qrels, run = apart(2)
    run = {q: {d: float(int(s * levels)) for d, s in found.items()} for q, found in run.items()}
    measures = {name.rpartition("_")[0] if name[-1].isdigit() else name for name in TREC.values()}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run)
    ours = evaluate_run(Run(run), Qrels(qrels), list(TREC), ties="trec")
    for name, other in TREC.items():
        assert ours.by_query(name) == pytest.approx({q: 100 * found[other] for q, found in theirs.items()}), name
    if levels == 3:
        # With three levels of score almost all is tied, and what trec_eval reports is decided by the names.
        against = evaluate_run(Run(run), Qrels(qrels), ["nDCG@10"])["nDCG@10"]
        favour = evaluate_run(Run(run), Qrels(qrels), ["nDCG@10"], ties="for")["nDCG@10"]
        assert against < ours["nDCG@10"] - 5 < favour - 10


def test_ndcg_against_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    grades, scores = rng.integers(0, 4, (30, 20)), rng.random((30, 20))
    grades[:, 0] = 1
    names = [f"d{i}" for i in range(20)]
    run = Run({f"q{i}": dict(zip(names, row.tolist(), strict=True)) for i, row in enumerate(scores)})
    qrels = Qrels({f"q{i}": dict(zip(names, row.tolist(), strict=True)) for i, row in enumerate(grades)})
    ours = evaluate_run(run, qrels, ["nDCG@10", "nDCG"])
    assert ours["nDCG@10"] == pytest.approx(100 * metrics.ndcg_score(grades, scores, k=10))
    assert ours["nDCG"] == pytest.approx(100 * metrics.ndcg_score(grades, scores))
    # scikit-learn gives tied documents the mean of what their places are worth: between ours against and for.
    level = Run.from_scores(np.round(scores * 3), [f"q{i}" for i in range(30)], names)
    ends = [evaluate_run(level, qrels, ["nDCG@10"], ties=rule)["nDCG@10"] for rule in ("against", "for")]
    assert ends[0] < 100 * metrics.ndcg_score(grades, np.round(scores * 3), k=10) < ends[1]


def test_a_name_is_found_or_the_names_are_listed() -> None:
    assert metric("mAP@R").name == "mAP@R" and metric("mAP@10").definition != metric("mAP_all@10").definition
    assert metric("nDCG@10").unit == "%" and metric("MedR").summary == "median"
    for wrong in ("recall", "R@", "R@0", "R@-1", "R", "mAP@x", "nDCG@²", ""):
        with pytest.raises(InputError, match=r"no metric|has no meaning"):
            metric(wrong)
    lines = listing().splitlines()
    assert len(lines) == len(FAMILIES) and all(len(line.split()) > 4 for line in lines)
    assert len({family.definition for family in FAMILIES}) == len(FAMILIES)


def test_the_three_recalls_are_three() -> None:
    # Two of three relevant documents within the first two places, one of them within the first.
    run, qrels = Run({"q": {"a": 3, "b": 2, "x": 1, "c": 0}}), Qrels.of_sets({"q": ["a", "b", "c"]})
    found = evaluate_run(
        run, qrels, ["R@1", "Recall@1", "CappedRecall@1", "Recall@2", "CappedRecall@2", "CappedRecall@4"]
    )
    assert dict(found) == pytest.approx(
        {
            "R@1": 100,
            "Recall@1": 100 / 3,
            "CappedRecall@1": 100,
            "Recall@2": 200 / 3,
            "CappedRecall@2": 100,
            "CappedRecall@4": 100,
        }
    )
