from __future__ import annotations

import math

import numpy as np
import pytest

from openitr.errors import InputError
from openitr.evaluate.means import welch

pytest.importorskip("scipy.stats")


def tail(t: float, df: float) -> float:
    """P(|T| > t) of Student's t, its density summed in 200,000 small steps."""
    front = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    step = t / 200_000
    middles = (np.arange(200_000) + 0.5) * step
    return float(1 - 2 * front * step * ((1 + middles**2 / df) ** (-(df + 1) / 2)).sum())


@pytest.mark.parametrize("seed", range(5))
def test_the_difference_is_welchs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(70, 1, rng.integers(2, 7)).tolist(), rng.normal(69, 3, rng.integers(2, 7)).tolist()
    shares = [np.var(side, ddof=1) / len(side) for side in (a, b)]
    df = sum(shares) ** 2 / sum(s**2 / (len(side) - 1) for s, side in zip(shares, (a, b), strict=True))
    error, gap = math.sqrt(sum(shares)), float(np.mean(a) - np.mean(b))
    found = welch(a, b)
    assert found.difference == pytest.approx(gap) and found.df == pytest.approx(df)
    assert found.p == pytest.approx(tail(abs(gap) / error, df), abs=1e-8)
    # The ends of the interval are where a difference would be significant at just 5%.
    assert tail((gap - found.low) / error, df) == pytest.approx(0.05, abs=1e-8)
    assert found.high - gap == pytest.approx(gap - found.low)


def test_the_edges() -> None:
    assert welch([1.0, 1.0], [1.0, 1.0]).p == 1 and welch([2.0, 2.0], [1.0, 1.0]).p == 0
    assert math.isinf(welch([1.0, 1.0], [1.0, 1.0]).df)
    with pytest.raises(InputError, match="a spread needs at least two"):
        welch([1.0], [1.0, 2.0])
    with pytest.raises(InputError, match="level is 95"):
        welch([1, 2], [1, 2], 95)
