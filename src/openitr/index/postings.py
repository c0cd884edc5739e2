"""One immutable piece of an inverted index: for each term, which rows hold it and how strongly.

A segment holds at most 65,536 rows, so that a row number takes two bytes however many items an index has. A term that
many rows hold keeps the gaps between its rows instead, a byte each: a wider gap is bridged by postings of weight 0,
which add nothing to a score and nothing to the code that reads them. With a byte for the weight that makes two bytes a
posting of a common term and three of a rare one.

Ids are kept as the gaps between them, in as few bytes as the widest takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Ints
from openitr.errors import DamagedCollection
from openitr.index import arrayfile
from openitr.index.arrayfile import Column
from openitr.index.pieces import ROWS

_MAGIC = b"OITRLEX3"
_WIDEST = 255  # gap that a byte holds
_GAPS = ("|u1", "<u2", "<u4", "<i8")
_WEIGHTS = ("|u1", "<f4")
_COLUMNS = {
    "ids": Column(_GAPS),
    "terms": Column(("<u4",)),
    "starts": Column(("<u4",)),
    "places": Column(("<u4",)),
    "rows": Column(("|u1",)),
    "weights": Column(_WEIGHTS),
    "peaks": Column(_WEIGHTS),
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
        return sum(int(getattr(self, name).nbytes) for name in _COLUMNS)

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
        arrays = {name: getattr(self, name) for name in _COLUMNS}
        arrayfile.write(path, _MAGIC, {**arrays, "ids": _small(np.diff(self.ids, prepend=0))})

    @classmethod
    def open(cls, path: Path) -> Segment:
        """Map a file that :meth:`save` wrote.

        Raises:
            DamagedCollection: It is missing, cut short or none of ours.
        """
        arrays = arrayfile.read(path, _MAGIC, _COLUMNS)
        found = cls(**{**arrays, "ids": np.cumsum(arrays["ids"], dtype=np.int64)})
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
