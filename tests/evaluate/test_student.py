from __future__ import annotations

import math

import numpy as np
import pytest

from openitr.errors import InputError
from openitr.evaluate.student import t_cdf, t_quantile, welch

stats = pytest.importorskip("scipy.stats")

DEGREES = (0.5, 1, 2, 3.3, 4, 10, 100, 1e5)


@pytest.mark.parametrize("df", DEGREES)
def test_the_distribution_is_scipys(df: float) -> None:
    for t in np.linspace(-30, 30, 61):
        assert t_cdf(float(t), df) == pytest.approx(stats.t.cdf(t, df), abs=1e-10)
    for p in (0.001, 0.3, 0.5, 0.6, 0.975, 0.9999):
        assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_welch_is_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(70, 1, rng.integers(2, 7)).tolist(), rng.normal(69, 3, rng.integers(2, 7)).tolist()
    theirs = stats.ttest_ind(a, b, equal_var=False)
    found, around = welch(a, b), theirs.confidence_interval(0.95)
    assert found.p == pytest.approx(theirs.pvalue) and found.df == pytest.approx(theirs.df)
    assert (found.low, found.high) == pytest.approx((around.low, around.high))


def test_the_edges() -> None:
    assert welch([1.0, 1.0], [1.0, 1.0]).p == 1 and welch([2.0, 2.0], [1.0, 1.0]).p == 0
    assert math.isinf(welch([1.0, 1.0], [1.0, 1.0]).df)
    with pytest.raises(InputError, match="a spread needs at least two"):
        welch([1.0], [1.0, 2.0])
    for call in (lambda: t_quantile(1, 3), lambda: t_cdf(0, 0), lambda: welch([1, 2], [1, 2], 95)):
        with pytest.raises(InputError):
            call()
