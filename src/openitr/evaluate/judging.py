"""A run against its judgements: at which ranks the relevant documents stand.

Everything the metrics need is in these ranks, so ties, duplicates, missing queries and several right answers are
settled once, here, and named in every report:

    ties      "against" (default): a wrong document stands in front of a right one with the same score, a lower grade in
              front of a higher one, so a model that scores everything alike gets nothing for it
              "for": the other way round; the distance between the two is what ties are worth
              "given": the order in which the run lists them (ranx)
              "trec": by descending document id (trec_eval)
    missing   a judged query that the run does not answer: "zero" (default) counts it as found nothing, "skip" leaves it
              out, as some published evaluations do
    no right answer   a query without a relevant document is left out and counted
    unjudged  a document without a grade is wrong; a query without judgements is left out and counted
    twice     a document stands once in a ranking; files that list it twice are refused
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Ints
from openitr.errors import InputError, ShapeError
from openitr.evaluate.qrels import Grades, Qrels
from openitr.evaluate.ranks import TIE, blocks
from openitr.evaluate.run import Run

Ties = Literal["against", "for", "given", "trec"]
Missing = Literal["zero", "skip"]
Numbers = npt.NDArray[np.float64]

TIES: Mapping[str, str] = {
    "against": "a wrong document stands in front of a right one with the same score",
    "for": "a right document stands in front of a wrong one with the same score",
    "given": "equal scores keep the order of the run",
    "trec": "equal scores are ordered by descending document id",
}


@dataclass(frozen=True, eq=False)
class Judged:
    """Ranks of the relevant documents of n queries, as ragged arrays.

    Args:
        queries: The n query ids; each has at least one relevant document.
        offsets: (n + 1,) int64; query i found ``ranks[offsets[i]:offsets[i + 1]]``, perhaps nothing.
        ranks: Ranks of the relevant documents that were found, ascending within a query, 1 is best.
        grades: Their grades, above 0.
        ideal_offsets: (n + 1,) int64 into ``ideal``.
        ideal: Grades of all relevant documents, found or not, descending within a query.
        rules: How ties and missing queries were treated, and how many queries that concerned.
    """

    queries: Sequence[str]
    offsets: Ints
    ranks: Ints
    grades: Numbers
    ideal_offsets: Ints
    ideal: Numbers
    rules: Mapping[str, str | int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def relevant(self) -> Ints:
        """(n,) how many documents are relevant, R in the definitions."""
        return np.diff(self.ideal_offsets)

    @property
    def owner(self) -> Ints:
        """Which query each of ``ranks`` belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @property
    def nth(self) -> Ints:
        """Each of ``ranks`` is that of the 1st, 2nd, ... relevant document of its query."""
        started = np.repeat(self.offsets[:-1], np.diff(self.offsets))
        return np.arange(1, len(self.ranks) + 1, dtype=np.int64) - started

    @property
    def first(self) -> Numbers:
        """(n,) rank of the first relevant document, infinite where none was found."""
        found = np.full(len(self), np.inf)
        some = np.diff(self.offsets) > 0
        found[some] = self.ranks[self.offsets[:-1][some]]
        return found

    def add(self, values: npt.ArrayLike) -> Numbers:
        """(n,) sums per query of one value for each of ``ranks``."""
        sums = np.bincount(self.owner, weights=np.asarray(values, np.float64), minlength=len(self))
        return sums.astype(np.float64, copy=False)


def judge(run: Run, qrels: Qrels, *, ties: Ties = "against", missing: Missing = "zero") -> Judged:
    """Find the ranks of the relevant documents.

    Args:
        run: What was answered.
        qrels: What is right.
        ties: Who stands in front among equal scores; see the table on top of this module.
        missing: What a judged query counts that the run does not answer.

    Raises:
        InputError: An unknown rule, or no query left to measure.

    >>> run, qrels = Run({"q": {"a": 2, "b": 1, "c": 1}}), Qrels.of_sets({"q": ["c"]})
    >>> judge(run, qrels).ranks.tolist(), judge(run, qrels, ties="for").ranks.tolist()
    ([3], [2])
    """
    if ties not in TIES:
        raise InputError(f"no rule {ties!r} for ties", f"use one of: {', '.join(TIES)}")
    if missing not in ("zero", "skip"):
        raise InputError(f"no rule {missing!r} for missing queries", "use zero or skip")
    row_of = {document: row for row, document in enumerate(run.documents)}
    made = _Builder()
    for query, grades in qrels.items():
        if not any(grade > 0 for grade in grades.values()):
            made.pointless += 1
        elif query in run:
            items, scores = run.row(query)
            right = {row_of[d]: g for d, g in grades.items() if g > 0 and d in row_of}
            made.add(query, *_ranks(run, items, scores, right, ties), grades)
        else:
            made.missing += 1
            if missing == "zero":
                made.add(query, np.empty(0, np.int64), np.empty(0), grades)
    unjudged = sum(query not in qrels for query in run)
    return made.finish(ties, missing, unjudged)


