"""The steps of :mod:`openitr.index.tokens.search` as machine code (numba): the same answers, several times as fast.

A token is unpacked into one small buffer and met with the query at once, so that what NumPy writes out between its
passes never leaves the processor; and the best of many are kept in a heap, which most of them never enter.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.errors import MissingExtra
from openitr.index.pieces import ROWS, Mask
from openitr.index.tokens import search
from openitr.index.tokens.codec import Codec
from openitr.index.tokens.segment import TokenSegment

_EVERYONE = np.zeros(0, np.bool_)
_own = threading.local()


class Kernels(NamedTuple):
    """The loops, compiled or as they are written."""

    top: Any
    add: Any
    score: Any


def probed(query: Floats, codec: Codec, probes: int) -> tuple[Ints, Floats]:
    """As :func:`openitr.index.tokens.search.probed`, best first; the order does not matter here."""
    scores = query @ codec.centroids.T
    many = scores.shape[1]
    if probes >= many:
        return search.probed(query, codec, probes)
    chosen = np.empty((len(query), probes + 1), np.int64)
    top = kernels().top
    for row, found in zip(scores, chosen, strict=True):
        top(row, _EVERYONE, found)
    values = np.take_along_axis(scores, chosen, 1)
    # The heap's first is its least.
    return chosen[:, 1:], values[:, 1:] - values[:, :1]


def candidates(
    segments: Sequence[TokenSegment], masks: Sequence[Mask | None], cells: Ints, gains: Floats, most: int
) -> list[Ints]:
    """As :func:`openitr.index.tokens.search.candidates`."""
    loops = kernels()
    # Taken while in use: sums that Ctrl-C leaves half added are not found by the next question.
    room = _own.__dict__.pop("room", None)
    total, best = room if room is not None else (np.zeros(ROWS, np.float32), np.zeros(ROWS, np.float32))
    parts: list[tuple[Ints, Floats]] = []
    for segment, mask in zip(segments, masks, strict=True):
        hope = total[: len(segment)]
        loops.add(hope, best, segment.starts, segment.rows, cells, gains)
        there = len(segment) if mask is None else int(np.count_nonzero(mask))
        rows = np.empty(min(most, there), np.int64)
        if len(rows):
            loops.top(hope, _EVERYONE if mask is None else mask, rows)
        parts.append((rows, hope[rows]))
        hope[:] = 0.0
    _own.room = total, best
    return search.most_promising(parts, most)


def scored(segment: TokenSegment, codec: Codec | None, query: Floats, rows: Ints) -> Floats:
    """As :func:`openitr.index.tokens.search.scored`; tokens that are not rounded are left to it."""
    if not segment.rounded or codec is None:
        return search.scored(segment, codec, query, rows)
    found = np.empty(len(rows), np.float32)
    asked = np.ascontiguousarray(query, np.float32)
    kernels().score(
        segment.offsets, segment.cells, segment.codes, codec.centroids, codec.unpacked, codec.scale, asked, rows, found
    )
    return found


@cache
def kernels() -> Kernels:
    """The loops as machine code; their first calls take some seconds.

    Raises:
        MissingExtra: numba is not installed.
    """
    try:
        import numba
    except ImportError as error:
        raise MissingExtra("Compiled search of tokens", "compiled") from error
    exact, loose = numba.njit(nogil=True), numba.njit(nogil=True, fastmath=True)
    return Kernels(exact(_top), exact(_add), loose(_score))


def _top(values: Floats, mask: Mask, found: Ints) -> None:
    """Write where the ``len(found)`` largest values stand, as a heap with the least of them first.

    There must be as many where ``mask`` is true; an empty mask lets all come.
    """
    size, most = 0, len(found)
    for place in range(len(values)):
        if len(mask) and not mask[place]:
            continue
        value = values[place]
        if size < most:
            hole = size
            size += 1
            while hole > 0:
                up = (hole - 1) // 2
                if values[found[up]] <= value:
                    break
                found[hole] = found[up]
                hole = up
        elif value > values[found[0]]:
            hole = 0
            while 2 * hole + 1 < most:
                low = 2 * hole + 1
                if low + 1 < most and values[found[low + 1]] < values[found[low]]:
                    low += 1
                if value <= values[found[low]]:
                    break
                found[hole] = found[low]
                hole = low
        else:
            continue
        found[hole] = place


def _add(
    total: Floats,
    best: Floats,
    starts: npt.NDArray[np.uint32],
    holders: npt.NDArray[np.uint16],
    cells: Ints,
    gains: Floats,
) -> None:
    """Add to each row the best gain among the centroids it holds, one query token after the other.

    ``best`` is zero before and after.
    """
    for token in range(len(cells)):
        for probe in range(cells.shape[1]):
            cell, gain = cells[token, probe], gains[token, probe]
            # Within the arrays whatever a damaged file says: there is no check in machine code.
            for place in range(int(starts[cell]), min(int(starts[cell + 1]), len(holders))):
                row = min(int(holders[place]), len(total) - 1)
                if gain > best[row]:
                    total[row] += gain - best[row]
                    best[row] = gain
        for probe in range(cells.shape[1]):
            cell = cells[token, probe]
            for place in range(int(starts[cell]), min(int(starts[cell + 1]), len(holders))):
                best[min(int(holders[place]), len(total) - 1)] = 0.0


def _score(
    offsets: npt.NDArray[np.uint32],
    cells: npt.NDArray[np.uint16],
    codes: npt.NDArray[np.uint8],
    centroids: Floats,
    unpacked: Floats,
    scale: Floats,
    query: Floats,
    rows: Ints,
    found: Floats,
) -> None:
    """MaxSim of the query with each of ``rows``, tokens unpacked on the way."""
    dim, each, last = centroids.shape[1], unpacked.shape[1], len(cells)
    filled = codes.shape[1] * each
    token = np.zeros(filled, np.float32)
    best = np.empty(len(query), np.float32)
    for place in range(len(rows)):
        best[:] = -np.inf
        for at in range(min(int(offsets[rows[place]]), last), min(int(offsets[rows[place] + 1]), last)):
            cell = min(int(cells[at]), len(centroids) - 1)
            for byte in range(codes.shape[1]):
                code = codes[at, byte]
                for part in range(each):
                    token[byte * each + part] = unpacked[code, part]
            for d in range(dim):
                token[d] = token[d] * scale[d] + centroids[cell, d]
            for row in range(len(query)):
                product = np.float32(0.0)
                for d in range(dim):
                    product += token[d] * query[row, d]
                best[row] = max(best[row], product)
        score = np.float32(0.0)
        for row in range(len(query)):
            score += best[row]
        found[place] = score
