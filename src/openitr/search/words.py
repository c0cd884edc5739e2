"""A first stage that reads: pictures whose file name, tags or captions hold the words of the query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.index.ranking import best
from openitr.search.pipeline import Candidates, Column, Retriever
from openitr.types import MAX_K, Query

_AT_ONCE = 64


class Written(Protocol):
    """What is written of pictures, ranked by BM25; :meth:`openitr.collection.Collection.words` gives one."""

    def every(self, texts: Sequence[str]) -> tuple[Ints, Floats]:
        """Ids (ascending) of all pictures of which any of the words is written, and their scores."""
        ...

    def matched(self, texts: Sequence[str], ids: Sequence[int]) -> Mapping[int, dict[str, list[str]]]:
        """The words that are written of each, by where they are written."""
        ...


class Words(Retriever):
    """Fetch the pictures of which words of the query are written; the others are no candidates.

    Args:
        written: What is written of the pictures.
        allowed: Ids that pass the filter, ascending; None for all.
        pool: Fetch at most so many, or the page where that is more.

    When to use: beside a model that looks (``Retrieve(...) + Words(...)``), for names, places and codes that it cannot
    know. Source: BM25, Robertson and Zaragoza 2009.
    """

    name = "words"

    def __init__(self, written: Written, *, allowed: Ints | None = None, pool: int = 200) -> None:
        self.written, self.allowed, self.pool = written, allowed, pool

    def __repr__(self) -> str:
        chosen = "" if self.allowed is None else f"{len(self.allowed)} allowed, "
        return f"Words({chosen}pool={self.pool})"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        texts = wanted_texts(query)
        fetch = MAX_K if query.sort == "date" else max(self.pool, query.offset + query.k)
        every = self.written.every(texts)
        ids, scores = every
        if self.allowed is not None:
            inside = np.isin(ids, self.allowed)
            ids, scores = ids[inside], scores[inside]
        ids, scores = best(ids, scores, fetch)
        return self._found(_Said(self.written, texts, ids, every), scores)

    def score(self, query: Query, found: Candidates, ids: Ints) -> Candidates:
        """The same for chosen pictures, in their order."""
        texts = wanted_texts(query)
        # What the first look found is kept with its reasons: every picture is scored once.
        said = [column.facts[0] for column in found.columns if column.stage == self.name]
        known, scores = said[0].every if said else self.written.every(texts)
        given: npt.NDArray[np.float32] = np.zeros(len(ids), np.float32)
        if len(known):
            places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
            given = np.where(known[places] == ids, scores[places], np.float32(0))
        return self._found(_Said(self.written, texts, ids, (known, scores)), given)

    def holds(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """All: a picture of which nothing is written scores 0."""
        return np.ones(len(ids), bool)

    def floor(self, found: Candidates) -> float:
        """0, where none of the words is written."""
        return 0.0

    def _found(self, said: _Said, scores: npt.NDArray[np.float32]) -> Candidates:
        column = Column(self.name, scores, _say, (said,))
        return Candidates(said.ids, scores, total=len(scores), columns=[column])


def wanted_texts(query: Query) -> list[str]:
    """The texts of a query that are looked for."""
    return [part.text for part in query.parts if part.image is None and part.weight > 0]


class _Said:
    """The words that are written of candidates, looked up when they are asked for; and what was found in all."""

    def __init__(self, written: Written, texts: Sequence[str], ids: Ints, every: tuple[Ints, Floats]) -> None:
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
        return "none of the words is written there"
    where = {"name": "file name", "tags": "tags", "captions": "caption"}
    return "; ".join(f"{where[column]}: {', '.join(words)}" for column, words in said.items())
