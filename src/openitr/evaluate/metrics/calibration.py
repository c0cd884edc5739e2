"""Whether probabilities mean what they say.

    ECE        probabilities sorted into bins of equal width; sum over bins of
               (share of all) * |mean probability - share that came true|   (Naeini et al. 2015; Guo et al. 2017)
    adaptive   the same with bins that hold equally many                    (Nixon et al. 2019)
    Brier      mean of (probability - outcome)^2                            (Brier 1950)

A bin's error is bounded below by its noise: with few answers per bin even a perfect model has an ECE above 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError, ShapeError

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reliability:
    """One point per bin that holds anything.

    Args:
        predicted: Mean probability.
        observed: Share that came true.
        count: How many answers.
    """

    predicted: Numbers
    observed: Numbers
    count: npt.NDArray[np.int64]

    @property
    def error(self) -> float:
        """Mean distance of predicted and observed, weighted by count."""
        return float(np.sum(self.count * np.abs(self.predicted - self.observed)) / np.sum(self.count))


def reliability(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, bins: int = 15, *, adaptive: bool = False
) -> Reliability:
    """The curve that a reliability diagram draws.

    Args:
        probabilities: (n,) 0 to 1.
        outcomes: (n,) 1 where it came true, else 0.
        bins: How many; a probability on an edge belongs to the bin below it, 0 to the first.
        adaptive: Bins of equal count instead of equal width; equal probabilities stay together.

    Raises:
        ShapeError: Lengths that differ.
        InputError: A probability outside 0 to 1, an outcome that is neither 0 nor 1, nothing at all, bins below 1.

    >>> curve = reliability([0.1, 0.2, 0.9, 0.8], [0, 0, 1, 0], bins=2)
    >>> curve.predicted.round(2).tolist(), curve.observed.tolist(), curve.count.tolist()
    ([0.15, 0.85], [0.0, 0.5], [2, 2])
    """
    p, y = _checked(probabilities, outcomes)
    if bins < 1:
        raise InputError(f"bins is {bins}", "use 1 or more")
    if adaptive:
        distinct, inverse = np.unique(p, return_inverse=True)
        # The middle of each run of equal probabilities decides for all of them.
        sizes = np.bincount(inverse, minlength=len(distinct))
        middle = np.cumsum(sizes) - (sizes + 1) / 2
        place = np.minimum((middle * bins / len(p)).astype(np.int64), bins - 1)[inverse]
    else:
        place = np.clip(np.ceil(p * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    some = count > 0
    predicted = np.bincount(place, weights=p, minlength=bins)[some] / count[some]
    observed = np.bincount(place, weights=y, minlength=bins)[some] / count[some]
    return Reliability(predicted, observed, count[some])


def expected_calibration_error(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, bins: int = 15) -> float:
    """ECE with bins of equal width, 0 to 1; arguments as of :func:`reliability`.

    >>> expected_calibration_error([0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0], bins=10)
    0.0
    """
    return reliability(probabilities, outcomes, bins).error


def adaptive_calibration_error(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, bins: int = 15) -> float:
    """ECE with bins of equal count, 0 to 1; arguments as of :func:`reliability`."""
    return reliability(probabilities, outcomes, bins, adaptive=True).error


def brier_score(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> float:
    """Mean squared distance of probability and outcome, 0 to 1; rewards being sure as well as being right.

    >>> brier_score([1.0, 0.5], [1, 0])
    0.125
    """
    p, y = _checked(probabilities, outcomes)
    return float(np.mean((p - y) ** 2))


def _checked(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[Numbers, Numbers]:
    p, y = np.asarray(probabilities, np.float64), np.asarray(outcomes, np.float64)
    if p.ndim != 1 or p.shape != y.shape:
        raise ShapeError(f"probabilities of shape {p.shape}, outcomes of shape {y.shape}", "one outcome each")
    if not len(p):
        raise InputError("no probabilities", "there is nothing to measure")
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError(f"{p[~((p >= 0) & (p <= 1))][0]} is no probability", "use numbers from 0 to 1")
    if not np.isin(y, (0, 1)).all():
        raise InputError(f"{y[~np.isin(y, (0, 1))][0]:g} is no outcome", "use 1 where it came true, else 0")
    return p, y
