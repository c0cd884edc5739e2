"""A first stage that reads: pictures whose file name, tags or captions hold the words of the query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.index.ranking import best
from openitr.search.pipeline import Candidates, Column, Retriever, Stage
from openitr.search.worth import NEUTRAL, UNIT, worth
from openitr.types import MAX_K, Query

_AT_ONCE = 64
# A caption may be wrong, and a name may be another's: words alone make nothing certain.
MOST = 6.0


class Written(Protocol):
    """What is written of pictures, ranked by BM25; :meth:`openitr.collection.Collection.words` gives one."""

    def told(self, texts: Sequence[str]) -> tuple[Ints, Floats, Floats]:
        """Ids (ascending) of all pictures of which any of the words is written, their scores, and the share of the
        question that is written of each.
        """
        ...

    def described(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which pictures somebody described."""
        ...

    def matched(self, texts: Sequence[str], ids: Sequence[int]) -> Mapping[int, dict[str, list[str]]]:
        """The words that are written of each, by where they are written."""
        ...


class Words(Retriever):
    """Fetch the pictures of which words of the query are written; the others are no candidates.

    Scores are log-odds (:mod:`openitr.search.worth`): 0 says nothing; a described picture without the words is below.

    Args:
        written: What is written of the pictures.
        allowed: Ids that pass the filter, ascending; None for all.
        pool: Fetch at most so many, or the page where that is more.

    When to use: beside a model that looks (``Retrieve(...) + Words(...)``), for names, places and codes that it cannot
    know. Source: BM25, Robertson and Zaragoza 2009.
    """

    name = "words"
    looks: ClassVar[bool] = False

    def __init__(self, written: Written, *, allowed: Ints | None = None, pool: int = 200) -> None:
        self.written, self.allowed, self.pool = written, allowed, pool

    def __repr__(self) -> str:
        chosen = "" if self.allowed is None else f"{len(self.allowed)} allowed, "
        return f"Words({chosen}pool={self.pool})"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        texts = wanted_texts(query)
        fetch = MAX_K if query.sort == "date" else max(self.pool, query.offset + query.k)
        every = self._every(texts)
        # One that is worth less than another has less written of it, or less of the question: few are worth a look.
        ids, _ = best(every.ids, every.scores * (1 + every.shares), fetch)
        scores = self._worth(every, ids)
        order = np.lexsort((ids, -scores))
        return self._found(_Said(self.written, texts, ids[order], every), scores[order])

    def score(self, query: Query, found: Candidates, ids: Ints) -> Candidates:
        """The same for chosen pictures, in their order."""
        texts = wanted_texts(query)
        # What the first look found is kept with its reasons: every picture is scored once.
        said = [column.facts[0] for column in found.columns if column.stage == self.name]
        every = said[0].every if said else self._every(texts)
        return self._found(_Said(self.written, texts, ids, every), self._worth(every, ids))

    def holds(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """All: of a picture of which nothing is written nothing is said."""
        return np.ones(len(ids), bool)

    def floor(self, found: Candidates) -> float:
        """What a described picture without any of the words is worth."""
        said = [column.facts[0] for column in found.columns if column.stage == self.name]
        return -UNIT * NEUTRAL * (said[0].every.best if said else 0.0)

    def odds(self, query: Query, scored: Candidates) -> npt.NDArray[np.float64]:
        """The scores themselves."""
        return np.asarray(scored.scores, np.float64)

    def _every(self, texts: Sequence[str]) -> Every:
        ids, scores, shares = self.written.told(texts)
        if self.allowed is not None:
            inside = np.isin(ids, self.allowed)
            ids, scores, shares = ids[inside], scores[inside], shares[inside]
        return Every(ids, scores, shares)

    def _worth(self, every: Every, ids: Ints) -> npt.NDArray[np.float64]:
        if not len(every.ids) or not len(ids):
            return np.zeros(len(ids))
        places = np.minimum(np.searchsorted(every.ids, ids), len(every.ids) - 1)
        there = every.ids[places] == ids
        scores, shares = np.where(there, every.scores[places], 0), np.where(there, every.shares[places], 0)
        return worth(scores, shares, self.written.described(ids), every.best)

    def _found(self, said: _Said, scores: npt.NDArray[np.float64]) -> Candidates:
        column = Column(self.name, scores, _say, (said,))
        return Candidates(said.ids, scores, total=len(scores), columns=[column])


class Credit(Stage):
    """Make probabilities larger or smaller by what is written of the pictures.

    The look of a picture and its words are two witnesses, so their log-odds add up. Asked on photos set aside (see
    :mod:`openitr.search.worth`), hits above 80 % are the one photo that was meant more than half of the time where all
    photos have a caption, and three times in ten by looks alone.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"candidates", "probabilities"})

    def __repr__(self) -> str:
        return "Credit()"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        said = [column.scores for column in candidates.columns if column.stage == Words.name]
        if candidates.probabilities is None or not said or not np.any(said):
            return candidates
        p = np.clip(candidates.probabilities, 1e-9, 1 - 1e-9)
        given = np.clip(np.sum(said, axis=0), -MOST, MOST)
        made = np.asarray(0.5 * (1 + np.tanh((np.log(p / (1 - p)) + given) / 2)), np.float64)
        columns = [*candidates.columns, Column("credit", given, _credited, (made,))]
        return replace(candidates, probabilities=made, columns=columns)


def wanted_texts(query: Query) -> list[str]:
    """The texts of a query that are looked for."""
    return [part.text for part in query.parts if part.image is None and part.weight > 0]


class Every(NamedTuple):
    """All pictures of which any of the words is written: ids ascending, BM25, share of the question."""

    ids: Ints
    scores: Floats
    shares: Floats

    @property
    def best(self) -> float:
        """The highest score, 0 where nothing is written."""
        return float(self.scores.max(initial=0.0))


class _Said:
    """The words that are written of candidates, looked up when they are asked for; and what was found in all."""

    def __init__(self, written: Written, texts: Sequence[str], ids: Ints, every: Every) -> None:
        self.written, self.texts, self.ids, self.every = written, texts, ids, every
        self._known: dict[int, Mapping[str, list[str]]] = {}

    def __getitem__(self, rows: npt.NDArray[np.int64] | int) -> object:
        if not isinstance(rows, int | np.integer):
            return _Said(self.written, self.texts, self.ids[rows], self.every)
        id = int(self.ids[rows])
        if id not in self._known:
            # Hits are explained in their order: the next ones will be asked for as well.
            some = [int(i) for i in self.ids[rows : rows + _AT_ONCE]]
            found = self.written.matched(self.texts, some)
            self._known |= {one: found.get(one, {}) for one in some}
        return self._known[id]


def _say(score: float, said: Mapping[str, list[str]]) -> str:
    if not said:
        return "none of the words is written there" if score < 0 else "nothing is written there"
    where = {"name": "file name", "tags": "tags", "captions": "caption"}
    return "; ".join(f"{where[column]}: {', '.join(words)}" for column, words in said.items())


def _credited(odds: float, probability: float) -> str:
    if abs(odds) < 0.005:
        return "nothing is written there: the chance is that of the look"
    return f"{'more' if odds > 0 else 'less'} likely by what is written there: a chance of {probability:.0%}"
