"""The token index: bags of token vectors in some hundred bytes an item, found without a mean vector.

Items lie in immutable segments (:mod:`openitr.index.tokens.segment`), which the pieces of :mod:`openitr.index.pieces`
keep alive, drop and join. Until there are enough tokens to learn centroids from, they are kept as they came and every
item is scored. From then on tokens are rounded (:mod:`openitr.index.tokens.codec`), candidates come from the lists of
who holds which centroid (:mod:`openitr.index.tokens.search`), and the best are scored with all their tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Floats, Ints, Kind, TokenEmbeddings
from openitr.errors import InputError
from openitr.index import pieces as store
from openitr.index.base import Ranking
from openitr.index.disk import written
from openitr.index.piecefolder import PieceFolder
from openitr.index.pieces import ROWS, Mask
from openitr.index.ranking import SLACK, as_ids, best, check_batch, check_k, check_kind
from openitr.index.tokens import compiled as by_machine
from openitr.index.tokens import search as by_numpy
from openitr.index.tokens.codec import BITS, Codec, fit
from openitr.index.tokens.compiled import kernels
from openitr.index.tokens.pool import pool_tokens
from openitr.index.tokens.segment import TokenSegment, raw_segment, rounded_segment

_ENOUGH = 20_000  # tokens to learn centroids from; below, looking at all of them costs little
_GROWN = 8  # times as many tokens as centroids were learned from: they are learned again
_Piece = store.Piece[TokenSegment]


@dataclass(frozen=True, eq=False)
class _State:
    """What one search sees: the pieces, and the codec that rounded some of them."""

    pieces: tuple[_Piece, ...] = ()
    codec: Codec | None = None


class TokenIndex:
    """Token embeddings on disk, searched by MaxSim.

    Args:
        folder: Where the files are; made when missing.
        dim: Width of a token vector; 0 for an index that exists.
        bits: Per dimension of what a centroid leaves: 1, 2, 4 or 8; 32 keeps float32 and scores every item.
        pool: Bags larger than this are pooled to so many tokens (:func:`~openitr.index.tokens.pool.pool_tokens`);
            None keeps all.
        probes: Centroids asked for per query token.
        rescored: Items that are scored with all their tokens; at least twice ``k`` are.
        compiled: Search by machine code (numba), several times as fast once it is there: the first question waits
            some seconds for it.

    Raises:
        ShapeError: ``dim`` is not the stored one.
        InputError: Other bits, or a count below 1.
        DamagedCollection: A file is missing or none of ours.
        MissingExtra: ``compiled`` without numba.

    When to use: FILIP, ColBERT and kin. Scores are those of the stored, rounded tokens; with ``bits=32``, or below some
    20,000 tokens, they and the ranking are exact. ``probes`` and ``rescored`` belong to the open index, the rest to
    the stored one. Source: ColBERTv2, PLAID and WARP; the file layout and learning again after growth are ours.

    >>> import tempfile
    >>> index = TokenIndex(Path(tempfile.mkdtemp()), 2)
    >>> bags = TokenEmbeddings(np.array([[1, 0], [0, 1], [1, 0]], np.float32), np.array([0, 2, 3]))
    >>> index.add(np.array([4, 5]), bags)
    >>> found = index.search(TokenEmbeddings(np.eye(2, dtype=np.float32), np.array([0, 2])), k=2)[0]
    >>> found.ids.tolist(), found.scores.tolist()
    ([4, 5], [2.0, 1.0])
    """

    kind: Kind = "late"

    def __init__(
        self,
        folder: Path,
        dim: int = 0,
        *,
        bits: int = 4,
        pool: int | None = None,
        probes: int = 32,
        rescored: int = 200,
        compiled: bool = False,
    ) -> None:
        if bits not in (*BITS, 32) or min(1 if pool is None else pool, probes, rescored) < 1:
            raise InputError(
                f"bits {bits}, pool {pool}, probes {probes}, rescored {rescored}",
                "use 1, 2, 4, 8 or 32 bits, and counts from 1 up",
            )
        if compiled:
            kernels()
        self._by: ModuleType = by_machine if compiled else by_numpy
        self.folder = Path(folder)
        self.probes, self.rescored = probes, rescored
        self._lock = threading.RLock()
        self._files = PieceFolder(self.folder, "tokens", TokenSegment.open)
        about = {"dim": dim, "bits": bits, "pool": pool, "codec": "", "learned_from": 0}
        self._state = self._files.open(about, self._opened)
        self.dim = int(self._files.about["dim"])

    def _opened(self, pieces: tuple[_Piece, ...]) -> _State:
        name = self._files.about["codec"]
        codec = Codec.open(self._files.path(name)) if name else None
        if codec is None and any(piece.segment.rounded for piece in pieces):
            raise ValueError("rounded tokens without a codec")
        return _State(pieces, codec)

    # Changing

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already; durable after :meth:`flush`, which also rounds."""
        unique, chosen = check_batch(ids, embeddings, self.kind, self.dim)
        if not len(unique):
            return
        bags = cast(TokenEmbeddings, embeddings)[chosen]
        if self._files.about["pool"]:
            bags = pool_tokens(bags, int(self._files.about["pool"]))
        fresh = []
        for at in range(0, len(unique), ROWS):
            part = bags[at : at + ROWS]
            fresh.append(raw_segment(unique[at : at + ROWS], part.values, part.offsets))
        with self._lock:
            old = self._state
            pieces = store.added(
                store.without(old.pieces, unique), fresh, lambda taken: _joined(taken, old.codec, None)
            )
            self._state = replace(old, pieces=pieces)

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        with self._lock:
            self._state = replace(self._state, pieces=store.without(self._state.pieces, np.unique(as_ids(ids))))

    # Asking

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all); scores are those of the kept tokens."""
        check_kind(queries, self.kind, self.dim)
        check_k(k)
        state = self._state
        masks = store.masks(state.pieces, allowed)
        bags = cast(TokenEmbeddings, queries)
        return [
            self._rank(state, masks, bags.values[bags.offsets[row] : bags.offsets[row + 1]], k)
            for row in range(len(bags))
        ]

    def _rank(self, state: _State, masks: Sequence[Mask | None], query: Floats, k: int) -> Ranking:
        found: list[tuple[Ints, Floats, Ints, Ints]] = []
        rounded = [number for number, piece in enumerate(state.pieces) if piece.segment.rounded]
        chosen: dict[int, Ints] = {}
        if rounded:
            assert state.codec is not None
            segments, let = [state.pieces[n].segment for n in rounded], [masks[n] for n in rounded]
            asked = self._by.probed(query, state.codec, self.probes)
            most = max(self.rescored, 2 * k)
            chosen = dict(zip(rounded, self._by.candidates(segments, let, *asked, most), strict=True))
        for number, (piece, mask) in enumerate(zip(state.pieces, masks, strict=True)):
            segment = piece.segment
            rows = chosen.get(number)
            if rows is None:
                rows = np.arange(len(segment)) if mask is None else np.flatnonzero(mask)
            scores = self._by.scored(segment, state.codec, query, rows)
            found.append((segment.ids[rows], scores, rows, np.full(len(rows), number)))
        if not found:
            return Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32))
        ids, scores, rows, home = (np.concatenate(column) for column in zip(*found, strict=True))
        slack = SLACK * len(query)
        near, values = best(np.arange(len(ids)), scores, k, slack)
        # Equal bags are told from almost equal ones by scores that do not depend on where a bag lies.
        close = np.flatnonzero(values[:-1] - values[1:] <= slack)
        unsure = np.unique(np.concatenate([close, close + 1]))
        for number in np.unique(home[near[unsure]]):
            which = unsure[home[near[unsure]] == number]
            values[which] = by_numpy.scored_alone(state.pieces[number].segment, state.codec, query, rows[near[which]])
        return Ranking(*best(ids[near], values, k))

    def vectors(self, ids: Ints) -> TokenEmbeddings:
        """Stored embeddings of ids, in that order, as they were pooled and rounded; an unknown id is a KeyError."""
        wanted, state = as_ids(ids), self._state
        home, rows = store.home(state.pieces, wanted)
        bags: list[Floats] = [np.zeros((0, self.dim), np.float32)] * len(wanted)
        for number, piece in enumerate(state.pieces):
            asked = np.flatnonzero(home == number)
            values, offsets = piece.segment.bags(rows[asked], state.codec)
            for at, place in enumerate(asked):
                bags[place] = values[offsets[at] : offsets[at + 1]]
        offsets = np.concatenate([[0], np.cumsum([len(bag) for bag in bags])]).astype(np.int64)
        return TokenEmbeddings(np.concatenate([np.zeros((0, self.dim), np.float32), *bags]), offsets)

    def ids(self) -> Ints:
        """All ids, ascending."""
        return store.ids_of(self._state.pieces)

    def __len__(self) -> int:
        return store.count(self._state.pieces)

    # Keeping

    def flush(self) -> None:
        """Round and write what is new; learn centroids when there is enough, and again when there is much more."""
        with self._lock:
            pieces, old, about = self._state.pieces, self._state.codec, self._files.about
            tokens = sum(int(np.diff(p.segment.offsets.astype(np.int64))[p.alive].sum()) for p in pieces)
            if about["bits"] != 32 and tokens >= max(_ENOUGH, _GROWN * about["learned_from"]):
                codec, name = self._learned(pieces), self._files.new_name("codec", "npz")
                with written(self._files.path(name)) as file:
                    codec.save(file)
                pieces = store.joined(pieces, lambda piece: True, partial(_joined, old=old, codec=codec))
                self._keep(pieces, codec, codec=name, learned_from=tokens)
            else:
                if old is not None:
                    raw = lambda piece: not piece.segment.rounded  # noqa: E731
                    pieces = store.joined(pieces, raw, partial(_joined, old=old, codec=old))
                self._keep(pieces, old)

    def _keep(self, pieces: Sequence[_Piece], of: Codec | None, **changes: Any) -> None:
        tidy = store.tidied(pieces, partial(_joined, old=of, codec=of))
        self._state = _State(self._files.save(tidy, **changes), of)

    def _learned(self, pieces: Sequence[_Piece]) -> Codec:
        values = [piece.segment.bags(np.flatnonzero(piece.alive), self._state.codec)[0] for piece in pieces]
        return fit(np.concatenate(values), bits=int(self._files.about["bits"]), seed=0)

    def close(self) -> None:
        """Release files; what was not flushed is lost. Idempotent."""
        with self._lock:
            self._state = _State()

    def stats(self) -> dict[str, Any]:
        """Count, bytes on disk, tokens, centroids, segments, and whether every item is scored."""
        state = self._state
        return {
            "engine": "tokens",
            "kind": self.kind,
            "dim": self.dim,
            "count": len(self),
            "bytes": self._files.bytes(),
            "tokens": sum(piece.segment.tokens for piece in state.pieces),
            "segments": len(state.pieces),
            "bits": self._files.about["bits"],
            "pool": self._files.about["pool"],
            "centroids": 0 if state.codec is None else len(state.codec.centroids),
            "exact": state.codec is None,
        }


def _joined(merged: Sequence[_Piece], old: Codec | None, codec: Codec | None) -> Iterator[TokenSegment]:
    """The living rows of pieces in as few segments as hold them, rounded where a codec is given.

    Pieces that the same codec, ``old``, has rounded keep their codes.
    """
    ids = np.concatenate([piece.segment.ids[piece.alive] for piece in merged])
    sizes: list[Ints] = []
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    for piece in merged:
        segment, rows = piece.segment, np.flatnonzero(piece.alive)
        places, offsets = segment.places(rows)
        sizes.append(np.diff(offsets))
        if codec is None:
            parts.append((segment.bags(rows, old)[0],))
        elif segment.rounded and codec is old:
            parts.append((segment.cells[places], segment.codes[places]))
        else:
            parts.append(codec.encode(segment.bags(rows, old)[0]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    lengths = np.concatenate(sizes)
    ends = np.cumsum(lengths)
    order = np.argsort(ids, kind="stable")
    for at in range(0, len(order), ROWS):
        rows = order[at : at + ROWS]
        offsets = np.concatenate([[0], np.cumsum(lengths[rows])])
        places = np.arange(offsets[-1]) + np.repeat((ends - lengths)[rows] - offsets[:-1], lengths[rows])
        taken = [column[places] for column in columns]
        if codec is None:
            yield raw_segment(ids[rows], taken[0], offsets)
        else:
            yield rounded_segment(ids[rows], taken[0], taken[1], offsets, codec)
