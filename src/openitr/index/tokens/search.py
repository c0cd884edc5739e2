"""Asking the pieces of a token index: who to look at, and their exact scores.

Candidates come from lists of who holds which centroid, one list of centroids per query token, as in PLAID (Santhanam
et al. 2022, arXiv:2205.09707) and WARP (Scheerer et al. 2025, arXiv:2501.17788): an item is as promising as the sum,
over query tokens, of the best centroid it holds. No mean vector is involved, so an item with one matching patch among
many others is found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.index.tokens.codec import Codec
from openitr.index.tokens.segment import TokenSegment

_CELLS = 4_000_000  # products held at once, 16 MB
Mask = npt.NDArray[np.bool_]


def probed(query: Floats, codec: Codec, probes: int) -> tuple[Ints, Floats]:
    """The nearest centroids of each query token, worst first, and what each adds over not being listed.

    Returns:
        (m, p) int64 centroids, and (m, p) float32 gains over the best centroid that was left out.
    """
    scores = query @ codec.centroids.T
    many = scores.shape[1]
    if probes >= many:
        order = np.argsort(scores, axis=1)
        return order, np.take_along_axis(scores, order, 1) - scores.min(1, keepdims=True) + np.float32(1e-6)
    chosen = np.argpartition(scores, many - probes - 1, axis=1)[:, many - probes - 1 :]
    found = np.take_along_axis(scores, chosen, 1)
    order = np.argsort(found, axis=1)
    chosen, found = np.take_along_axis(chosen, order, 1), np.take_along_axis(found, order, 1)
    return chosen[:, 1:], found[:, 1:] - found[:, :1]


def promise(segment: TokenSegment, cells: Ints, gains: Floats) -> Floats:
    """(n,) float32: what each row's centroids add up to, 0 for a row that holds none of those asked for."""
    total = np.zeros(len(segment), np.float32)
    best = np.empty(len(segment), np.float32)
    first, last = segment.starts[cells].astype(np.int64), segment.starts[cells + 1].astype(np.int64)
    lengths = last - first
    shift = first - (np.cumsum(lengths, axis=1) - lengths)
    for token in range(len(cells)):
        size = lengths[token]
        rows = segment.rows[np.arange(size.sum()) + np.repeat(shift[token], size)]
        gained = np.repeat(gains[token], size)
        # Worst first: where a row stands several times, what is written last, its best centroid, stays.
        best[rows] = gained
        last_one = best[rows] == gained
        total[rows[last_one]] += gained[last_one]
    return total


def scored(segment: TokenSegment, codec: Codec | None, query: Floats, rows: Ints) -> Floats:
    """MaxSim of the query with each of ``rows``: (len(rows),) float32."""
    found = np.empty(len(rows), np.float32)
    sizes = (segment.offsets[rows + 1] - segment.offsets[rows]).astype(np.int64)
    ends = np.cumsum(sizes)
    at = 0
    while at < len(rows):
        room = _CELLS // max(query.shape) + 1
        stop = max(at + 1, int(np.searchsorted(ends, (ends[at - 1] if at else 0) + room, "right")))
        tokens, offsets = segment.bags(rows[at:stop], codec)
        found[at:stop] = np.maximum.reduceat(tokens @ query.T, offsets[:-1], axis=0).sum(1)
        at = stop
    return found


def scored_alone(segment: TokenSegment, codec: Codec | None, query: Floats, rows: Ints) -> Floats:
    """The same summed in double precision, bag by bag: equal bags get equal scores wherever they lie."""
    wide = query.astype(np.float64)
    found = np.empty(len(rows), np.float32)
    for place, row in enumerate(rows):
        tokens, _ = segment.bags(np.array([row]), codec)
        found[place] = (tokens.astype(np.float64) @ wide.T).max(0).sum()
    return found


def candidates(
    segments: Sequence[TokenSegment], masks: Sequence[Mask | None], cells: Ints, gains: Floats, most: int
) -> list[Ints]:
    """Rows of each rounded segment that are worth an exact score: the ``most`` promising of all together.

    Args:
        segments: Where to look.
        masks: Of each, (n,) true for rows that may come; None for all.
        cells: As :func:`probed` gives them.
        gains: Likewise.
        most: How many; all that may come where they are fewer.
    """
    parts: list[tuple[Ints, Floats]] = []
    for segment, mask in zip(segments, masks, strict=True):
        hope = promise(segment, cells, gains)
        if mask is not None:
            hope[~mask] = -1.0
        there = len(segment) if mask is None else int(np.count_nonzero(mask))
        few = min(most, there)
        rows = np.argpartition(hope, len(hope) - few)[len(hope) - few :] if few else np.zeros(0, np.int64)
        parts.append((rows, hope[rows]))
    return most_promising(parts, most)


def most_promising(parts: Sequence[tuple[Ints, Floats]], most: int) -> list[Ints]:
    """Rows and their promise, segment by segment, to the rows of each that are among the ``most`` best of all."""
    hopes = np.concatenate([np.zeros(0, np.float32), *(hope for _, hope in parts)])
    if len(hopes) <= most:
        return [rows for rows, _ in parts]
    kept = np.zeros(len(hopes), bool)
    kept[np.argpartition(hopes, len(hopes) - most)[len(hopes) - most :]] = True
    ends = np.cumsum([len(rows) for rows, _ in parts])
    return [rows[kept[end - len(rows) : end]] for (rows, _), end in zip(parts, ends, strict=True)]
