"""An index that changes while its files do not: immutable pieces, and a manifest that says which of them count.

Items lie in segments that are never changed. A removed or replaced row is marked dead beside its segment and dropped
when segments are joined. A tuple of pieces is one consistent state: whoever changes an index makes another tuple, and
a search that has the old one is not disturbed. :mod:`openitr.index.piecefolder` keeps them on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Ints
from openitr.index.ranking import as_ids

ROWS = 1 << 16  # of a segment at most, so that a row number takes two bytes
MANY = 8  # segments; beyond that the small ones are joined
Mask = npt.NDArray[np.bool_]


class Segment(Protocol):
    """Items that are never changed; an item's place in ``ids`` is its row."""

    @property
    def ids(self) -> Ints:
        """Ascending, from 1 to :data:`ROWS` of them."""
        ...

    def save(self, path: Path) -> None:
        """Write one file whole or not at all, and bring it to the disk."""
        ...


S = TypeVar("S", bound=Segment)


@dataclass(frozen=True, eq=False)
class Piece(Generic[S]):
    """A segment, which of its rows live, and the files that say so ("" while they are in memory only)."""

    segment: S
    alive: Mask
    file: str = ""
    dead_file: str = ""

    def live(self) -> int:
        """How many rows live."""
        return int(np.count_nonzero(self.alive))

    @cached_property
    def whole(self) -> bool:
        """Whether all rows live."""
        return bool(self.alive.all())


Join = Callable[[Sequence[Piece[S]]], Iterable[S]]


def fresh(segments: Iterable[S]) -> tuple[Piece[S], ...]:
    """Segments in memory, all of whose rows live."""
    return tuple(Piece(segment, np.ones(len(segment.ids), bool)) for segment in segments)


def without(pieces: Sequence[Piece[S]], ids: Ints) -> tuple[Piece[S], ...]:
    """The same with these ids dead; unknown ones are ignored."""
    left = []
    for piece in pieces:
        rows, hit = _rows(piece, ids)
        if hit.any():
            alive = piece.alive.copy()
            alive[rows[hit]] = False
            piece = Piece(piece.segment, alive, piece.file)
        if piece.live():
            left.append(piece)
    return tuple(left)


def joined(pieces: Sequence[Piece[S]], chosen: Callable[[Piece[S]], bool], join: Join[S]) -> tuple[Piece[S], ...]:
    """The chosen pieces as the segments that ``join`` makes of their living rows, behind those that stay."""
    taken = [piece for piece in pieces if chosen(piece)]
    return (*(piece for piece in pieces if not chosen(piece)), *fresh(join(taken))) if taken else tuple(pieces)


def added(pieces: Sequence[Piece[S]], segments: Iterable[S], join: Join[S]) -> tuple[Piece[S], ...]:
    """The same and more; what is in memory is joined when it comes in many small segments."""
    found = (*pieces, *fresh(segments))
    return joined(found, _in_memory, join) if sum(map(_in_memory, found)) > MANY else found


def tidied(pieces: Sequence[Piece[S]], join: Join[S]) -> tuple[Piece[S], ...]:
    """The same as it is worth writing: what is in memory in one, and the small segments in one when there are many."""
    found = tuple(pieces)
    if sum(map(_in_memory, found)) > 1:
        found = joined(found, _in_memory, join)
    if len(found) > max(MANY, 2 * count(found) // ROWS):
        found = joined(found, lambda piece: piece.live() < ROWS // 2, join)
    return found


def _in_memory(piece: Piece[Any]) -> bool:
    return not piece.file


def count(pieces: Sequence[Piece[Any]]) -> int:
    """How many ids live."""
    return sum(piece.live() for piece in pieces)


def ids_of(pieces: Sequence[Piece[Any]]) -> Ints:
    """All living ids, ascending."""
    return np.sort(np.concatenate([np.zeros(0, np.int64), *(piece.segment.ids[piece.alive] for piece in pieces)]))


def masks(pieces: Sequence[Piece[Any]], allowed: Ints | None) -> list[Mask | None]:
    """Which rows of each piece live and are among ``allowed`` (None: all of them); None where all rows of it are."""
    if allowed is None:
        return [None if piece.whole else piece.alive for piece in pieces]
    wanted = np.unique(as_ids(allowed))
    found = (piece.alive & np.isin(piece.segment.ids, wanted) for piece in pieces)
    return [None if mask.all() else mask for mask in found]


def home(pieces: Sequence[Piece[Any]], ids: Ints) -> tuple[Ints, Ints]:
    """Piece and row of each id; one that lives in none is a KeyError."""
    found, rows = np.full(len(ids), -1, np.int64), np.zeros(len(ids), np.int64)
    for number, piece in enumerate(pieces):
        places, hit = _rows(piece, ids)
        found[hit], rows[hit] = number, places[hit]
    if (found < 0).any():
        raise KeyError(int(ids[found < 0][0]))
    return found, rows


def _rows(piece: Piece[Any], ids: Ints) -> tuple[Ints, Mask]:
    """A row for each id, and whether the id lives there."""
    known = piece.segment.ids
    rows = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return rows, (known[rows] == ids) & piece.alive[rows]
