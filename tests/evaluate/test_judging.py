from __future__ import annotations

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError, ShapeError
from openitr.evaluate import Qrels, Run, evaluate_run, judge, judge_embeddings, score


def test_what_happened_to_every_query_is_told() -> None:
    run = Run({"asked": {"a": 1}, "unjudged": {"a": 1}, "nothing right": {"a": 1}})
    qrels = Qrels({"asked": {"a": 1}, "not answered": {"a": 1}, "nothing right": {"a": 0}})
    judged = judge(run, qrels)
    assert judged.queries == ("asked", "not answered")
    assert judged.rules == {
        "ties": "against: a wrong document stands in front of a right one with the same score",
        "missing": "zero: counts as found nothing",
        "queries": 2,
        "queries_not_answered": 1,
        "queries_without_right_answer": 1,
        "queries_without_judgements": 1,
    }
    assert evaluate_run(run, qrels, ["R@1", "MRR", "MeanR"]).to_json()["scores"] == {
        "R@1": 50,
        "MRR": 50,
        "MeanR": None,
    }
    skipped = evaluate_run(run, qrels, ["R@1"], missing="skip")
    assert skipped["R@1"] == 100 and skipped.protocol["queries_not_answered"] == 1
    with pytest.raises(InputError, match="no query has a right answer"):
        judge(run, Qrels({"not answered": {"a": 1}}), missing="skip")
    for wrong in ({"ties": "best"}, {"missing": "ignore"}):
        with pytest.raises(InputError, match="no rule"):
            judge(run, qrels, **wrong)


def test_scores_tie_within_the_runs_tolerance() -> None:
    scores = {"wrong": 1.0, "right": 1.0 + 5e-7}
    qrels = Qrels.of_sets({"q": ["right"]})
    assert judge(Run({"q": scores}), qrels).ranks.tolist() == [1]
    assert judge(Run({"q": scores}, tolerance=1e-6), qrels).ranks.tolist() == [2]
    # Relative above 1: half a millionth of 1,000 is not told apart, of 1 it is.
    large = {"wrong": 1000.0, "right": 1000.0005}
    assert judge(Run({"q": large}, tolerance=1e-6), qrels).ranks.tolist() == [2]
    assert judge(Run({"q": large}, tolerance=1e-6), qrels, ties="for").ranks.tolist() == [1]


@pytest.mark.parametrize("n", [1, 40])
def test_a_whole_gallery_is_judged_as_its_run(n: int) -> None:
    rng = np.random.default_rng(n)
    # Six directions only, so that most documents tie with others.
    base = DenseEmbeddings.normalise(rng.normal(size=(6, 8))).values
    gallery = DenseEmbeddings(base[rng.integers(0, 6, 50)])
    asked = DenseEmbeddings.normalise(rng.normal(size=(n, 8)))
    queries, documents = [f"q{i}" for i in range(n)], [f"d{i}" for i in range(50)]
    qrels = Qrels(
        {
            q: {f"d{d}": int(g) for d, g in zip(rng.choice(60, 12, replace=False), rng.integers(0, 3, 12), strict=True)}
            for q in queries
        }
        | {"absent": {"d1": 1}, "none": {"d1": 0}}
        | {queries[0]: {"d3": 1, "elsewhere": 2}}
    )
    run = Run.from_embeddings(asked, gallery, [*queries], documents, k=None)
    names = ["R@1", "Recall@10", "mAP", "nDCG@10", "MRR", "MedR"]
    one, other = judge(run, qrels), judge_embeddings(asked, gallery, queries, documents, qrels)
    assert dict(one.rules) == dict(other.rules)
    together = {q: one.ranks[one.offsets[i] : one.offsets[i + 1]].tolist() for i, q in enumerate(one.queries)}
    assert together == {
        q: other.ranks[other.offsets[i] : other.offsets[i + 1]].tolist() for i, q in enumerate(other.queries)
    }
    for name in names:
        assert score(one, [name])[name] == pytest.approx(score(other, [name])[name])
    with pytest.raises(ShapeError):
        judge_embeddings(asked, gallery, queries, documents[1:], qrels)
