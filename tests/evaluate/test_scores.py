from __future__ import annotations

import json

import pytest

from openitr.errors import InputError
from openitr.evaluate import Qrels, Run, evaluate_run

RUN = Run({"q1": {"a": 2, "b": 1}, "q2": {"a": 2, "b": 1}, "q3": {"b": 1, "a": 0}})
QRELS = Qrels.of_sets({"q1": ["a"], "q2": ["b"], "q3": ["a"]})


def test_groups_and_their_mean() -> None:
    scores = evaluate_run(RUN, QRELS, ["R@1", "MRR"], groups={"q1": "red", "q2": ["red", "blue"], "q3": "blue"})
    assert scores.groups == {"blue": {"R@1": 0, "MRR": 50}, "red": {"R@1": 50, "MRR": 75}}
    assert scores.macro("R@1") == 25 and scores["R@1"] == pytest.approx(100 / 3)
    heads, rows = scores.table()
    assert heads == ["", "queries", "R@1", "MRR"]
    assert rows == [
        ["all", "3", "33.3", "66.7"],
        ["blue", "2", "0.0", "50.0"],
        ["red", "2", "50.0", "75.0"],
        ["mean of groups", "", "25.0", "62.5"],
    ]
    found = json.loads(json.dumps(scores.to_json()))
    assert found["groups"]["red"]["MRR"] == 75 and "at least one relevant" in found["definitions"]["R@1"]
    assert scores.by_query("MRR") == {"q1": 100, "q2": 50, "q3": 50}


def test_what_was_not_asked_for() -> None:
    scores = evaluate_run(RUN, QRELS, ["R@1"])
    with pytest.raises(InputError, match="'R@5' was not measured"):
        scores["R@5"]
    with pytest.raises(InputError, match="there are no groups"):
        scores.macro("R@1")
    with pytest.raises(InputError, match="no metric was named"):
        evaluate_run(RUN, QRELS, [])
    assert list(evaluate_run(RUN, QRELS, ["R@1", "R@1"])) == ["R@1"]
