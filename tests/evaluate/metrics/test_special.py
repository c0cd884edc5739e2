"""What is no ranking of documents: languages, composed queries, boxes, moments, sessions, calibration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import InputError, ShapeError
from openitr.evaluate import Qrels, Run
from openitr.evaluate.metrics.boxes import box_iou, box_recall_at
from openitr.evaluate.metrics.calibration import (
    adaptive_calibration_error,
    brier_score,
    expected_calibration_error,
    reliability,
)
from openitr.evaluate.metrics.composed import circo, cirr, fashion_iq
from openitr.evaluate.metrics.languages import mean_rank_variance
from openitr.evaluate.metrics.moments import mean_iou, moment_recall, temporal_iou
from openitr.evaluate.metrics.rsum import rsum
from openitr.evaluate.metrics.sessions import SessionEvaluator


def test_mean_rank_variance() -> None:
    ranks = np.random.default_rng(0).integers(1, 50, (20, 4))
    total = 0.0
    for row in ranks.tolist():
        mean = sum(row) / 4
        total += sum((rank - mean) ** 2 for rank in row) / 4
    assert mean_rank_variance(ranks) == pytest.approx(total / 20)
    assert mean_rank_variance(ranks[:, ::-1]) == mean_rank_variance(ranks), "the order of languages does not matter"
    assert mean_rank_variance(np.repeat(ranks[:, :1], 3, axis=1)) == 0
    with pytest.raises(ShapeError, match="different numbers"):
        mean_rank_variance({"en": [1, 2], "de": [1]})
    with pytest.raises(ShapeError):
        mean_rank_variance([1, 2])
    for wrong in ({}, [[1, float("inf")]]):
        with pytest.raises(InputError):
            mean_rank_variance(wrong)


def test_rsum_is_a_sum() -> None:
    assert rsum({"R@1": 1, "R@5": 2, "R@10": 4}, {"R@1": 8, "R@5": 16, "R@10": 32}) == 63


def test_cirr_by_hand() -> None:
    # q1: gallery order without its reference is x, goal, y, z: rank 2; in the subset goal stands before y: rank 1.
    # q2: the target is last of four, and third in its subset.
    run = Run(
        {"q1": {"ref": 9, "x": 8, "goal": 7, "y": 6, "z": 5}, "q2": {"a": 9, "b": 8, "c": 7, "goal2": 6, "ref2": 5}}
    )
    targets, references = {"q1": "goal", "q2": "goal2"}, {"q1": "ref", "q2": "ref2"}
    subsets = {"q1": ["ref", "goal", "y"], "q2": {"a", "b", "goal2", "ref2"}}
    found = cirr(run, targets, references, subsets)
    assert found == {
        "R@1": 0,
        "R@5": 100,
        "R@10": 100,
        "R@50": 100,
        "R_s@1": 50,
        "R_s@2": 50,
        "R_s@3": 100,
        "mean": 75,
    }
    # A member of the subset that is not in the run, or a stranger far in front, changes nothing.
    assert cirr(run, targets, references, {**subsets, "q1": ["goal", "y", "unseen"]}) == found
    with pytest.raises(InputError, match="'q1': the target 'goal' is not in its subset"):
        cirr(run, targets, references, {"q1": ["y"], "q2": subsets["q2"]})


def test_fashion_iq_weighs_categories_alike() -> None:
    runs = {"dress": Run({f"{i}": {"a": 2, "b": 1} for i in range(9)}), "shirt": Run({"0": {"a": 1}})}
    found = fashion_iq(runs, {"dress": {f"{i}": "b" for i in range(9)}, "shirt": {"0": "a"}}, ks=(1, 2))
    assert found == {
        "dress": {"R@1": 0, "R@2": 100},
        "shirt": {"R@1": 100, "R@2": 100},
        "mean": {"R@1": 50, "R@2": 100, "average": 75},
    }
    with pytest.raises(InputError, match="no run for toptee"):
        fashion_iq(runs, {"toptee": {"0": "a"}})


def test_circo_by_hand() -> None:
    run = Run({"q": {"a": 9, "b": 8, "c": 7, "d": 6, "e": 5}})
    found = circo(run, Qrels.of_sets({"q": ["b", "d", "z"]}), {"q": "d"}, ks=(2, 4))
    assert found == pytest.approx(
        {"mAP@2": 100 * (1 / 2) / 2, "mAP@4": 100 * (1 / 2 + 2 / 4) / 3, "R@2": 0, "R@4": 100}
    )
    with pytest.raises(InputError, match="'e' is not among"):
        circo(run, Qrels.of_sets({"q": ["b"]}), {"q": "e"})


sides = st.tuples(*[st.integers(0, 6)] * 4).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@given(sides, sides)
def test_overlap_of_boxes_by_counting_cells(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    cells = [{(x, y) for x in range(b[0], b[2]) for y in range(b[1], b[3])} for b in (one, other)]
    union = len(cells[0] | cells[1])
    assert box_iou([one], [other])[0, 0] == pytest.approx(len(cells[0] & cells[1]) / union if union else 0)


def test_box_recall_needs_picture_and_place() -> None:
    box = (0.0, 0.0, 10.0, 10.0)
    gold = {"q1": [("a", box)], "q2": [("b", box)], "q3": [("c", (0, 0, 1, 1)), ("c", box)]}
    answers = {
        "q1": [("a", (20.0, 20.0, 30.0, 30.0)), ("a", (0.0, 0.0, 10.0, 5.0))],  # right picture, wrong box; then half
        "q2": [("a", box), ("b", box)],  # wrong picture, right box
        "q3": [("c", (1.0, 1.0, 10.0, 10.0))],  # the second of two right boxes, 81 of 100
    }
    assert box_recall_at(answers, gold, 1) == pytest.approx(100 / 3)
    assert box_recall_at(answers, gold, 2) == 100, "an overlap of exactly one half counts"
    assert box_recall_at(answers, gold, 2, iou=0.7) == pytest.approx(200 / 3)
    assert box_recall_at({}, gold, 5) == 0
    with pytest.raises(ShapeError, match="inside out"):
        box_iou([(5, 0, 1, 1)], [box])
    for wrong in ({"k": 0}, {"k": 1, "iou": 0.0}):
        with pytest.raises(InputError):
            box_recall_at(answers, gold, **wrong)
    with pytest.raises(InputError, match="no query"):
        box_recall_at(answers, {}, 1)


def test_moments() -> None:
    assert temporal_iou((0, 2), (2, 4)) == 0 and temporal_iou((1, 1), (1, 1)) == 1
    assert temporal_iou((0, 10), (2, 4)) == pytest.approx(0.2)
    predicted = {"q1": [(0, 2), (4, 8)], "q2": [(0, 4)]}
    gold = {"q1": (4, 7), "q2": [(9, 12), (0, 5)], "q3": (0, 1)}
    assert moment_recall(predicted, gold, 1, 0.5) == pytest.approx(100 / 3), "q2 by the second of its right spans"
    assert moment_recall(predicted, gold, 2, 0.5) == pytest.approx(200 / 3)
    assert moment_recall(predicted, gold, 2, 0.75) == pytest.approx(200 / 3), "3 of 4 counts"
    assert moment_recall(predicted, gold, 2, 0.9) == 0
    assert mean_iou(predicted, gold) == pytest.approx(100 * (0 + 4 / 5 + 0) / 3)
    for call in (
        lambda: temporal_iou((2, 1), (0, 1)),
        lambda: moment_recall({}, {}, 1, 0.5),
        lambda: moment_recall({}, gold, 0, 0.5),
    ):
        with pytest.raises(InputError):
            call()


def test_sessions_by_hand() -> None:
    run = Run({"r1": {"a": 3, "b": 2, "c": 1}, "r2": {"a": 3, "b": 2, "c": 1}})
    clicks = {"r1": ["b", "c", "z"], "r2": ["a"], "r3": ["a"], "r4": []}
    found = SessionEvaluator(ks=(2,)).evaluate(run, clicks)
    # r1: three clicked, more than k; one of them within two at rank 2. r2: at rank 1. r3: not answered, counts 0.
    assert dict(found) == pytest.approx(
        {
            "MRR@2": 100 * (1 / 2 + 1 + 0) / 3,
            "mAP@2": 100 * (1 / 2 / 2 + 1 + 0) / 3,
            "Recall@2": 100 * (1 / 3 + 1 + 0) / 3,
            "P@2": 100 * (1 / 2 + 1 / 2 + 0) / 3,
        }
    )
    skipped = SessionEvaluator(ks=(2,), missing="skip").evaluate(run, clicks)
    assert skipped["MRR@2"] == 75 and skipped.protocol["queries_not_answered"] == 1
    assert skipped.protocol["queries_without_right_answer"] == 1


def binned(p: list[float], y: list[int], bins: int) -> float:
    """Expected calibration error with a loop over bins (low, high]; 0 belongs to the first."""
    total = 0.0
    for b in range(bins):
        rows = [i for i, v in enumerate(p) if (b / bins < v <= (b + 1) / bins) or (b == 0 and v == 0)]
        if rows:
            total += abs(sum(p[i] for i in rows) - sum(y[i] for i in rows)) / len(p)
    return total


# Sixteenths and powers of two are exact, so that both sides agree on which bin an edge belongs to.
answers = st.lists(st.tuples(st.integers(0, 16).map(lambda n: n / 16), st.integers(0, 1)), min_size=1, max_size=40)


@given(answers, st.sampled_from([1, 2, 4, 8]))
def test_calibration_as_in_plain_loops(given_: list[tuple[float, int]], bins: int) -> None:
    p, y = [a for a, _ in given_], [b for _, b in given_]
    assert expected_calibration_error(p, y, bins) == pytest.approx(binned(p, y, bins), abs=1e-12)
    assert brier_score(p, y) == pytest.approx(sum((a - b) ** 2 for a, b in given_) / len(given_))
    curve = reliability(p, y, bins, adaptive=True)
    assert curve.count.sum() == len(p) and (np.diff(curve.predicted) > 0).all()
    starts = [0]
    for value in sorted(set(p)):
        starts.append(starts[-1] + p.count(value))
    assert set(np.cumsum(curve.count).tolist()) <= set(starts), "equal probabilities stay together"


def test_adaptive_bins_hold_equally_many_and_keep_equals_together() -> None:
    p = np.linspace(0.01, 0.99, 60)
    assert reliability(p, np.zeros(60), 6, adaptive=True).count.tolist() == [10] * 6
    crowded = [0.5] * 50 + [0.1, 0.9]
    assert reliability(crowded, [1] * 52, 10, adaptive=True).count.tolist() == [1, 50, 1]
    y = (np.random.default_rng(0).random(60) < p).astype(int)
    order = np.argsort(p)
    by_hand = sum(abs(p[order[i : i + 10]].sum() - y[order[i : i + 10]].sum()) for i in range(0, 60, 10)) / 60
    assert adaptive_calibration_error(p, y, 6) == pytest.approx(by_hand)


def test_a_true_probability_is_calibrated_and_a_shifted_one_is_not() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.1, 0.9, 20_000)
    y = rng.random(20_000) < p
    # Noise of a bin of 1,300 answers is about sqrt(0.2 / 1300) = 0.012 at most; a shift of 0.1 is seen as 0.1.
    assert expected_calibration_error(p, y) < 0.02 < 0.09 < expected_calibration_error(p + 0.1, y) < 0.11
    sklearn = pytest.importorskip("sklearn.metrics")
    assert brier_score(p, y) == pytest.approx(sklearn.brier_score_loss(y, p))


def test_what_is_no_probability() -> None:
    for p, y in (([1.2], [1]), ([float("nan")], [1]), ([0.5], [2]), ([], [])):
        with pytest.raises(InputError):
            brier_score(p, y)
    with pytest.raises(ShapeError):
        brier_score([0.5, 0.5], [1])
    with pytest.raises(InputError):
        expected_calibration_error([0.5], [1], bins=0)
