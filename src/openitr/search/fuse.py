"""Several first stages as one: the candidates of all, ordered by what they say together.

    Retrieve(dense) + Words(written)                  reciprocal ranks
    (0.7 * Retrieve(dense) + 0.3 * Words(written)).by("theoretical")    weighted sum of scores on one scale
    (Retrieve(dense) + Retrieve(lexicon) + Words(written)).by("odds")   what each says, in log-odds

Reciprocal ranks need no scale: ``sum of weight / (60 + rank)``, nothing where a picture is not among the candidates of
a part ("Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", Cormack, Clarke and
Büttcher, SIGIR 2009). Sums of scores need them of every picture: those that one part did not find are scored by it
afterwards, exactly, so that nothing is guessed. Bruch, Gai and Ingber 2023 (arXiv:2210.11934) find such sums better.

Both hold it against a picture that a part has nothing to say of it. Log-odds do not (ours): parts that look are
averaged over those that have a vector, since they see the same picture, and what is written is added, which is nothing
where nothing is written (:mod:`openitr.search.worth`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Ints
from openitr.errors import QueryError
from openitr.search.pipeline import Candidates, Column, Pipeline, Retriever, Stage
from openitr.search.scales import SCALES, scaled
from openitr.search.worth import SPREAD
from openitr.types import Query

How = Literal["ranks", "odds", "minmax", "z", "theoretical"]
RANK_CONSTANT = 60


class Fuse(Stage):
    """Run several first stages and put what they find together; made by ``+``.

    Args:
        parts: Each a retriever, perhaps with stages behind it.
        weights: One per part, above 0.
        how: "ranks", "odds", or the scale on which scores are added (:mod:`openitr.search.scales`).

    Raises:
        QueryError: A part that finds nothing by itself or gives an answer already, a weight of 0 or below.

    The query as the first dense part encoded it goes on to the stages that follow, and pictures that part has no vector
    of are left out: without one there is no probability.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[frozenset[str]] = frozenset({"candidates"})

    def __init__(self, parts: Sequence[Pipeline], weights: Sequence[float], how: How = "ranks") -> None:
        if how not in ("ranks", "odds", *SCALES):
            raise QueryError(f"cannot fuse by {how!r}", f"use ranks, odds, {', '.join(SCALES)}")
        if len(parts) != len(weights) or not parts:
            raise QueryError(f"{len(parts)} parts with {len(weights)} weights", "give each part a weight")
        for part, weight in zip(parts, weights, strict=True):
            if not part.stages or not isinstance(part.stages[0], Retriever):
                raise QueryError(f"{part!r} finds nothing by itself", "fuse stages that begin with Retrieve or Words")
            if "hits" in part.stages[-1].gives:
                raise QueryError(f"{part!r} gives an answer already", "fuse first, then Answer")
            if not (np.isfinite(weight) and weight > 0):
                raise QueryError(f"the weight of {part!r} is {weight}", "use a finite number above 0")
        self.parts, self.weights, self.how = tuple(parts), tuple(float(w) for w in weights), how

    @classmethod
    def of(cls, part: Pipeline) -> Fuse:
        """A part as a fusion of one; one that is a fusion already stays what it is."""
        if len(part.stages) == 1 and isinstance(part.stages[0], Fuse):
            return part.stages[0]
        return cls((part,), (1.0,))

    def by(self, how: How) -> Fuse:
        """The same, put together in another way."""
        return Fuse(self.parts, self.weights, how)

    def __add__(self, other: Stage | Pipeline) -> Fuse:
        more = Fuse.of(other if isinstance(other, Pipeline) else Pipeline((other,)))
        return Fuse((*self.parts, *more.parts), (*self.weights, *more.weights), self.how)

    def __rmul__(self, weight: float) -> Fuse:
        return Fuse(self.parts, [weight * own for own in self.weights], self.how)

    def __repr__(self) -> str:
        parts = [repr(part) if len(part.stages) == 1 else f"({part!r})" for part in self.parts]
        shown = [part if w == 1 else f"{w:g} * {part}" for w, part in zip(self.weights, parts, strict=True)]
        return f"({' + '.join(shown)}){'' if self.how == 'ranks' else f'.by({self.how!r})'}"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        found = [_run(part.stages, query, candidates) for part in self.parts]
        lead = _lead(found)
        ids = np.unique(np.concatenate([one.ids for one in found]))
        ids = ids[_retriever(self.parts[lead]).holds(ids)]
        scored = [_of_all(part, query, one, ids) for part, one in zip(self.parts, found, strict=True)]
        ranks = [_ranks(one.ids, ids) for one in found]
        if self.how == "odds":
            added = self._odds(query, scored)
        else:
            added = np.zeros((len(self.parts), len(ids)))
            for row, (part, weight) in enumerate(zip(self.parts, self.weights, strict=True)):
                if self.how == "ranks":
                    added[row] = np.where(ranks[row] > 0, weight / (RANK_CONSTANT + ranks[row]), 0.0)
                else:
                    floor = _retriever(part).floor(found[row])
                    added[row] = weight * scaled(scored[row].scores, self.how, floor)
        names = [_retriever(part).name for part in self.parts]
        columns = [column for name, one in zip(names, scored, strict=True) for column in _named(one.columns, name)]
        scores = added.sum(axis=0)
        column = Column("fuse", scores, _Say(tuple(names), self.how), (*added, *ranks))
        notes = tuple(note for one in found for note in one.notes)
        fused = Candidates(
            ids, scores, total=found[lead].total, asked=found[lead].asked, columns=columns, notes=notes, fused=True
        )
        return fused.ranked(scores, column)

    def _odds(self, query: Query, scored: Sequence[Candidates]) -> npt.NDArray[np.float64]:
        """(parts, m) what each part adds; those that look share one voice among those of them that know a picture."""
        odds = np.stack([_odds(part, query, one) for part, one in zip(self.parts, scored, strict=True)])
        known = np.isfinite(odds)
        weights = np.array(self.weights)[:, None] * known
        looks = np.array([_retriever(part).looks for part in self.parts])
        weights[looks] /= np.maximum(weights[looks].sum(axis=0), 1e-12)
        return np.asarray(weights * np.where(known, odds, 0.0), np.float64)


