"""An inverted index over learned sparse weights: exact search, adding and removing, memory-mapped.

Items lie in immutable segments (:mod:`openitr.index.postings`), which the pieces of :mod:`openitr.index.pieces` keep
alive, drop and join.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Floats, Ints, Kind, LexiconEmbeddings
from openitr.errors import InputError
from openitr.index import pieces as store
from openitr.index.base import Ranking
from openitr.index.compiled import best_of, kernels
from openitr.index.maxscore import accumulate, peaks_of
from openitr.index.piecefolder import PieceFolder
from openitr.index.pieces import ROWS, Mask
from openitr.index.postings import Segment, segment_of
from openitr.index.ranking import as_ids, best, check_batch, check_k, check_kind

_CODES = 255
Piece = store.Piece[Segment]


class LexiconIndex:
    """Sparse embeddings on disk, searched exactly over the weights that are kept.

    Args:
        folder: Where the files are; made when missing.
        dim: Size of the vocabulary; 0 for an index that exists.
        bits: 8 keeps a byte per weight, 32 keeps float32 and so ranks as the embeddings themselves do.
        topk: Only so many terms of an item are kept, the heaviest; None keeps all.
        ceiling: The weight that the largest of 255 codes stands for; heavier ones are cut to it (``stats`` counts
            them). Unit vectors need 1; raw ``log(1 + relu)`` weights hardly pass 4.
        compiled: Search by machine code (numba), several times as fast once it is there: the first question waits
            some seconds for it. Belongs to the open index, the rest to the stored one.

    Raises:
        ShapeError: ``dim`` is not the stored one.
        InputError: Bits other than 8 and 32, or no term kept.
        DamagedCollection: A file is missing or none of ours.
        MissingExtra: ``compiled`` without numba.

    When to use: learned sparse models (LexLIP, SPLADE), some millions of items. Source: inverted index and
    quantised impacts as in LexLIP (2023), section 3.4; the file layout is ours.

    >>> import tempfile
    >>> from scipy.sparse import csr_matrix
    >>> index = LexiconIndex(Path(tempfile.mkdtemp()), 3)
    >>> index.add(np.array([4, 5]), LexiconEmbeddings(csr_matrix([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]])))
    >>> index.search(LexiconEmbeddings(csr_matrix([[0.0, 1.0, 0.0]])), k=1)[0].ids.tolist()
    [4]
    """

    kind: Kind = "lexicon"

    def __init__(
        self,
        folder: Path,
        dim: int = 0,
        *,
        bits: int = 8,
        topk: int | None = None,
        ceiling: float = 1.0,
        compiled: bool = False,
    ) -> None:
        if bits not in (8, 32) or (topk is not None and topk < 1) or not ceiling > 0:
            raise InputError(f"bits {bits}, topk {topk}, ceiling {ceiling}", "use 8 or 32 bits, topk >= 1, ceiling > 0")
        if compiled:
            kernels()
        self.folder, self.compiled = Path(folder), compiled
        self._lock = threading.RLock()
        self._clipped = 0
        self._files = PieceFolder(self.folder, "lexicon", Segment.open)
        about = {"dim": dim, "bits": bits, "topk": topk, "ceiling": float(ceiling)}
        self._pieces: tuple[Piece, ...] = self._files.open(about, tuple)
        self._about = self._files.about
        self.dim = int(self._about["dim"])

    @property
    def _unit(self) -> float:
        return float(self._about["ceiling"]) / _CODES if self._about["bits"] == 8 else 1.0

    # Changing

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already; durable after :meth:`flush`."""
        unique, chosen = check_batch(ids, embeddings, self.kind, self.dim)
        if not len(unique):
            return
        matrix = cast(LexiconEmbeddings, embeddings).matrix[chosen]
        fresh = []
        for start in range(0, len(unique), ROWS):
            part = matrix[start : start + ROWS]
            rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
            fresh.append(self._segment(unique[start : start + ROWS], rows, part.indices.astype(np.int64), part.data))
        with self._lock:
            self._pieces = store.added(store.without(self._pieces, unique), fresh, _joined)

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        with self._lock:
            self._pieces = store.without(self._pieces, np.unique(as_ids(ids)))

    def _segment(self, ids: Ints, rows: Ints, terms: Ints, weights: Floats) -> Segment:
        topk = self._about["topk"]
        if topk is not None:
            order = np.lexsort((terms, -weights, rows))
            first = np.searchsorted(rows, np.arange(len(ids)))
            kept = np.sort(order[np.arange(len(order)) - first[rows[order]] < topk])
            rows, terms, weights = rows[kept], terms[kept], weights[kept]
        if self._about["bits"] == 8:
            codes = np.rint(weights / self._unit)
            self._clipped += int(np.count_nonzero(codes > _CODES))
            stored: npt.NDArray[Any] = np.minimum(codes, _CODES).astype(np.uint8)
        else:
            stored = weights.astype(np.float32)
        there = stored > 0
        return segment_of(ids, rows[there], terms[there], stored[there])

    # Asking

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all); scores are those of the kept weights."""
        check_kind(queries, self.kind, self.dim)
        check_k(k)
        pieces = self._pieces
        masks = store.masks(pieces, allowed)
        matrix = cast(LexiconEmbeddings, queries).matrix
        found = []
        for row in range(matrix.shape[0]):
            terms = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64)
            weights = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
            terms, weights = terms[weights > 0], weights[weights > 0]
            if self.compiled:
                some = best_of([piece.segment for piece in pieces], masks, terms, weights, self._unit, k)
                found.append(Ranking(*best(*some, k)))
            else:
                found.append(self._rank(pieces, masks, terms, weights, k))
        return found

    def _rank(
        self, pieces: Sequence[Piece], masks: Sequence[Mask | None], terms: Ints, weights: Floats, k: int
    ) -> Ranking:
        ids, scores = np.zeros(0, np.int64), np.zeros(0, np.float32)
        if pieces and len(terms):
            peaks = np.max([peaks_of(piece.segment, terms) for piece in pieces], axis=0)
            order = np.lexsort((terms, -weights * peaks))
            terms, weights = terms[order], weights[order]
        for piece, mask in zip(pieces, masks, strict=True):
            floor = float(scores[-1]) if len(scores) == k else 0.0
            # Dead and forbidden rows would raise the bar for the others: without a mask of all, nothing is dropped.
            few = k if mask is None else len(piece.segment) + 1
            found, _ = accumulate(piece.segment, terms, weights, self._unit, floor, few)
            rows = np.flatnonzero(found >= floor) if floor else np.arange(len(found))
            if mask is not None:
                rows = rows[mask[rows]]
            ids, scores = best(np.concatenate([ids, piece.segment.ids[rows]]), np.concatenate([scores, found[rows]]), k)
        return Ranking(ids, scores)

    def vectors(self, ids: Ints) -> LexiconEmbeddings:
        """Stored embeddings of ids, in that order, as they were rounded and cut; an unknown id is a KeyError."""
        from scipy.sparse import csr_matrix

        wanted = as_ids(ids)
        pieces = self._pieces
        home, rows_in = store.home(pieces, wanted)
        columns: list[Ints] = [np.zeros(0, np.int64)] * len(wanted)
        data: list[Floats] = [np.zeros(0, np.float32)] * len(wanted)
        for number, piece in enumerate(pieces):
            asked = np.flatnonzero(home == number)
            if not len(asked):
                continue
            few = np.zeros(len(piece.segment), bool)
            few[rows_in[asked]] = True
            rows, terms, weights = piece.segment.forward(few)
            for at in asked:
                a, b = np.searchsorted(rows, (rows_in[at], rows_in[at] + 1))
                columns[at], data[at] = terms[a:b], weights[a:b].astype(np.float32) * np.float32(self._unit)
        lengths = [len(column) for column in columns]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        flat = (np.concatenate([np.zeros(0, np.float32), *data]), np.concatenate([np.zeros(0, np.int64), *columns]))
        return LexiconEmbeddings(csr_matrix((*flat, indptr), shape=(len(wanted), self.dim)))

    def weights(self, ids: Ints, terms: Ints) -> Floats:
        """(n, t) stored weights of terms in items, 0 where an item has a term not; an unknown id is a KeyError."""
        pieces = self._pieces
        home, rows = store.home(pieces, as_ids(ids))
        made = np.zeros((len(home), len(terms)), np.float32)
        for number, piece in enumerate(pieces):
            asked = np.flatnonzero(home == number)
            for column, term in enumerate(terms):
                made[asked, column] = piece.segment.held(int(term), rows[asked])
        return made * np.float32(self._unit)

    def holding(self, term: int, least: float = 0.0) -> Ints:
        """Ids, ascending, of the items in which a term weighs more than ``least``."""
        pieces = self._pieces
        found = []
        for piece in pieces:
            weights = piece.segment.held(term, np.arange(len(piece.segment))) * np.float32(self._unit)
            found.append(piece.segment.ids[piece.alive & (weights > least)])
        return np.sort(np.concatenate([np.zeros(0, np.int64), *found]))

    def ids(self) -> Ints:
        """All ids, ascending."""
        return store.ids_of(self._pieces)

    def __len__(self) -> int:
        return store.count(self._pieces)

    # Keeping

    def flush(self) -> None:
        """Write what is new; small segments are merged when there are many."""
        with self._lock:
            self._pieces = self._files.save(store.tidied(self._pieces, _joined))

    def close(self) -> None:
        """Release files; what was not flushed is lost. Idempotent."""
        with self._lock:
            self._pieces = ()

    def stats(self) -> dict[str, Any]:
        """Count, bytes on disk, postings, segments, and how many weights were above the ceiling."""
        return {
            "engine": "lexicon",
            "kind": self.kind,
            "dim": self.dim,
            "count": len(self),
            "bytes": self._files.bytes(),
            "postings": sum(int(np.count_nonzero(piece.segment.weights)) for piece in self._pieces),
            "segments": len(self._pieces),
            "bits": self._about["bits"],
            "topk": self._about["topk"],
            "clipped": self._clipped,
            "exact": True,
        }


def _joined(merged: Sequence[Piece]) -> Iterator[Segment]:
    """The living rows of pieces in as few segments as hold them."""
    ids = np.concatenate([piece.segment.ids[piece.alive] for piece in merged])
    parts = []
    start = 0
    for piece in merged:
        rows, terms, weights = piece.segment.forward()
        keep = piece.alive[rows]
        place = np.cumsum(piece.alive) - 1 + start
        parts.append((place[rows[keep]], terms[keep], weights[keep]))
        start += piece.live()
    rows, terms, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(ids, kind="stable")
    rank = np.empty(len(ids), np.int64)
    rank[order] = np.arange(len(ids))
    by_row = np.argsort(rank[rows], kind="stable")
    rows, terms, weights, ids = rank[rows][by_row], terms[by_row], weights[by_row], ids[order]
    for first in range(0, len(ids), ROWS):
        a, b = np.searchsorted(rows, (first, first + ROWS))
        yield segment_of(ids[first : first + ROWS], rows[a:b] - first, terms[a:b], weights[a:b])
