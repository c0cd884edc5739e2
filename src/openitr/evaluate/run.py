"""What a system answered: for every query the documents it ranks, with their scores."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Ints
from openitr.errors import DatasetError, InputError, ShapeError
from openitr.evaluate import trec
from openitr.evaluate.ranks import TIE, blocks

MAX_ENTRIES = 1 << 27

Choose = Callable[[str, list[str]], npt.NDArray[np.bool_]]


class Run(Mapping[str, Mapping[str, float]]):
    """Query id to {document id: score}, best first.

    Scores are compared with each other within one query only. Documents whose scores differ by no more than
    ``tolerance`` (relative to the score where it exceeds 1) are tied; who of them stands in front is decided when the
    run is judged (:func:`openitr.evaluate.judge`), by a rule that is printed with the numbers. A document stands at
    most once in a ranking.

    Args:
        ranked: The rankings, in any order; documents with equal scores keep their order for the rule "given".
        name: What to call the run in tables.
        tolerance: Which scores count as equal; 0 for exact ones.

    Raises:
        InputError: An id that is no string, or a score that is not finite.

    >>> run = Run({"q1": {"a": 0.1, "b": 0.9}, "q2": {}})
    >>> list(run["q1"]), run["q2"], run.top(1)["q1"]
    (['b', 'a'], {}, {'b': 0.9})
    """

    def __init__(self, ranked: Mapping[str, Mapping[str, float]], name: str = "", tolerance: float = 0.0) -> None:
        row_of: dict[str, int] = {}
        items: list[int] = []
        scores: list[float] = []
        lengths = []
        for query, given in ranked.items():
            for id_ in (query, *given):
                if not isinstance(id_, str) or not id_:
                    raise InputError(f"id {id_!r} (query {query!r}) is no name", "ids are strings; use str(number)")
            items += [row_of.setdefault(document, len(row_of)) for document in given]
            scores += given.values()
            lengths.append(len(given))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self._fill(tuple(ranked), offsets, tuple(row_of), items, scores, name, tolerance)

    def _fill(
        self,
        queries: Sequence[str],
        offsets: Ints,
        documents: Sequence[str],
        items: npt.ArrayLike,
        scores: npt.ArrayLike,
        name: str,
        tolerance: float,
    ) -> Run:
        if not tolerance >= 0:
            raise InputError(f"tolerance is {tolerance}", "use 0 or more")
        values, rows = np.asarray(scores, np.float64), np.asarray(items, np.int64)
        owner = np.repeat(np.arange(len(queries)), np.diff(offsets))
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            where = f"document {documents[rows[row]]!r} of query {queries[owner[row]]!r}"
            raise InputError(f"{where} has the score {values[row]}", "scores are finite numbers")
        order = np.lexsort((-values, owner))
        self.queries, self.documents, self.offsets = tuple(queries), tuple(documents), offsets
        self.rows, self.scores, self.name, self.tolerance = rows[order], values[order], name, float(tolerance)
        self._row_of = {query: row for row, query in enumerate(self.queries)}
        return self

    @classmethod
    def from_scores(
        cls,
        scores: npt.ArrayLike,
        queries: Sequence[str],
        documents: Sequence[str],
        *,
        k: int | None = None,
        name: str = "",
        tolerance: float = TIE,
    ) -> Run:
        """Rank by a matrix.

        Args:
            scores: (n, m), higher is better.
            queries: The n query ids.
            documents: The m document ids.
            k: How many to keep of each ranking, and all that tie with the last of them; None keeps all.
            name: What to call the run.
            tolerance: Which scores count as equal.

        Raises:
            ShapeError: Counts that do not fit.

        >>> Run.from_scores([[0.1, 0.9, 0.5]], ["q"], ["a", "b", "c"], k=2)["q"]
        {'b': 0.9, 'c': 0.5}
        """
        table = np.asarray(scores)
        if table.shape != (len(queries), len(documents)):
            raise ShapeError(f"scores have shape {table.shape}", f"({len(queries)}, {len(documents)}) was expected")
        return cls._of_blocks([(0, len(queries), table)], queries, documents, k, name, tolerance)

    @classmethod
    def from_embeddings(
        cls,
        asked: Embeddings,
        gallery: Embeddings,
        queries: Sequence[str],
        documents: Sequence[str],
        *,
        k: int | None = 100,
        name: str = "",
        tolerance: float = TIE,
    ) -> Run:
        """Rank a gallery of embeddings, block by block; arguments as in :meth:`from_scores`.

        >>> from openitr.embeddings import DenseEmbeddings
        >>> e = DenseEmbeddings(np.eye(3, dtype=np.float32))
        >>> Run.from_embeddings(e[:1], e, ["q"], ["a", "b", "c"], k=1)["q"]
        {'a': 1.0}
        """
        if (len(asked), len(gallery)) != (len(queries), len(documents)):
            raise ShapeError(
                f"{len(asked)} queries and {len(gallery)} documents embedded, ids for {len(queries)} and "
                f"{len(documents)}",
                "one id each",
            )
        found = blocks(asked, gallery, np.arange(len(asked), dtype=np.int64))
        return cls._of_blocks(found, queries, documents, k, name, tolerance)

    @classmethod
    def _of_blocks(
        cls,
        found: Iterable[tuple[int, int, npt.NDArray[Any]]],
        queries: Sequence[str],
        documents: Sequence[str],
        k: int | None,
        name: str,
        tolerance: float,
    ) -> Run:
        for ids, what in ((queries, "query"), (documents, "document")):
            if len(set(ids)) != len(ids):
                raise InputError(f"a {what} id comes twice", "ids must be distinct")
        if k is not None and k < 1:
            raise InputError(f"k is {k}", "use 1 or more, or None for all")
        depth = len(documents) if k is None else min(k, len(documents))
        if depth * len(queries) > MAX_ENTRIES:
            raise InputError(
                f"a run of {len(queries):,} queries x {depth:,} documents is too large to hold",
                "give k, or use judge_embeddings, which holds ranks only",
            )
        lengths: list[int] = []
        items, scores = [], []
        for _, _, table in found:
            for row in table:
                kept = _best(row, depth, tolerance)
                lengths.append(len(kept))
                items.append(kept)
                scores.append(row[kept].astype(np.float64))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        joined = np.concatenate(items) if items else np.empty(0, np.int64)
        values = np.concatenate(scores) if scores else np.empty(0)
        return cls.__new__(cls)._fill(queries, offsets, documents, joined, values, name, tolerance)

    @classmethod
    def from_trec(cls, path: str | Path, name: str = "", tolerance: float = 0.0) -> Run:
        """Read ``query Q0 document rank score tag`` lines; the score decides, as in trec_eval, not the rank.

        Raises:
            DatasetError: A line that does not fit, or a document that comes twice for one query.
        """
        found: dict[str, dict[str, float]] = {}
        tag = ""
        for where, (query, _, document, _, score, tag) in trec.rows(path, 6):  # noqa: B007
            ranked = found.setdefault(query, {})
            if document in ranked:
                raise DatasetError(f"{where}: {document!r} comes twice for query {query!r}", "keep one of them")
            ranked[document] = trec.number(score, where, "score")
        return cls(found, name or tag, tolerance)

    def to_trec(self, path: str | Path) -> None:
        """Write ``query Q0 document rank score tag`` lines; scores so that they read back the same."""
        tag = trec.word(self.name or "openitr", "run")
        with Path(path).open("w", encoding="utf-8") as file:
            for query, ranked in self.items():
                for rank, (document, score) in enumerate(ranked.items(), 1):
                    what = f"{trec.word(query, 'query')} Q0 {trec.word(document, 'document')}"
                    file.write(f"{what} {rank} {score!r} {tag}\n")

    def top(self, k: int) -> Run:
        """The first ``k`` of every ranking, in the order "given"."""
        return self._only(lambda query, documents: np.arange(len(documents)) < k)

    def within(self, allowed: Mapping[str, Collection[str]]) -> Run:
        """Every ranking kept to the documents that the query may find (candidates, subsets, own corpora).

        A query that is not in ``allowed`` keeps all of its documents.

        >>> Run({"q": {"a": 3, "b": 2, "c": 1}}).within({"q": ["c", "b", "z"]})["q"]
        {'b': 2.0, 'c': 1.0}
        """

        def inside(query: str, documents: list[str]) -> npt.NDArray[np.bool_]:
            some = allowed.get(query)
            if some is None:
                return np.ones(len(documents), np.bool_)
            members = frozenset(some)
            return np.array([document in members for document in documents], np.bool_)

        return self._only(inside)

    def without(self, unwanted: Mapping[str, Collection[str]]) -> Run:
        """Every ranking without some documents, such as the reference picture of a composed query."""

        def wanted(query: str, documents: list[str]) -> npt.NDArray[np.bool_]:
            members = frozenset(unwanted.get(query, ()))
            return np.array([document not in members for document in documents], np.bool_)

        return self._only(wanted)

    def _only(self, choose: Choose) -> Run:
        kept = np.zeros(len(self.rows), np.bool_)
        for row, query in enumerate(self.queries):
            start, stop = self.offsets[row], self.offsets[row + 1]
            kept[start:stop] = choose(query, [self.documents[item] for item in self.rows[start:stop]])
        before = np.concatenate([[0], np.cumsum(kept)])
        made = self.__class__.__new__(self.__class__)
        return made._fill(
            self.queries,
            before[self.offsets],
            self.documents,
            self.rows[kept],
            self.scores[kept],
            self.name,
            self.tolerance,
        )

    def __getitem__(self, query: str) -> dict[str, float]:
        row = self._row_of[query]
        start, stop = self.offsets[row], self.offsets[row + 1]
        pairs = zip(self.rows[start:stop].tolist(), self.scores[start:stop].tolist(), strict=True)
        return {self.documents[item]: score for item, score in pairs}

    def __contains__(self, query: object) -> bool:
        return query in self._row_of

    def __iter__(self) -> Iterator[str]:
        return iter(self.queries)

    def __len__(self) -> int:
        return len(self.queries)

    def __repr__(self) -> str:
        return f"Run({self.name!r}, {len(self):,} queries, {len(self.rows):,} documents ranked)"

    def row(self, query: str) -> tuple[Ints, npt.NDArray[np.float64]]:
        """Rows of ``documents``, best first, and their scores."""
        at = self._row_of[query]
        span = slice(self.offsets[at], self.offsets[at + 1])
        return self.rows[span], self.scores[span]


def _best(row: npt.NDArray[Any], k: int, tolerance: float) -> Ints:
    """Places of the ``k`` best scores and of all that tie with the last of them."""
    if k >= len(row):
        return np.arange(len(row), dtype=np.int64)
    last = float(np.partition(row, len(row) - k)[len(row) - k])
    return np.flatnonzero(row >= last - tolerance * max(1.0, abs(last)))
