"""Picking the best, against sorting everything."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openitr.index.ranking import best

_SCORES = st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.500001, 1.0]), max_size=40)


@given(scores=_SCORES, k=st.integers(1, 50), seed=st.integers(0, 9))
def test_best_is_the_head_of_a_full_sort(scores: list[float], k: int, seed: int) -> None:
    ids = np.random.default_rng(seed).permutation(100)[: len(scores)].astype(np.int64)
    values = np.array(scores, np.float32)
    expected = sorted(zip((-values).tolist(), ids.tolist(), strict=True))[:k]
    got_ids, got_scores = best(ids, values, k)
    assert list(zip((-got_scores).tolist(), got_ids.tolist(), strict=True)) == expected


@given(scores=_SCORES, k=st.integers(1, 50))
def test_slack_keeps_near_ties(scores: list[float], k: int) -> None:
    values = np.array(scores, np.float32)
    ids, _ = best(np.arange(len(scores)), values, k, slack=1e-5)
    if len(scores) > k:
        cut = np.sort(values)[::-1][k - 1]
        assert set(ids.tolist()) == set(np.flatnonzero(values >= cut - np.float32(1e-5)).tolist())
    else:
        assert len(ids) == len(scores)
