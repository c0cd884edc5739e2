from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import InputError
from openitr.evaluate import Resampling, interval


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 25), st.integers(0, 99))
def test_draws_are_those_of_plain_loops(groups: int, queries: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, owner = rng.integers(0, 9, queries), rng.integers(0, groups, queries)
    draws = Resampling(groups, samples=7, seed=seed)
    # The same generator, drawn from in the same order, but pictures written out one by one.
    again = np.random.default_rng(seed)
    means, medians = draws.mean(values, owner), draws.median(values, owner)
    for sample in range(7):
        drawn = [v for picture in again.integers(groups, size=groups) for v in values[owner == picture]]
        if not drawn:
            assert np.isnan(means[sample]) and np.isnan(medians[sample])
            continue
        assert means[sample] == pytest.approx(np.mean(drawn))
        assert medians[sample] == np.median(drawn)


def test_an_interval_is_as_wide_as_theory_says() -> None:
    # The mean of n values of standard deviation s has the standard error s / sqrt(n); 2,000 draws of 400 values leave
    # the ends of the interval about 3% uncertain, so 10% is far outside of chance and close enough to catch a mistake.
    values = np.random.default_rng(1).normal(size=400)
    low, high = interval(Resampling(400, 2000, 0).mean(values, np.arange(400)))
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert low < values.mean() < high


def test_captions_of_one_picture_do_not_count_as_independent() -> None:
    # Five equal values a picture: grouped, the interval is that of the pictures, sqrt(5) wider than of single values.
    values = np.random.default_rng(2).normal(size=200)
    five, owner = np.repeat(values, 5), np.repeat(np.arange(200), 5)
    grouped = interval(Resampling(200, 2000, 0).mean(five, owner))
    single = interval(Resampling(1000, 2000, 0).mean(five, np.arange(1000)))
    assert (grouped[1] - grouped[0]) / (single[1] - single[0]) == pytest.approx(5**0.5, rel=0.1)


def test_the_seed_decides() -> None:
    values, groups = np.arange(30.0), np.arange(30)
    first = Resampling(30, 50, 1).mean(values, groups)
    assert (first == Resampling(30, 50, 1).mean(values, groups)).all()
    assert (first != Resampling(30, 50, 2).mean(values, groups)).any()


def test_what_is_senseless() -> None:
    with pytest.raises(InputError):
        Resampling(0)
    with pytest.raises(InputError, match="level is 95"):
        interval(np.arange(3.0), 95)
