"""Whether a difference between two systems is more than chance: paired tests over queries, and Holm's correction.

Both systems answer the same queries, so each query has a difference d. Texts of one picture are no independent
observations, so a test moves whole pictures ("clusters"):

    bootstrap       clusters drawn with replacement; the middle 95% of the drawn mean differences is the interval
                    (Efron & Tibshirani 1993, chapter 13; Koehn 2004 for paired systems)
    randomisation   if the systems were alike, either could have given either answer: swap them in each cluster by a
                    coin, p = (1 + draws at least as far from 0) / (1 + draws)     (Fisher 1935; Smucker et al. 2007)
    Holm            p-values of one table in ascending order, the i-th of m times (m - i + 1), never falling (Holm 1979)
    effect          mean of the clusters' d over their standard deviation           (Cohen's d for paired values)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Ints
from openitr.errors import InputError, ShapeError
from openitr.evaluate.bootstrap import Resampling, interval

Numbers = npt.NDArray[np.float64]
_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Difference:
    """One system against another by one number.

    Args:
        value: Of the first minus of the second.
        low: Lower end of the bootstrap interval.
        high: Upper end.
        p: Two-sided, by randomisation.
        effect: In standard deviations of the clusters; infinite where all differ by the same amount.
    """

    value: float
    low: float
    high: float
    p: float
    effect: float


def clusters(differences: npt.ArrayLike, groups: Ints, count: int) -> Numbers:
    """(count,) or (count, s): what each cluster adds to the mean of all differences.

    Args:
        differences: (n,) or (n, s), one per query and statistic.
        groups: (n,) cluster of each query.
        count: How many clusters there are.

    >>> clusters([1.0, 0.0, 1.0, 1.0], np.array([0, 0, 1, 1]), 2).tolist()
    [0.25, 0.5]
    """
    table = np.asarray(differences, np.float64)
    if len(table) != len(groups):
        raise ShapeError(f"{len(table)} differences, {len(groups)} groups", "one group per query")
    columns = table.reshape(len(table), -1)
    sums = np.stack([np.bincount(groups, weights=column, minlength=count) for column in columns.T], axis=1)
    return (sums / len(table)).reshape(count, *table.shape[1:])


def randomisation(parts: npt.ArrayLike, samples: int = 10_000, seed: int = 0) -> Numbers:
    """Two-sided p-values by swapping the two systems in each cluster.

    Args:
        parts: (c,) or (c, s) what each cluster adds to each of s differences, from :func:`clusters`; contributions of
            several directions may be added up before.
        samples: How many random swaps.
        seed: Same seed, same swaps.

    Returns:
        (s,), at least 1 / (samples + 1).

    >>> bool(randomisation([0.1] * 20)[0] < 0.001), randomisation([0.1, -0.1]).tolist()
    (True, [1.0])
    """
    table = np.asarray(parts, np.float64)
    if not len(table) or samples < 1:
        raise InputError(f"{len(table)} clusters, {samples} samples", "a test needs at least one of each")
    table = table.reshape(len(table), -1)
    rng = np.random.default_rng(seed)
    # Swapping back and forth adds the same numbers in another order: what is equal but for rounding counts as equal.
    reached = np.abs(table.sum(axis=0)) - 1e-9 * np.abs(table).sum(axis=0)
    further = np.zeros(table.shape[1], np.int64)
    step = max(1, _AT_ONCE // len(table))
    for start in range(0, samples, step):
        rows = min(step, samples - start)
        bits = np.unpackbits(np.frombuffer(rng.bytes(rows * len(table) // 8 + 1), np.uint8), count=rows * len(table))
        signs = 1.0 - 2.0 * bits.reshape(rows, len(table))
        further += np.count_nonzero(np.abs(signs @ table) >= reached, axis=0)
    return (1 + further) / (1 + samples)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for how many there are; keeps the chance of any false finding below the level.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise InputError(f"p-values {list(p_values)}", "use numbers from 0 to 1")
    found = [0.0] * len(p_values)
    least = 0.0
    for place, row in enumerate(sorted(range(len(p_values)), key=lambda row: p_values[row])):
        least = max(least, min(1.0, p_values[row] * (len(p_values) - place)))
        found[row] = least
    return found


def paired(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    *,
    samples: int = 1000,
    swaps: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """Compare the means of two systems over the same queries.

    Args:
        first: (n,) the first system's number for each query.
        second: (n,) the second's.
        groups: (n,) cluster of each query; each by itself where it is not given.
        samples: Bootstrap draws.
        swaps: Random swaps of the test.
        seed: Same seed, same numbers.
        level: Of the interval.

    Raises:
        ShapeError: Lengths that differ.

    >>> found = paired([1, 1, 1, 0, 1, 1, 1, 1], [0, 0, 1, 0, 0, 0, 0, 1])
    >>> found.value, round(found.p, 2)                                  # 5 of 5 changes one way: about 2 / 2^5
    (0.625, 0.06)
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ShapeError(f"values of shape {a.shape} and {b.shape}", "both systems answer the same queries")
    if not len(a):
        raise InputError("no query", "there is nothing to compare")
    owner = np.arange(len(a)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(owner.max()) + 1
    gaps = a - b
    parts = clusters(gaps, owner, count)
    low, high = interval(Resampling(count, samples, seed).mean(gaps, owner), level)
    return Difference(float(np.mean(gaps)), low, high, float(randomisation(parts, swaps, seed)[0]), effect_size(parts))


def effect_size(parts: Numbers) -> float:
    """Mean over standard deviation of what the clusters add; 0 where nothing differs.

    >>> effect_size(np.array([1.0, 3.0]))
    1.414213562373095
    """
    mean = float(np.mean(parts))
    spread = float(np.std(parts, ddof=1)) if len(parts) > 1 else 0.0
    if spread <= 1e-12 * abs(mean):
        return float(np.sign(mean)) * float("inf") if mean else 0.0
    return mean / spread
