"""One immutable piece of an inverted index: for each term, which rows hold it and how strongly.

A segment holds at most 65,536 rows, so that a row number takes two bytes however many items an index has; with a
byte for the weight a posting costs three bytes, and nothing has to be decoded before it can be added up.

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
_MAGIC = b"OITRLEX1"
_ALIGN = 64
_MAX_HEADER = 1 << 16
_TYPES = {"ids": "<i8", "terms": "<u4", "starts": "<i8", "rows": "<u2", "weights": "", "peaks": ""}


@dataclass(frozen=True, eq=False)
class Segment:
    """Postings of some items.

    Args:
        ids: (n,) int64 ascending, n at most 65,536; an item's place here is its row.
        terms: (t,) uint32 ascending, the terms that occur.
        starts: (t + 1,) int64; term i owns postings ``starts[i]:starts[i + 1]``.
        rows: (p,) uint16, ascending within a term.
        weights: (p,) uint8 codes, or float32.
        peaks: (t,) the largest weight of each term, which bounds what it can add to a score.
    """

    ids: Ints
    terms: npt.NDArray[np.uint32]
    starts: Ints
    rows: npt.NDArray[np.uint16]
    weights: npt.NDArray[Any]
    peaks: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(int(getattr(self, name).nbytes) for name in _TYPES)

    def forward(self) -> tuple[Ints, Ints, npt.NDArray[Any]]:
        """The same postings by row: (p,) rows ascending, (p,) terms ascending within a row, (p,) weights."""
        terms = np.repeat(self.terms.astype(np.int64), np.diff(self.starts))
        order = np.argsort(self.rows, kind="stable")
        return self.rows[order].astype(np.int64), terms[order], self.weights[order]

    def save(self, path: Path) -> None:
        """Write the file whole or not at all, and bring it to the disk."""
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _TYPES}
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
            data = np.memmap(path, np.uint8, "r")
            found = cls(**{name: _array(data, start, name, *header[name]) for name in _TYPES})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedCollection(f"{path}: {error}", "build the index again") from error
        if len(found.starts) != len(found.terms) + 1 or len(found) > ROWS:
            raise DamagedCollection(f"{path}: its arrays do not fit together", "build the index again")
        return found


def _array(data: npt.NDArray[np.uint8], start: int, name: str, place: int, count: int, kind: str) -> Any:
    if kind not in ((_TYPES[name],) if _TYPES[name] else ("|u1", "<f4")):
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
    >>> made.terms.tolist(), made.starts.tolist(), made.rows.tolist(), made.peaks.tolist()
    ([2, 5], [0, 1, 3], [0, 0, 1], [2, 3])
    """
    order = np.argsort(terms, kind="stable")
    distinct, first = np.unique(terms[order], return_index=True)
    ordered = weights[order]
    peaks = np.maximum.reduceat(ordered, first) if len(first) else ordered
    starts = np.append(first, len(order)).astype(np.int64)
    return Segment(
        np.asarray(ids, np.int64), distinct.astype(np.uint32), starts, rows[order].astype(np.uint16), ordered, peaks
    )


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
    padded = np.zeros(-(-len(segment) // _BLOCK) * _BLOCK, np.float32)
    scores = padded[: len(segment)]
    places = np.searchsorted(segment.terms, terms)
    known = places < len(segment.terms)
    known[known] = segment.terms[places[known]] == terms[known]
    places, factors = places[known], (weights[known] * np.float32(unit)).astype(np.float32)
    peaks = factors * segment.peaks[places].astype(np.float32)
    lengths = (segment.starts[places + 1] - segment.starts[places]).astype(np.int64)
    rest = np.cumsum(peaks[::-1])[::-1]
    to_come = np.cumsum(lengths[::-1])[::-1]
    for step, place in enumerate(places):
        if step and to_come[step] > _WORTH_A_LOOK:
            bound = max(floor, _kth_at_least(padded, k))
            if rest[step] < bound:
                # A hair of slack: sums of float32 in another order.
                alive = np.flatnonzero(scores >= bound - rest[step] - 1e-5 * bound)
                if _LOOK_UP_COST * len(alive) * (len(places) - step) < to_come[step]:
                    _look_up(segment, scores, alive, places[step:], factors[step:])
                    return scores, bound
        start, end = segment.starts[place], segment.starts[place + 1]
        scores[segment.rows[start:end]] += factors[step] * segment.weights[start:end]
    return scores, floor


def peaks_of(segment: Segment, terms: Ints) -> npt.NDArray[Any]:
    """(q,) largest weight of each term in a segment, 0 for one that does not occur."""
    places = np.minimum(np.searchsorted(segment.terms, terms), max(len(segment.terms) - 1, 0))
    if not len(segment.terms):
        return np.zeros(len(terms), segment.peaks.dtype)
    return np.where(segment.terms[places] == terms, segment.peaks[places], 0)


_BLOCK = 64
# Below so many postings still to be added, a second thought costs more than adding them.
_WORTH_A_LOOK = 20_000
# Finding one row in a list costs as much as adding so many postings.
_LOOK_UP_COST = 16


def _kth_at_least(padded: Floats, k: int) -> float:
    """A bound from below on the k-th best score: the k-th best of the best of each block, which are different rows."""
    peaks = padded.reshape(-1, _BLOCK).max(axis=1)
    return float(np.partition(peaks, len(peaks) - k)[len(peaks) - k]) if k <= len(peaks) else 0.0


def _look_up(segment: Segment, scores: Floats, alive: Ints, places: Ints, factors: Floats) -> None:
    wanted = alive.astype(np.uint16)
    for place, factor in zip(places, factors, strict=True):
        start, end = segment.starts[place], segment.starts[place + 1]
        rows = segment.rows[start:end]
        found = np.searchsorted(rows, wanted)
        hit = found < len(rows)
        hit[hit] = rows[found[hit]] == wanted[hit]
        scores[alive[hit]] += factor * segment.weights[start:end][found[hit]]
