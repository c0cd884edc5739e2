"""Recall and the search over settings, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import InputError, ShapeError
from openitr.search.compose.tuning import recall, tune


@given(st.integers(0, 500), st.integers(1, 6), st.integers(2, 7), st.integers(1, 3))
def test_recall_against_a_loop_ties_against_us(seed, m, n, k):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (m, n)).astype(np.float32)
    targets, leave = rng.integers(1, n, m), np.zeros(m, np.int64)
    hits = 0
    for row in range(m):
        before = sum(1 for j in range(n) if j not in (0, targets[row]) and scores[row, j] >= scores[row, targets[row]])
        hits += before < k
    assert recall(scores, targets, leave=leave, k=k) == pytest.approx(100 * hits / m)


def test_what_has_diverged_finds_nothing():
    assert recall(np.full((1, 4), np.nan), np.array([2]), leave=np.array([0]), k=2) == 0


def test_scores_are_left_as_they_are():
    scores = np.ones((2, 3), np.float32)
    recall(scores, np.array([1, 2]), leave=np.array([0, 0]))
    assert (scores == 1).all()


def test_the_best_settings_and_of_equal_ones_the_first():
    found = tune(lambda a: np.array([[a, 1.0]]), [{"a": a} for a in (0.5, 2.0, 3.0)], np.array([0]))
    assert found.best == {"a": 2.0} and [value for _, value in found.every] == [0.0, 100.0, 100.0]


def test_senseless_calls():
    with pytest.raises(InputError, match="settings"):
        tune(lambda: np.eye(2), [], np.array([0, 1]))
    with pytest.raises(ShapeError, match="targets"):
        recall(np.eye(2), np.array([0]))
