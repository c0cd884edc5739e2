"""Student's t distribution, so that intervals over a few seeds need no further package.

The distribution function is the regularised incomplete beta function, by its continued fraction (Abramowitz & Stegun
1964, 26.5.8; evaluated by Lentz's method), the quantile its inverse by bisection.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from openitr.errors import InputError

_STEPS = 300


def t_cdf(t: float, df: float) -> float:
    """P(T <= t) for ``df`` degrees of freedom.

    >>> round(t_cdf(2.228, 10), 3)
    0.975
    """
    if not df > 0:
        raise InputError(f"{df} degrees of freedom", "use more than 0")
    tail = 0.5 * _beta(df / (df + t * t), df / 2, 0.5)
    return 1 - tail if t > 0 else tail


def t_quantile(p: float, df: float) -> float:
    """The t with P(T <= t) = p.

    >>> round(t_quantile(0.975, 4), 3)
    2.776
    """
    if not 0 < p < 1:
        raise InputError(f"p is {p}", "use a number between 0 and 1")
    if p < 0.5:
        return -t_quantile(1 - p, df)
    low, high = 0.0, 1.0
    while t_cdf(high, df) < p:
        high *= 2
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, df) < p else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class MeanDifference:
    """How far apart two means are, by Welch's t test.

    Args:
        difference: First mean minus second.
        low, high: Ends of the interval.
        p: Two-sided, that a difference this large comes of chance.
        df: Degrees of freedom.
    """

    difference: float
    low: float
    high: float
    p: float
    df: float


def welch(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> MeanDifference:
    """Compare two means of independent samples whose spreads may differ.

    Args:
        first: At least two numbers, such as one per seed.
        second: At least two numbers.
        level: Of the interval.

    Raises:
        InputError: Fewer than two numbers on a side, or a level outside (0, 1).

    References:
        Welch 1947. Where neither side varies at all, p is 0 for a difference and 1 for none.

    >>> found = welch([70.1, 70.9, 70.4], [68.0, 68.9, 68.2])
    >>> round(found.difference, 2), found.p < 0.01
    (2.1, True)
    """
    if min(len(first), len(second)) < 2:
        raise InputError(f"{len(first)} and {len(second)} numbers", "a spread needs at least two on each side")
    if not 0 < level < 1:
        raise InputError(f"level is {level}", "use a number between 0 and 1")
    means = [math.fsum(side) / len(side) for side in (first, second)]
    shares = [
        math.fsum((value - mean) ** 2 for value in side) / (len(side) - 1) / len(side)
        for side, mean in zip((first, second), means, strict=True)
    ]
    gap = means[0] - means[1]
    spread = sum(shares)
    if spread <= 0:
        return MeanDifference(gap, gap, gap, 0.0 if gap else 1.0, math.inf)
    df = spread**2 / sum(s**2 / (len(side) - 1) for s, side in zip(shares, (first, second), strict=True))
    error = math.sqrt(spread)
    half = t_quantile(0.5 + level / 2, df) * error
    return MeanDifference(gap, gap - half, gap + half, 2 * t_cdf(-abs(gap) / error, df), df)


def _beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _fraction(1 - x, b, a) / b
    return front * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    found = d
    for m in range(1, _STEPS):
        for top in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + top * d or tiny)
            c = 1 + top / c or tiny
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return found
