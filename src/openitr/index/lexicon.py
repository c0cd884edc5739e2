"""An inverted index over learned sparse weights: exact search, adding and removing, memory-mapped.

Items lie in immutable segments (:mod:`openitr.index.postings`); a removed or replaced row is marked dead in its
segment and dropped when segments are merged. ``lexicon.json`` names the segments that count and is replaced in one
step, so that a killed process leaves the last flushed state.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Floats, Ints, Kind, LexiconEmbeddings
from openitr.errors import DamagedCollection, InputError, ShapeError
from openitr.index.base import Ranking
from openitr.index.postings import ROWS, Segment, accumulate, peaks_of, segment_of
from openitr.index.ranking import as_ids, best, check_batch, check_k, check_kind

_MANIFEST = "lexicon.json"
_FORMAT = 1
_MANY = 8  # segments; beyond that the small ones are merged
_CODES = 255
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Piece:
    """A segment, which of its rows live, and the files that say so ("" while they are in memory only)."""

    segment: Segment
    alive: Mask
    file: str = ""
    dead_file: str = ""

    def live(self) -> int:
        return int(np.count_nonzero(self.alive))


class LexiconIndex:
    """Sparse embeddings on disk, searched exactly over the weights that are kept.

    Args:
        folder: Where the files are; made when missing.
        dim: Size of the vocabulary; 0 for an index that exists.
        bits: 8 keeps a byte per weight, 32 keeps float32 and so ranks as the embeddings themselves do.
        topk: Only so many terms of an item are kept, the heaviest; None keeps all.
        ceiling: The weight that the largest of 255 codes stands for; heavier ones are cut to it (``stats`` counts
            them). Unit vectors need 1; raw ``log(1 + relu)`` weights hardly pass 4.

    Raises:
        ShapeError: ``dim`` is not the stored one.
        InputError: Bits other than 8 and 32, or no term kept.
        DamagedCollection: A file is missing or none of ours.

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
        self, folder: Path, dim: int = 0, *, bits: int = 8, topk: int | None = None, ceiling: float = 1.0
    ) -> None:
        if bits not in (8, 32) or (topk is not None and topk < 1) or not ceiling > 0:
            raise InputError(f"bits {bits}, topk {topk}, ceiling {ceiling}", "use 8 or 32 bits, topk >= 1, ceiling > 0")
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._pieces: tuple[_Piece, ...] = ()
        self._clipped = 0
        known = self._read()
        if known is None and dim < 1:
            raise ShapeError(f"{self.folder} holds no index yet", "say how many terms the vocabulary has")
        if known is not None and dim and dim != known["dim"]:
            raise ShapeError(f"{dim} dimensions for an index of {known['dim']}", "use the model it was built with")
        given: dict[str, Any] = {"dim": dim, "bits": bits, "topk": topk, "ceiling": float(ceiling), "next": 0}
        self._about = known or given
        self.dim = int(self._about["dim"])
        if known is None:
            self._write()

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
            self._kill(unique)
            self._pieces += tuple(_Piece(made, np.ones(len(made), bool)) for made in fresh)
            if sum(not piece.file for piece in self._pieces) > _MANY:
                self._merge(lambda piece: not piece.file)

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        with self._lock:
            self._kill(np.unique(as_ids(ids)))

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

    def _kill(self, ids: Ints) -> None:
        pieces = []
        for piece in self._pieces:
            places = np.searchsorted(piece.segment.ids, ids)
            hit = places < len(piece.segment)
            hit[hit] = piece.segment.ids[places[hit]] == ids[hit]
            if piece.alive[places[hit]].any():
                alive = piece.alive.copy()
                alive[places[hit]] = False
                piece = _Piece(piece.segment, alive, piece.file)
            if piece.live():
                pieces.append(piece)
        self._pieces = tuple(pieces)

    def _merge(self, chosen: Any) -> None:
        """Bring the chosen pieces into as few segments as hold them, without their dead rows."""
        merged = [piece for piece in self._pieces if chosen(piece)]
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
        made = []
        for first in range(0, len(ids), ROWS):
            a, b = np.searchsorted(rows, (first, first + ROWS))
            part = ids[first : first + ROWS]
            made.append(_Piece(segment_of(part, rows[a:b] - first, terms[a:b], weights[a:b]), np.ones(len(part), bool)))
        self._pieces = (*(piece for piece in self._pieces if not chosen(piece)), *made)

    # Asking

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all); scores are those of the kept weights."""
        check_kind(queries, self.kind, self.dim)
        check_k(k)
        with self._lock:
            pieces = self._pieces
        masks = [piece.alive for piece in pieces]
        if allowed is not None:
            wanted = np.unique(as_ids(allowed))
            masks = [mask & np.isin(piece.segment.ids, wanted) for piece, mask in zip(pieces, masks, strict=True)]
        full = [bool(mask.all()) for mask in masks]
        matrix = cast(LexiconEmbeddings, queries).matrix
        found = []
        for row in range(matrix.shape[0]):
            terms = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64)
            weights = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
            found.append(self._rank(pieces, masks, full, terms[weights > 0], weights[weights > 0], k))
        return found

    def _rank(
        self,
        pieces: Sequence[_Piece],
        masks: Sequence[Mask],
        full: Sequence[bool],
        terms: Ints,
        weights: Floats,
        k: int,
    ) -> Ranking:
        ids, scores = np.zeros(0, np.int64), np.zeros(0, np.float32)
        if pieces and len(terms):
            peaks = np.max([peaks_of(piece.segment, terms) for piece in pieces], axis=0)
            order = np.lexsort((terms, -weights * peaks))
            terms, weights = terms[order], weights[order]
        for piece, mask, whole in zip(pieces, masks, full, strict=True):
            floor = float(scores[-1]) if len(scores) == k else 0.0
            # Dead and forbidden rows would raise the bar for the others: without a mask of all, nothing is dropped.
            few = k if whole else len(piece.segment) + 1
            found, _ = accumulate(piece.segment, terms, weights, self._unit, floor, few)
            rows = np.flatnonzero(found >= floor) if floor else np.arange(len(found))
            if not whole:
                rows = rows[mask[rows]]
            ids, scores = best(np.concatenate([ids, piece.segment.ids[rows]]), np.concatenate([scores, found[rows]]), k)
        return Ranking(ids, scores)

    def vectors(self, ids: Ints) -> LexiconEmbeddings:
        """Stored embeddings of ids, in that order, as they were rounded and cut; an unknown id is a KeyError."""
        from scipy.sparse import csr_matrix

        wanted = as_ids(ids)
        with self._lock:
            pieces = self._pieces
        home, rows_in = _home(pieces, wanted)
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
        with self._lock:
            pieces = self._pieces
        home, rows = _home(pieces, as_ids(ids))
        made = np.zeros((len(home), len(terms)), np.float32)
        for number, piece in enumerate(pieces):
            asked = np.flatnonzero(home == number)
            for column, term in enumerate(terms):
                made[asked, column] = piece.segment.held(int(term), rows[asked])
        return made * np.float32(self._unit)

    def holding(self, term: int, least: float = 0.0) -> Ints:
        """Ids, ascending, of the items in which a term weighs more than ``least``."""
        with self._lock:
            pieces = self._pieces
        found = []
        for piece in pieces:
            weights = piece.segment.held(term, np.arange(len(piece.segment))) * np.float32(self._unit)
            found.append(piece.segment.ids[piece.alive & (weights > least)])
        return np.sort(np.concatenate([np.zeros(0, np.int64), *found]))

    def ids(self) -> Ints:
        """All ids, ascending."""
        parts = [piece.segment.ids[piece.alive] for piece in self._pieces]
        return np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))

    def __len__(self) -> int:
        return sum(piece.live() for piece in self._pieces)

    # Keeping

    def flush(self) -> None:
        """Write what is new; small segments are merged when there are many."""
        with self._lock:
            if sum(not piece.file for piece in self._pieces) > 1:
                self._merge(lambda piece: not piece.file)
            if len(self._pieces) > max(_MANY, 2 * len(self) // ROWS):
                self._merge(lambda piece: piece.live() < ROWS // 2)
            self._pieces = tuple(self._kept(piece) for piece in self._pieces)
            self._write()

    def _kept(self, piece: _Piece) -> _Piece:
        file, dead_file = piece.file, piece.dead_file
        if not file:
            file = self._new_name("segment", "lex")
            piece.segment.save(self.folder / file)
        if not dead_file and not piece.alive.all():
            dead_file = self._new_name("dead", "u2")
            with (self.folder / dead_file).open("wb") as out:
                out.write(np.flatnonzero(~piece.alive).astype("<u2").tobytes())
                out.flush()
                os.fsync(out.fileno())
        return _Piece(piece.segment, piece.alive, file, dead_file)

    def _new_name(self, what: str, ending: str) -> str:
        self._about["next"] += 1
        return f"{what}-{self._about['next']:06d}.{ending}"

    def _write(self) -> None:
        files = [[piece.file, piece.dead_file] for piece in self._pieces]
        document = {"openitr": "lexicon index", "format": _FORMAT, **self._about, "segments": files}
        part = self.folder / f"{_MANIFEST}.part"
        with part.open("w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.folder / _MANIFEST)
        counted = {name for pair in files for name in pair}
        for path in self.folder.iterdir():
            if path.suffix in (".lex", ".u2") and path.name not in counted:
                path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        path = self.folder / _MANIFEST
        if not path.is_file():
            return None
        try:
            document = json.loads(path.read_text("utf-8"))
            if document["openitr"] != "lexicon index" or document["format"] != _FORMAT:
                raise ValueError(f"format {document['format']}")
            pieces = []
            for name, dead in document["segments"]:
                if Path(name).name != name or Path(dead).name != dead:
                    raise ValueError("a segment outside its folder")
                segment = Segment.open(self.folder / name)
                alive = np.ones(len(segment), bool)
                if dead:
                    alive[np.fromfile(self.folder / dead, "<u2")] = False
                pieces.append(_Piece(segment, alive, name, dead))
            about = {key: document[key] for key in ("dim", "bits", "topk", "ceiling", "next")}
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise DamagedCollection(f"{path}: {error}", "build the index again") from error
        self._pieces = tuple(pieces)
        return about

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
            "bytes": sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file()),
            "postings": sum(int(np.count_nonzero(piece.segment.weights)) for piece in self._pieces),
            "segments": len(self._pieces),
            "bits": self._about["bits"],
            "topk": self._about["topk"],
            "clipped": self._clipped,
            "exact": True,
        }


def _home(pieces: Sequence[_Piece], ids: Ints) -> tuple[Ints, Ints]:
    """Piece and row of each id; one that lives in none is a KeyError."""
    home, rows = np.full(len(ids), -1, np.int64), np.zeros(len(ids), np.int64)
    for number, piece in enumerate(pieces):
        places = np.minimum(np.searchsorted(piece.segment.ids, ids), len(piece.segment) - 1)
        hit = (piece.segment.ids[places] == ids) & piece.alive[places]
        home[hit], rows[hit] = number, places[hit]
    if (home < 0).any():
        raise KeyError(int(ids[home < 0][0]))
    return home, rows
