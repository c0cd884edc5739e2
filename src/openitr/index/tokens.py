"""Late interaction on disk: bags of token vectors in some hundred bytes an item, found without a mean vector.

Items lie in immutable segments (:mod:`openitr.index.tokens_segment`). Until there are enough of them to learn
centroids from, tokens are kept as they came and every item is scored. From then on tokens are rounded
(:mod:`openitr.index.tokens_codec`), candidates come from the lists of who holds which centroid
(:mod:`openitr.index.tokens_search`), and the best are scored with all their tokens. ``tokens.json`` names what counts
and is replaced in one step, so that a killed process leaves the last flushed state.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Floats, Ints, Kind, TokenEmbeddings
from openitr.errors import DamagedCollection, InputError, ShapeError
from openitr.index.base import Ranking
from openitr.index.ranking import SLACK, as_ids, best, check_batch, check_k, check_kind
from openitr.index.tokens_codec import BITS, Codec, fit
from openitr.index.tokens_pool import pool_tokens
from openitr.index.tokens_search import candidates, probed, scored, scored_alone
from openitr.index.tokens_segment import ROWS, TokenSegment, raw_segment, rounded_segment

_MANIFEST = "tokens.json"
_FORMAT = 1
_MANY = 8  # segments; beyond that the small ones are merged
_ENOUGH = 20_000  # tokens to learn centroids from; below, looking at all of them costs little
_GROWN = 8  # times as many tokens as centroids were learned from: they are learned again
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Piece:
    """A segment, which of its rows live, and the files that say so ("" while they are in memory only)."""

    segment: TokenSegment
    alive: Mask
    file: str = ""
    dead_file: str = ""

    def live(self) -> int:
        return int(np.count_nonzero(self.alive))


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
        pool: Bags larger than this are pooled to so many tokens (:func:`~openitr.index.tokens_pool.pool_tokens`);
            None keeps all.
        probes: Centroids asked for per query token.
        rescored: Items per segment that are scored with all their tokens; at least twice ``k`` are.

    Raises:
        ShapeError: ``dim`` is not the stored one.
        InputError: Other bits, or a count below 1.
        DamagedCollection: A file is missing or none of ours.

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
        rescored: int = 100,
    ) -> None:
        if bits not in (*BITS, 32) or min(1 if pool is None else pool, probes, rescored) < 1:
            raise InputError(
                f"bits {bits}, pool {pool}, probes {probes}, rescored {rescored}",
                "use 1, 2, 4, 8 or 32 bits, and counts from 1 up",
            )
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.probes, self.rescored = probes, rescored
        self._lock = threading.RLock()
        self._state = _State()
        known = self._read()
        if known is None and dim < 1:
            raise ShapeError(f"{self.folder} holds no index yet", "say how wide the token vectors are")
        if known is not None and dim and dim != known["dim"]:
            raise ShapeError(f"{dim} dimensions for an index of {known['dim']}", "use the model it was built with")
        given: dict[str, Any] = {"dim": dim, "bits": bits, "pool": pool, "next": 0, "codec": "", "learned_from": 0}
        self._about = known or given
        self.dim = int(self._about["dim"])
        if known is None:
            self._write()

    # Changing

    def add(self, ids: Ints, embeddings: Embeddings) -> None:
        """Insert, or replace where the id is there already; durable after :meth:`flush`, which also rounds."""
        unique, chosen = check_batch(ids, embeddings, self.kind, self.dim)
        if not len(unique):
            return
        bags = cast(TokenEmbeddings, embeddings)[chosen]
        if self._about["pool"]:
            bags = pool_tokens(bags, int(self._about["pool"]))
        fresh = []
        for at in range(0, len(unique), ROWS):
            part = bags[at : at + ROWS]
            made = raw_segment(unique[at : at + ROWS], part.values, part.offsets)
            fresh.append(_Piece(made, np.ones(len(made), bool)))
        with self._lock:
            pieces = (*self._without(unique), *fresh)
            if sum(not piece.file for piece in pieces) > _MANY:
                pieces = self._merged(pieces, lambda piece: not piece.file)
            self._state = replace(self._state, pieces=pieces)

    def remove(self, ids: Ints) -> None:
        """Forget ids; unknown ones are ignored."""
        with self._lock:
            self._state = replace(self._state, pieces=self._without(np.unique(as_ids(ids))))

    def _without(self, ids: Ints) -> tuple[_Piece, ...]:
        pieces = []
        for piece in self._state.pieces:
            places = np.searchsorted(piece.segment.ids, ids)
            hit = places < len(piece.segment)
            hit[hit] = piece.segment.ids[places[hit]] == ids[hit]
            if piece.alive[places[hit]].any():
                alive = piece.alive.copy()
                alive[places[hit]] = False
                piece = _Piece(piece.segment, alive, piece.file)
            if piece.live():
                pieces.append(piece)
        return tuple(pieces)

    def _merged(self, pieces: Sequence[_Piece], chosen: Any, codec: Codec | None = None) -> tuple[_Piece, ...]:
        """The chosen pieces in as few segments as hold them, without their dead rows; rounded where a codec is given.

        Pieces that are rounded already keep their codes.
        """
        old = self._state.codec
        merged = [piece for piece in pieces if chosen(piece)]
        if not merged:
            return tuple(pieces)
        rounded = codec is not None
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
        made = []
        for at in range(0, len(order), ROWS):
            rows = order[at : at + ROWS]
            offsets = np.concatenate([[0], np.cumsum(lengths[rows])])
            places = np.arange(offsets[-1]) + np.repeat((ends - lengths)[rows] - offsets[:-1], lengths[rows])
            taken = [column[places] for column in columns]
            if rounded:
                segment = rounded_segment(ids[rows], taken[0], taken[1], offsets, cast(Codec, codec))
            else:
                segment = raw_segment(ids[rows], taken[0], offsets)
            made.append(_Piece(segment, np.ones(len(segment), bool)))
        return (*(piece for piece in pieces if not chosen(piece)), *made)

    # Asking

    def search(self, queries: Embeddings, k: int, allowed: Ints | None = None) -> list[Ranking]:
        """The k best per query among ``allowed`` (None: all); scores are those of the kept tokens."""
        check_kind(queries, self.kind, self.dim)
        check_k(k)
        state = self._state
        masks: list[Mask | None] = [None if piece.alive.all() else piece.alive for piece in state.pieces]
        if allowed is not None:
            wanted = np.unique(as_ids(allowed))
            masks = [piece.alive & np.isin(piece.segment.ids, wanted) for piece in state.pieces]
        bags = cast(TokenEmbeddings, queries)
        return [
            self._rank(state, masks, bags.values[bags.offsets[row] : bags.offsets[row + 1]], k)
            for row in range(len(bags))
        ]

    def _rank(self, state: _State, masks: Sequence[Mask | None], query: Floats, k: int) -> Ranking:
        found: list[tuple[Ints, Floats, Ints, Ints]] = []
        asked = None if state.codec is None else probed(query, state.codec, self.probes)
        for number, (piece, mask) in enumerate(zip(state.pieces, masks, strict=True)):
            segment = piece.segment
            if segment.rounded:
                assert asked is not None and state.codec is not None
                rows, _ = candidates(segment, state.codec, *asked, mask, max(self.rescored, 2 * k))
            else:
                rows = np.arange(len(segment)) if mask is None else np.flatnonzero(mask)
            scores = scored(segment, state.codec, query, rows)
            found.append((segment.ids[rows], scores, rows, np.full(len(rows), number)))
        if not found:
            return Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32))
        ids, scores, rows, home = (np.concatenate(column) for column in zip(*found, strict=True))
        slack = SLACK * len(query)
        near, values = best(np.arange(len(ids)), scores, k, slack)
        # Equal bags are told from almost equal ones by scores that do not depend on where a bag lies.
        close = values[:-1] - values[1:] <= slack
        unsure = np.flatnonzero(np.append(close, False) | np.insert(close, 0, False))
        for number in np.unique(home[near[unsure]]):
            which = unsure[home[near[unsure]] == number]
            values[which] = scored_alone(state.pieces[number].segment, state.codec, query, rows[near[which]])
        return Ranking(*best(ids[near], values, k))

    def vectors(self, ids: Ints) -> TokenEmbeddings:
        """Stored embeddings of ids, in that order, as they were pooled and rounded; an unknown id is a KeyError."""
        wanted, state = as_ids(ids), self._state
        home = np.full(len(wanted), -1, np.int64)
        rows = np.zeros(len(wanted), np.int64)
        for number, piece in enumerate(state.pieces):
            places = np.minimum(np.searchsorted(piece.segment.ids, wanted), len(piece.segment) - 1)
            hit = (piece.segment.ids[places] == wanted) & piece.alive[places]
            home[hit], rows[hit] = number, places[hit]
        if (home < 0).any():
            raise KeyError(int(wanted[home < 0][0]))
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
        parts = [piece.segment.ids[piece.alive] for piece in self._state.pieces]
        return np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))

    def __len__(self) -> int:
        return sum(piece.live() for piece in self._state.pieces)

    # Keeping

    def flush(self) -> None:
        """Round and write what is new; learn centroids when there is enough, and again when there is much more."""
        with self._lock:
            pieces, codec = self._state.pieces, self._state.codec
            tokens = sum(int(np.diff(p.segment.offsets.astype(np.int64))[p.alive].sum()) for p in pieces)
            if self._about["bits"] != 32 and tokens >= max(_ENOUGH, _GROWN * self._about["learned_from"]):
                codec = self._learned(pieces)
                self._about |= {"codec": self._new_name("codec", "npz"), "learned_from": tokens}
                codec.save(self.folder / self._about["codec"])
                _to_disk(self.folder / self._about["codec"])
                pieces = self._merged(pieces, lambda piece: True, codec)
            elif codec is not None:
                pieces = self._merged(pieces, lambda piece: not piece.segment.rounded, codec)
            if sum(not piece.file for piece in pieces) > 1:
                pieces = self._merged(pieces, lambda piece: not piece.file, codec)
            if len(pieces) > max(_MANY, 2 * len(self) // ROWS):
                pieces = self._merged(pieces, lambda piece: piece.live() < ROWS // 2, codec)
            self._state = _State(tuple(self._kept(piece) for piece in pieces), codec)
            self._write()

    def _learned(self, pieces: Sequence[_Piece]) -> Codec:
        values = [piece.segment.bags(np.flatnonzero(piece.alive), self._state.codec)[0] for piece in pieces]
        return fit(np.concatenate(values), bits=int(self._about["bits"]), seed=0)

    def _kept(self, piece: _Piece) -> _Piece:
        file, dead_file = piece.file, piece.dead_file
        if not file:
            file = self._new_name("segment", "tok")
            piece.segment.save(self.folder / file)
        if not dead_file and not piece.alive.all():
            dead_file = self._new_name("dead", "u2")
            (self.folder / dead_file).write_bytes(np.flatnonzero(~piece.alive).astype("<u2").tobytes())
            _to_disk(self.folder / dead_file)
        return _Piece(piece.segment, piece.alive, file, dead_file)

    def _new_name(self, what: str, ending: str) -> str:
        self._about["next"] += 1
        return f"{what}-{self._about['next']:06d}.{ending}"

    def _write(self) -> None:
        files = [[piece.file, piece.dead_file] for piece in self._state.pieces]
        document = {"openitr": "token index", "format": _FORMAT, **self._about, "segments": files}
        part = self.folder / f"{_MANIFEST}.part"
        part.write_text(json.dumps(document), encoding="utf-8")
        _to_disk(part)
        part.replace(self.folder / _MANIFEST)
        counted = {name for pair in files for name in pair} | {self._about["codec"]}
        for path in self.folder.iterdir():
            if path.suffix in (".tok", ".u2", ".npz") and path.name not in counted:
                path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        path = self.folder / _MANIFEST
        if not path.is_file():
            return None
        try:
            document = json.loads(path.read_text("utf-8"))
            if document["openitr"] != "token index" or document["format"] != _FORMAT:
                raise ValueError(f"format {document['format']}")
            about = {key: document[key] for key in ("dim", "bits", "pool", "next", "codec", "learned_from")}
            named = [about["codec"], *(name for pair in document["segments"] for name in pair)]
            if any(Path(name).name != name for name in named):
                raise ValueError("a file outside its folder")
            codec = Codec.open(self.folder / about["codec"]) if about["codec"] else None
            pieces = []
            for name, dead in document["segments"]:
                segment = TokenSegment.open(self.folder / name)
                if segment.rounded and codec is None:
                    raise ValueError("rounded tokens without a codec")
                alive = np.ones(len(segment), bool)
                if dead:
                    alive[np.fromfile(self.folder / dead, "<u2")] = False
                pieces.append(_Piece(segment, alive, name, dead))
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise DamagedCollection(f"{path}: {error}", "build the index again") from error
        self._state = _State(tuple(pieces), codec)
        return about

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
            "bytes": sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file()),
            "tokens": sum(piece.segment.tokens for piece in state.pieces),
            "segments": len(state.pieces),
            "bits": self._about["bits"],
            "pool": self._about["pool"],
            "centroids": 0 if state.codec is None else len(state.codec.centroids),
            "exact": state.codec is None,
        }


def _to_disk(path: Path) -> None:
    """Bring a written file to the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())
