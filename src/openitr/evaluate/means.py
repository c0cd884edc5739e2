"""Two means of a few numbers each, such as one score per seed, compared by Welch's t test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openitr.errors import InputError, MissingExtra


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
        MissingExtra: SciPy is not installed.

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
    gap = math.fsum(first) / len(first) - math.fsum(second) / len(second)
    if not any(np.ptp(side) for side in (first, second)):
        return MeanDifference(gap, gap, gap, 0.0 if gap else 1.0, math.inf)
    try:
        from scipy.stats import ttest_ind
    except ImportError as error:
        raise MissingExtra("comparisons over seeds", "evaluate") from error
    found = ttest_ind(first, second, equal_var=False)
    around = found.confidence_interval(level)
    return MeanDifference(gap, float(around.low), float(around.high), float(found.pvalue), float(found.df))
