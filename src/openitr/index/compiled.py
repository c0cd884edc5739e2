"""One query over an inverted index as machine code (numba): all postings are added, the best kept in a heap.

As exact as :mod:`openitr.index.maxscore`. Nothing is dropped early: here adding a posting costs less than asking
whether it is needed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.errors import MissingExtra
from openitr.index.pieces import ROWS, Mask
from openitr.index.postings import Segment

_LAST = ROWS - 1
_BLOCK = 256  # rows that are passed over together where none of them is among the best
_EVERYONE = np.zeros(0, np.bool_)
_own = threading.local()


def best_of(
    segments: Sequence[Segment], masks: Sequence[Mask | None], terms: Ints, weights: Floats, unit: float, k: int
) -> tuple[Ints, Floats]:
    """The k best of all segments for one query, in no order; of equal ones the lower ids.

    Args:
        segments: Where to look.
        masks: Of each, (n,) true for rows that may come; None for all.
        terms: (q,) of the query.
        weights: (q,) of the query, positive.
        unit: What a stored weight of 1 stands for.
        k: How many are wanted.

    Returns:
        (m,) ids and (m,) float32 scores, m at most k.

    Raises:
        MissingExtra: numba is not installed.
    """
    add, keep = kernels()
    k = min(k, sum(map(len, segments)))
    ids, scores, size = np.empty(k, np.int64), np.empty(k, np.float32), 0
    factors = (weights * np.float32(unit)).astype(np.float32, copy=False)
    # Taken while in use: sums that Ctrl-C leaves half added are not found by the next question.
    sums = _own.__dict__.pop("sums", None)
    if sums is None:
        sums = np.zeros(ROWS, np.float32)
    for one, mask in zip(segments, masks, strict=True):
        add(sums, one.terms, one.starts, one.places, one.rows, one.weights, terms, factors)
        size = keep(sums, one.ids, _EVERYONE if mask is None else mask, ids, scores, size)
    _own.sums = sums
    return ids[:size], scores[:size]


@cache
def kernels() -> tuple[Any, Any]:
    """:func:`_add` and :func:`_keep` as machine code; their first calls take a second or two."""
    try:
        import numba
    except ImportError as error:
        raise MissingExtra("Compiled search of words", "compiled") from error
    compiled = numba.njit(nogil=True)
    return compiled(_add), compiled(_keep)


def _add(
    sums: Floats,
    known: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.uint32],
    places: npt.NDArray[np.uint32],
    coded: npt.NDArray[np.uint8],
    weights: npt.NDArray[Any],
    terms: Ints,
    factors: Floats,
) -> None:
    """Add the postings of a query to ``sums``; the arrays are those of a segment."""
    for t in range(len(terms)):
        place, end = 0, len(known)
        while place < end:
            middle = (place + end) // 2
            if known[middle] < terms[t]:
                place = middle + 1
            else:
                end = middle
        if place == len(known) or known[place] != terms[t]:
            continue
        first, last, at = int(starts[place]), int(starts[place + 1]), int(places[place])
        factor = factors[t]
        if int(places[place + 1]) - at == last - first:
            row = 0
            for p in range(first, last):
                # Within the array whatever a damaged file says: there is no check in machine code.
                row = (row + int(coded[at + p - first])) & _LAST
                sums[row] += factor * np.float32(weights[p])
        else:
            for p in range(first, last):
                two = at + 2 * (p - first)
                sums[int(coded[two]) | int(coded[two + 1]) << 8] += factor * np.float32(weights[p])


def _keep(sums: Floats, of: Ints, mask: Mask, ids: Ints, scores: Floats, size: int) -> int:
    """Bring the sums of the ids ``of`` into the heap of the best, which holds ``size``; ``sums`` is zero after.

    On top lies the worst: lowest score, and of equal ones the highest id.
    """
    for start in range(0, len(of), _BLOCK):
        stop = min(start + _BLOCK, len(of))
        if size == len(ids):
            enough = 0
            for row in range(start, stop):
                enough += sums[row] >= scores[0]
            if not enough:
                continue
        for row in range(start, stop):
            score, id = sums[row], of[row]
            if len(mask) and not mask[row]:
                continue
            if size < len(ids):
                hole = size
                size += 1
                while hole > 0:
                    up = (hole - 1) // 2
                    if score > scores[up] or (score == scores[up] and id < ids[up]):
                        break
                    scores[hole], ids[hole] = scores[up], ids[up]
                    hole = up
            elif score > scores[0] or (score == scores[0] and id < ids[0]):
                hole = 0
                while 2 * hole + 1 < size:
                    low, other = 2 * hole + 1, 2 * hole + 2
                    if other < size and (
                        scores[other] < scores[low] or (scores[other] == scores[low] and ids[other] > ids[low])
                    ):
                        low = other
                    if score < scores[low] or (score == scores[low] and id > ids[low]):
                        break
                    scores[hole], ids[hole] = scores[low], ids[low]
                    hole = low
            else:
                continue
            scores[hole], ids[hole] = score, id
    sums[:] = 0.0
    return size
