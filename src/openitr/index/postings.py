"""One immutable piece of an inverted index: for each term, which rows hold it and how strongly.

A segment holds at most 65,536 rows, so that a row number takes two bytes however many items an index has. A term that
many rows hold keeps the gaps between its rows instead, a byte each: a wider gap is bridged by postings of weight 0,
which add nothing to a score and nothing to the code that reads them. With a byte for the weight that makes two bytes a
posting of a common term and three of a rare one.

File: 8 bytes of magic, the length of a JSON header, the header, then the arrays it lists, each at a multiple of 64.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.errors import DamagedCollection

ROWS = 1 << 16
_MAGIC = b"OITRLEX2"
_ALIGN = 64
_MAX_HEADER = 1 << 16
_GAPS = ("|u1", "<u2", "<u4", "<i8")
_WEIGHTS = ("|u1", "<f4")
_TYPES = {
    "ids": _GAPS,
    "terms": ("<u4",),
    "starts": ("<u4",),
    "places": ("<u4",),
    "rows": ("|u1",),
    "weights": _WEIGHTS,
    "peaks": _WEIGHTS,
}


@dataclass(frozen=True, eq=False)
class Segment:
    """Postings of some items.

    Args:
        ids: (n,) int64 ascending, n at most 65,536; an item's place here is its row.
        terms: (t,) uint32 ascending, the terms that occur.
        starts: (t + 1,) uint32; term i owns weights ``starts[i]:starts[i + 1]``.
        places: (t + 1,) uint32; its rows are bytes ``places[i]:places[i + 1]``: gaps where they are as many as its
            weights, else row numbers of two bytes.
        rows: (b,) uint8.
        weights: (p,) uint8 codes, or float32; 0 for a bridge.
        peaks: (t,) the largest weight of each term, which bounds what it can add to a score.
    """

    ids: Ints
    terms: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.uint32]
    places: npt.NDArray[np.uint32]
    rows: npt.NDArray[np.uint8]
    weights: npt.NDArray[Any]
    peaks: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(int(getattr(self, name).nbytes) for name in _TYPES)

    def postings(self, place: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Rows, ascending, and weights of the term at ``place`` of :attr:`terms`, bridges among them."""
        weights = self.weights[self.starts[place] : self.starts[place + 1]]
        coded = self.rows[self.places[place] : self.places[place + 1]]
        return (np.cumsum(coded, dtype=np.intp) if len(coded) == len(weights) else coded.view("<u2")), weights

    def forward(self, wanted: npt.NDArray[np.bool_] | None = None) -> tuple[Ints, Ints, npt.NDArray[Any]]:
        """Postings by row: (p,) rows ascending, (p,) terms ascending within a row, (p,) weights; no bridges.

        Args:
            wanted: (n,) true for the rows that are asked for; all of them if None.
        """
        found = [self.postings(place)[0].astype(np.uint16) for place in range(len(self.terms))]
        rows = np.concatenate([np.zeros(0, np.uint16), *found])
        there = np.flatnonzero(self.weights if wanted is None else (self.weights != 0) & wanted[rows])
        terms = np.searchsorted(self.starts, there, "right") - 1
        order = np.argsort(rows[there], kind="stable")
        return (
            rows[there][order].astype(np.int64),
            self.terms[terms[order]].astype(np.int64),
            self.weights[there[order]],
        )

    def held(self, term: int, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(r,) weights of one term in given rows, 0 where a row has it not."""
        place = int(np.searchsorted(self.terms, term))
        if place == len(self.terms) or self.terms[place] != term:
            return np.zeros(len(rows), self.weights.dtype)
        found, weights = self.postings(place)
        at = np.minimum(np.searchsorted(found, rows.astype(found.dtype)), len(found) - 1)
        return np.where(found[at] == rows, weights[at], 0).astype(weights.dtype)

    def save(self, path: Path) -> None:
        """Write the file whole or not at all, and bring it to the disk."""
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _TYPES}
        arrays["ids"] = _small(np.diff(self.ids, prepend=0))
        header: dict[str, Any] = {}
        place = 0
        for name, array in arrays.items():
            header[name] = [place, len(array), array.dtype.str]
            place += -(-array.nbytes // _ALIGN) * _ALIGN
        text = json.dumps(header).encode("ascii")
        start = -(-(len(_MAGIC) + 8 + len(text)) // _ALIGN) * _ALIGN
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            file.write(_MAGIC + len(text).to_bytes(8, "little") + text)
            for name, array in arrays.items():
                file.seek(start + header[name][0])
                file.write(array.tobytes())
            file.truncate(start + place)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    @classmethod
    def open(cls, path: Path) -> Segment:
        """Map a file that :meth:`save` wrote.

        Raises:
            DamagedCollection: It is missing, cut short or none of ours.
        """
        try:
            with path.open("rb") as file:
                head = file.read(len(_MAGIC) + 8)
                length = int.from_bytes(head[len(_MAGIC) :], "little")
                if head[: len(_MAGIC)] != _MAGIC or not 0 < length < _MAX_HEADER:
                    raise ValueError("not an inverted index")
                header = json.loads(file.read(length))
            start = -(-(len(_MAGIC) + 8 + length) // _ALIGN) * _ALIGN
            # A plain view of the map: slices of a memmap itself cost more than what is done with them.
            data = np.memmap(path, np.uint8, "r").view(np.ndarray)
            arrays = {name: _array(data, start, name, *header[name]) for name in _TYPES}
            found = cls(**{**arrays, "ids": np.cumsum(arrays["ids"], dtype=np.int64)})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedCollection(f"{path}: {error}", "build the index again") from error
        if not found._fits():
            raise DamagedCollection(f"{path}: its arrays do not fit together", "build the index again")
        return found

    def _fits(self) -> bool:
        """Whether the arrays are of one make, so that no search can read past the end of one."""
        counts, widths = np.diff(self.starts.astype(np.int64)), np.diff(self.places.astype(np.int64))
        return bool(
            len(self.starts) == len(self.places) == len(self.terms) + 1 == len(self.peaks) + 1
            and len(self) <= ROWS
            and self.starts[0] == self.places[0] == 0
            and (self.starts[-1], self.places[-1]) == (len(self.weights), len(self.rows))
            and (counts >= 0).all()
            and ((widths == counts) | (widths == 2 * counts)).all()
        )


def _small(gaps: Ints) -> npt.NDArray[Any]:
    """Gaps between ascending ids in as few bytes as the widest of them takes."""
    low, high = (int(gaps.min()), int(gaps.max())) if len(gaps) else (0, 0)
    kind = next(k for k in _GAPS if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
    return gaps.astype(kind)


def _array(data: npt.NDArray[np.uint8], start: int, name: str, place: int, count: int, kind: str) -> Any:
    if kind not in _TYPES[name]:
        raise ValueError(f"{name} of type {kind}")
    dtype = np.dtype(kind)
    end = start + place + count * dtype.itemsize
    if min(place, count) < 0 or end > len(data):
        raise ValueError("cut short")
    return data[start + place : end].view(dtype)


def segment_of(ids: Ints, rows: Ints, terms: Ints, weights: npt.NDArray[Any]) -> Segment:
    """Invert postings.

    Args:
        ids: (n,) ascending, n at most 65,536.
        rows: (p,) positions in ``ids``, ascending.
        terms: (p,) term of each posting.
        weights: (p,) uint8 or float32, none of them zero.

    >>> made = segment_of(np.array([7, 9]), np.array([0, 0, 1]), np.array([5, 2, 5]), np.array([1, 2, 3], np.uint8))
    >>> made.terms.tolist(), [[part.tolist() for part in made.postings(place)] for place in (0, 1)], made.peaks.tolist()
    ([2, 5], [[[0], [2]], [[0, 1], [1, 3]]], [2, 3])
    """
    order = np.argsort(terms, kind="stable")
    distinct, first, counts = np.unique(terms[order], return_index=True, return_counts=True)
    ordered, placed = weights[order], rows[order].astype(np.int64)
    gaps = np.diff(placed, prepend=0)
    gaps[first] = placed[first]
    bridges = (gaps - 1).clip(min=0) // _WIDEST
    # A bridge takes two bytes, a row number one more than a gap.
    common = 2 * np.add.reduceat(bridges, first) <= counts if len(first) else np.zeros(0, bool)
    bridges *= np.repeat(common, counts)
    slots = np.cumsum(bridges + 1) - 1
    starts = np.append(0, slots[first + counts - 1] + 1)
    kept = np.zeros(starts[-1], ordered.dtype)
    kept[slots] = ordered
    widths = np.where(common, 1, 2)
    places = np.append(0, np.cumsum(np.diff(starts) * widths))
    # Where the bytes of each posting begin: those of its term, and then one or two per slot.
    each = np.repeat(np.arange(len(first)), counts)
    at = places[each] + (slots - starts[each]) * widths[each]
    coded = np.full(places[-1], _WIDEST, np.uint8)
    gapped = common[each]
    coded[at[gapped]] = (gaps - bridges * _WIDEST)[gapped]
    coded[at[~gapped]], coded[at[~gapped] + 1] = placed[~gapped] & 255, placed[~gapped] >> 8
    peaks = np.maximum.reduceat(ordered, first) if len(first) else ordered
    found = distinct.astype(np.uint32), starts.astype(np.uint32), places.astype(np.uint32), coded, kept, peaks
    return Segment(np.asarray(ids, np.int64), *found)


def accumulate(
    segment: Segment, terms: Ints, weights: Floats, unit: float, floor: float, k: int
) -> tuple[Floats, float]:
    """Scores of one query over a segment; a row that cannot reach the k best may be left short of its full score.

    Terms are added in the order they come in, best by what they can contribute. Once what is still to come is less than
    the k-th best so far, rows that are too far behind are dropped, and the remaining, usually long, lists are only
    looked up for the rows that are left (MaxScore: Turtle & Flood 1995; term-at-a-time as in Moffat & Zobel 1996).

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


# Blocks whose best are compared to find a bound; each takes rows from all over the segment.
_BLOCKS = 1024
# The widest gap that a byte holds.
_WIDEST = 255
# Below so many postings still to be added, a second thought costs more than adding them.
_WORTH_A_LOOK = 20_000
# Finding one row in a list costs as much as adding so many postings.
_LOOK_UP_COST = 16


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