def _odds(part: Pipeline, query: Query, scored: Candidates) -> npt.NDArray[np.float64]:
    """What a part says, in log-odds; where a stage has changed its scores, by their spread over the candidates."""
    if len(part.stages) == 1:
        return _retriever(part).odds(query, scored)
    return SPREAD * scaled(scored.scores, "z")


def _retriever(part: Pipeline) -> Retriever:
    first = part.stages[0]
    assert isinstance(first, Retriever)
    return first


def _run(stages: Sequence[Stage], query: Query, candidates: Candidates) -> Candidates:
    for stage in stages:
        candidates = stage(query, candidates)
    return candidates


def _lead(found: Sequence[Candidates]) -> int:
    """The part whose query and probabilities count: the first dense one, else the first that encodes at all."""
    dense = [n for n, one in enumerate(found) if one.asked is not None and one.asked.vector is not None]
    encoded = [n for n, one in enumerate(found) if one.asked is not None]
    return (dense or encoded or [0])[0]


def _of_all(part: Pipeline, query: Query, found: Candidates, ids: Ints) -> Candidates:
    """A part's scores and reasons of all pictures, in the order of ``ids`` (ascending)."""
    scored = _run(part.stages[1:], query, _retriever(part).score(query, found, ids))
    if len(scored) != len(ids):
        raise QueryError(f"{part!r} loses candidates on the way", "cut after fusing")
    return scored.take(np.argsort(scored.ids, kind="stable"))


def _ranks(ranked: Ints, ids: Ints) -> npt.NDArray[np.int64]:
    """(m,) place of each of ``ids`` (ascending) in a ranking, 1 is best; 0 where it is not in it."""
    places = np.zeros(len(ids), np.int64)
    known = np.flatnonzero(np.isin(ranked, ids))
    places[np.searchsorted(ids, ranked[known])] = known + 1
    return places


def _named(columns: Sequence[Column], name: str) -> list[Column]:
    return [replace(column, stage=name) if column.stage == "match" else column for column in columns]


@dataclass(frozen=True)
class _Say:
    names: tuple[str, ...]
    how: str

    def __call__(self, score: float, *facts: Any) -> str:
        added, ranks = facts[: len(self.names)], facts[len(self.names) :]
        said = []
        for name, share, rank in zip(self.names, added, ranks, strict=True):
            place = f"place {int(rank)}" if rank else "not among the candidates"
            said.append(f"{name} {float(share):+.{2 if self.how == 'odds' else 4}f} ({place})")
        return f"{', '.join(said)}; {'in log-odds' if self.how == 'odds' else f'by {self.how}'}"
