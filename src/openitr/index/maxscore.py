"""One query over one segment of an inverted index, with what cannot reach the best left out.

Terms are added up one after the other, best by what they can contribute. Once what is still to come is less than the
k-th best so far, rows that are too far behind are dropped, and the remaining, usually long, lists are only looked up
for the rows that are left (MaxScore: Turtle and Flood 1995; term at a time as in Moffat and Zobel 1996).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.index.postings import Segment

# Blocks whose best are compared to find a bound; each takes rows from all over the segment.
_BLOCKS = 1024
# Below so many postings still to be added, a second thought costs more than adding them.
_WORTH_A_LOOK = 20_000
# Finding one row in a list costs as much as adding so many postings.
_LOOK_UP_COST = 16


def accumulate(
    segment: Segment, terms: Ints, weights: Floats, unit: float, floor: float, k: int
) -> tuple[Floats, float]:
    """Scores of one query over a segment; a row that cannot reach the k best may be left short of its full score.

    Args:
        segment: Where to look.
        terms: (q,) of the query; one order for all segments, so that equal rows get equal sums.
        weights: (q,) of the query, positive.
        unit: What a stored weight of 1 stands for.
        floor: Scores below it do not matter (the k-th best of segments seen before).
        k: How many are wanted.

    Returns:
        (n,) float32 scores, and the floor below which they may be too low.
    """
    # Whole blocks, so that the best of each block is one reduction.
    padded = np.zeros(-(-len(segment) // _BLOCKS) * _BLOCKS, np.float32)
    scores = padded[: len(segment)]
    places = np.searchsorted(segment.terms, terms)
    known = places < len(segment.terms)
    known[known] = segment.terms[places[known]] == terms[known]
    places, factors = places[known], (weights[known] * np.float32(unit)).astype(np.float32)
    peaks = factors * segment.peaks[places].astype(np.float32)
    lengths = segment.starts[places + 1].astype(np.int64) - segment.starts[places]
    rest = np.cumsum(peaks[::-1])[::-1]
    whole = float(rest[0]) if len(rest) else 0.0
    to_come = np.cumsum(lengths[::-1])[::-1]
    for step, place in enumerate(places):
        # No row has more than the peaks of the terms added so far: while more is to come, none can be dropped.
        if rest[step] < max(floor, whole - rest[step]) and to_come[step] > _WORTH_A_LOOK:
            bound = max(floor, _kth_at_least(padded, k))
            if rest[step] < bound:
                # A hair of slack: sums of float32 in another order.
                alive = np.flatnonzero(scores >= bound - rest[step] - 1e-5 * bound)
                if _LOOK_UP_COST * len(alive) * (len(places) - step) < to_come[step]:
                    _look_up(segment, scores, alive, places[step:], factors[step:])
                    return scores, bound
        rows, held = segment.postings(int(place))
        # Three times as fast as `scores[rows] += ...` on a long list.
        np.add.at(scores, rows, factors[step] * held)
    return scores, floor


def peaks_of(segment: Segment, terms: Ints) -> npt.NDArray[Any]:
    """(q,) largest weight of each term in a segment, 0 for one that does not occur."""
    places = np.minimum(np.searchsorted(segment.terms, terms), max(len(segment.terms) - 1, 0))
    if not len(segment.terms):
        return np.zeros(len(terms), segment.peaks.dtype)
    return np.where(segment.terms[places] == terms, segment.peaks[places], 0)


def _kth_at_least(padded: Floats, k: int) -> float:
    """A bound from below on the k-th best score: the k-th best of the best of each block, which are different rows."""
    peaks = padded.reshape(-1, _BLOCKS).max(axis=0)
    return float(np.partition(peaks, len(peaks) - k)[len(peaks) - k]) if k <= len(peaks) else 0.0


def _look_up(segment: Segment, scores: Floats, alive: Ints, places: Ints, factors: Floats) -> None:
    for place, factor in zip(places, factors, strict=True):
        rows, weights = segment.postings(int(place))
        wanted = alive.astype(rows.dtype)
        found = np.searchsorted(rows, wanted)
        hit = found < len(rows)
        hit[hit] = rows[found[hit]] == wanted[hit]
        scores[alive[hit]] += factor * weights[found[hit]]
