"""How sure a number is: percentile bootstrap intervals over pictures.

Pictures are drawn with replacement, and each brings its texts along: the five captions of one photo are not five
independent observations. Both directions see the same draw. The gallery stays as it is, so an interval tells how much a
number owes to which pictures were asked about, not to which stood beside them.

Efron & Tibshirani 1993, chapter 13 (percentile interval); drawing whole pictures is ours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Ints
from openitr.errors import InputError
from openitr.evaluate.metrics import KS
from openitr.evaluate.ranks import Ranks

Draws = npt.NDArray[np.float64]
Interval = tuple[float, float]

_AT_ONCE = 1 << 22


class Resampling:
    """The same random draws of groups for every statistic.

    Args:
        groups: How many groups (pictures) there are.
        samples: How many draws.
        seed: Same seed, same draws.

    >>> draws = Resampling(50, samples=200, seed=0)
    >>> low, high = interval(draws.mean(np.arange(50.0), np.arange(50)))
    >>> low < 24.5 < high
    True
    """

    def __init__(self, groups: int, samples: int = 1000, seed: int = 0) -> None:
        if groups < 1 or samples < 1:
            raise InputError(f"{groups} groups, {samples} samples", "a bootstrap needs at least one of each")
        rng = np.random.default_rng(seed)
        # A byte holds how often a picture is drawn: beyond 255 it could be drawn only if there were hardly another.
        self._times = np.empty((samples, groups), np.uint8)
        for row in self._times:
            row[:] = np.bincount(rng.integers(groups, size=groups), minlength=groups)

    def _pieces(self, width: int) -> Iterator[npt.NDArray[np.uint8]]:
        step = max(1, _AT_ONCE // max(1, width))
        for start in range(0, len(self._times), step):
            yield self._times[start : start + step]

    def mean(self, values: npt.ArrayLike, groups: Ints) -> Draws:
        """(samples,) means of ``values``, each of which belongs to the group in ``groups``."""
        count = self._times.shape[1]
        numbers = np.asarray(values, np.float64)
        sums = np.bincount(groups, weights=numbers, minlength=count)
        sizes = np.bincount(groups, minlength=count)
        found = []
        for times in self._pieces(count):
            weights = times.astype(np.float64)
            with np.errstate(invalid="ignore", divide="ignore"):
                found.append((weights @ sums) / (weights @ sizes))
        return np.concatenate(found)

    def median(self, values: npt.ArrayLike, groups: Ints) -> Draws:
        """(samples,) medians of ``values``; the mean of the middle two when their number is even."""
        numbers = np.asarray(values, np.float64)
        order = np.argsort(numbers, kind="stable")
        ordered, owners = numbers[order], groups[order]
        found = []
        for times in self._pieces(len(numbers)):
            for row in np.cumsum(times[:, owners], axis=1, dtype=np.int64):
                if not row[-1]:
                    found.append(np.nan)
                    continue
                low = np.searchsorted(row, np.floor((row[-1] + 1) / 2))
                high = np.searchsorted(row, np.floor(row[-1] / 2) + 1)
                found.append((ordered[low] + ordered[high]) / 2)
        return np.array(found)


def interval(draws: Draws, level: float = 0.95) -> Interval:
    """The middle ``level`` of the draws; draws that hit no query are left out.

    >>> interval(np.arange(101.0), 0.5)
    (25.0, 75.0)
    """
    if not 0 < level < 1:
        raise InputError(f"level is {level}", "use a number between 0 and 1")
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def metric_draws(ranks: Ranks, groups: Ints, draws: Resampling) -> dict[str, Draws]:
    """Draws of every metric of one direction; ``groups`` has the picture of each query in ``ranks.queries``."""
    found = {f"R@{k}": 100 * draws.mean(ranks.first <= k, groups) for k in KS}
    found["MedR"] = draws.median(ranks.first, groups)
    found["MeanR"] = draws.mean(ranks.first, groups)
    found["mAP"] = 100 * draws.mean(ranks.average_precision, groups)
    return found