def judge_embeddings(
    asked: Embeddings,
    gallery: Embeddings,
    queries: Sequence[str],
    documents: Sequence[str],
    qrels: Qrels,
    *,
    tolerance: float = TIE,
) -> Judged:
    """As :func:`judge` of the whole ranking of a gallery, ties against the model, without holding a run.

    Args:
        asked: The queries, embedded.
        gallery: What is ranked: the same kind and width.
        queries: Ids of what is asked.
        documents: Ids of what is ranked.
        qrels: What is right; relevant documents outside the gallery count as never found.
        tolerance: Which scores count as equal.

    Raises:
        ShapeError: Counts that do not fit.
        InputError: No query left to measure.
    """
    if (len(asked), len(gallery)) != (len(queries), len(documents)):
        raise ShapeError(f"{len(asked)} x {len(gallery)} embeddings", f"ids are {len(queries)} x {len(documents)}")
    row_of = {document: row for row, document in enumerate(documents)}
    made = _Builder()
    place = {query: row for row, query in enumerate(queries)}
    wanted = []
    for query, grades in qrels.items():
        if not any(grade > 0 for grade in grades.values()):
            made.pointless += 1
        elif query in place:
            wanted.append(query)
        else:
            made.missing += 1
            made.add(query, np.empty(0, np.int64), np.empty(0), grades)
    rows = np.array([place[query] for query in wanted], np.int64)
    for start, stop, table in blocks(asked, gallery, rows):
        for row in range(start, stop):
            grades = qrels[wanted[row]]
            right = {row_of[d]: g for d, g in grades.items() if g > 0 and d in row_of}
            made.add(wanted[row], *_whole(table[row - start], right, tolerance), grades)
    return made.finish("against", "zero", sum(query not in qrels for query in queries))


class _Builder:
    """Ragged arrays, query by query."""

    def __init__(self) -> None:
        self.missing = self.pointless = 0
        self._queries: list[str] = []
        self._ranks: list[Ints] = []
        self._grades: list[Numbers] = []
        self._ideal: list[Numbers] = []

    def add(self, query: str, ranks: Ints, grades: Numbers, judged: Grades) -> None:
        self._queries.append(query)
        self._ranks.append(ranks)
        self._grades.append(grades)
        self._ideal.append(-np.sort(-np.array([grade for grade in judged.values() if grade > 0], np.float64)))

    def finish(self, ties: str, missing: str, unjudged: int) -> Judged:
        if not self._queries:
            raise InputError("no query has a right answer", "check that ids of run and judgements are the same")
        rules: dict[str, str | int] = {
            "ties": f"{ties}: {TIES[ties]}",
            "missing": f"{missing}: {'counts as found nothing' if missing == 'zero' else 'left out'}",
            "queries": len(self._queries),
            "queries_not_answered": self.missing,
            "queries_without_right_answer": self.pointless,
            "queries_without_judgements": unjudged,
        }
        return Judged(
            tuple(self._queries),
            np.cumsum([0, *map(len, self._ranks)], dtype=np.int64),
            np.concatenate(self._ranks),
            np.concatenate(self._grades),
            np.cumsum([0, *map(len, self._ideal)], dtype=np.int64),
            np.concatenate(self._ideal),
            rules,
        )


def _ranks(run: Run, items: Ints, scores: Numbers, right: Mapping[int, float], ties: str) -> tuple[Ints, Numbers]:
    """Ranks and grades of the right ones in one ranking, best first."""
    if ties == "trec":
        ordered = sorted(range(len(items)), key=lambda at: (scores[at], run.documents[items[at]]), reverse=True)
        items = items[np.array(ordered, np.int64)]
    at = np.flatnonzero(np.isin(items, np.fromiter(right, np.int64, len(right))))
    grades = np.array([right[item] for item in items[at].tolist()], np.float64)
    if ties in ("given", "trec"):
        return at + 1, grades
    sign = 1 if ties == "against" else -1
    order = np.lexsort((sign * grades, -scores[at]))
    at, grades = at[order], grades[order]
    level = scores[at]
    edge = level - sign * run.tolerance * np.maximum(1.0, np.abs(level))
    side: Literal["left", "right"] = "right" if ties == "against" else "left"
    before = np.searchsorted(-scores, -edge, side=side) - np.searchsorted(-level, -edge, side=side)
    return np.arange(1, len(at) + 1) + before, grades


def _whole(scores: npt.NDArray[np.float32], right: Mapping[int, float], tolerance: float) -> tuple[Ints, Numbers]:
    """The same from the scores of a whole gallery, ties against the model."""
    items = np.fromiter(right, np.int64, len(right))
    grades = np.fromiter(right.values(), np.float64, len(right))
    level = scores[items].astype(np.float64)
    order = np.lexsort((grades, -level))
    level, grades = level[order], grades[order]
    edge = level - tolerance * np.maximum(1.0, np.abs(level))
    before = np.array([np.count_nonzero(scores >= one) for one in edge], np.int64)
    before -= np.searchsorted(-level, -edge, side="right")
    return np.arange(1, len(items) + 1) + before, grades
