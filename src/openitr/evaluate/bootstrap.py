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
        """(samples,) means of ``values``, each of which belongs to the group in ``groups``.

        Several statistics of the same queries at once: (n, s) values give (samples, s) means.
        """
        numbers = np.asarray(values, np.float64)
        count = self._times.shape[1]
        columns = numbers.reshape(len(numbers), -1)
        sums = np.stack([np.bincount(groups, weights=column, minlength=count) for column in columns.T], axis=1)
        sizes = np.bincount(groups, minlength=count).astype(np.float64)
        both = np.concatenate([sums, sizes[:, None]], axis=1)
        found = []
        for times in self._pieces(count):
            drawn = times.astype(np.float64) @ both
            with np.errstate(invalid="ignore", divide="ignore"):
                found.append(drawn[:, :-1] / drawn[:, -1:])
        return np.concatenate(found).reshape(-1, *numbers.shape[1:])

    def median(self, values: npt.ArrayLike, groups: Ints) -> Draws:
        """(samples,) medians of ``values``; the mean of the middle two when their number is even."""
        numbers = np.asarray(values, np.float64)
        order = np.argsort(numbers, kind="stable")
        distinct, first = np.unique(numbers[order], return_index=True)
        owners = groups[order]
        found = []
        for times in self._pieces(len(numbers)):
            held = np.add.reduceat(times[:, owners], first, axis=1, dtype=np.int64)
            upto = np.cumsum(held, axis=1)
            total = upto[:, -1]
            low = np.count_nonzero(upto < ((total + 1) // 2)[:, None], axis=1)
            high = np.count_nonzero(upto < (total // 2 + 1)[:, None], axis=1)
            middle = (distinct[low] + distinct[np.minimum(high, len(distinct) - 1)]) / 2
            found.append(np.where(total > 0, middle, np.nan))
        return np.concatenate(found)


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
    shares = [ranks.first <= k for k in KS]
    means = draws.mean(np.stack([*shares, ranks.first, ranks.average_precision], axis=1), groups)
    found = {f"R@{k}": 100 * means[:, column] for column, k in enumerate(KS)}
    found["MedR"] = draws.median(ranks.first, groups)
    found["MeanR"] = means[:, len(KS)]
    found["mAP"] = 100 * means[:, len(KS) + 1]
    return found
