"""Which documents are right for which query, and how right."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from openitr.errors import DatasetError, InputError
from openitr.evaluate import trec

Grades = Mapping[str, float]


class Qrels(Mapping[str, Grades]):
    """Relevance judgements: query id to {document id: grade}.

    A grade above 0 makes a document relevant; 0 and below say that someone looked and found it wrong. A document that
    is not mentioned counts as wrong. "Document" is whatever is ranked: a picture, a text, a box, a clip.

    Args:
        judged: The judgements; ids are strings, as they are everywhere in this room.

    Raises:
        InputError: An id that is no string or is empty, or a grade that is no finite number.

    >>> qrels = Qrels({"q1": {"a.jpg": 1, "b.jpg": 2, "c.jpg": 0}, "q2": {}})
    >>> qrels["q1"]["b.jpg"], qrels.relevant("q1"), len(qrels)
    (2.0, {'a.jpg': 1.0, 'b.jpg': 2.0}, 2)
    """

    def __init__(self, judged: Mapping[str, Grades]) -> None:
        self._judged = {query: dict(_checked(query, grades)) for query, grades in judged.items()}

    @classmethod
    def of_sets(cls, relevant: Mapping[str, Iterable[str]]) -> Qrels:
        """Every document named is relevant with grade 1.

        >>> Qrels.of_sets({"q": ["a", "b"]})["q"]
        {'a': 1.0, 'b': 1.0}
        """
        return cls({query: dict.fromkeys(documents, 1.0) for query, documents in relevant.items()})

    @classmethod
    def of_owners(cls, queries: Sequence[str], documents: Sequence[str]) -> Qrels:
        """Query i has the one relevant document ``documents[i]``; a query that comes again gets one more.

        >>> Qrels.of_owners(["t1", "t2", "t2"], ["a", "b", "c"])["t2"]
        {'b': 1.0, 'c': 1.0}
        """
        if len(queries) != len(documents):
            raise InputError(f"{len(queries)} queries, {len(documents)} documents", "one document per query")
        found: dict[str, dict[str, float]] = {}
        for query, document in zip(queries, documents, strict=True):
            found.setdefault(query, {})[document] = 1.0
        return cls(found)

    @classmethod
    def from_trec(cls, path: str | Path) -> Qrels:
        """Read ``query iteration document grade`` lines.

        Raises:
            DatasetError: A line that does not fit, or two grades for one document.
        """
        found: dict[str, dict[str, float]] = {}
        for where, (query, _, document, grade) in trec.rows(path, 4):
            value = trec.number(grade, where, "grade")
            if found.setdefault(query, {}).setdefault(document, value) != value:
                raise DatasetError(f"{where}: {document!r} has two grades for query {query!r}", "keep one of them")
        return cls(found)

    def to_trec(self, path: str | Path) -> None:
        """Write ``query 0 document grade`` lines."""
        lines = [
            f"{trec.word(query, 'query')} 0 {trec.word(document, 'document')} {_plain(grade)}\n"
            for query, grades in self.items()
            for document, grade in grades.items()
        ]
        Path(path).write_text("".join(lines), encoding="utf-8")

    @classmethod
    def from_json(cls, path: str | Path) -> Qrels:
        """Read ``{query: {document: grade}}``, or ``{query: [document, ...]}`` where all are relevant.

        Raises:
            DatasetError: The file is something else.
        """
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path} cannot be read as JSON: {error}", "check the file") from error
        if not isinstance(found, dict):
            raise DatasetError(f"{path} holds no object", "expected {query: {document: grade}}")
        made: dict[str, dict[str, float]] = {}
        for query, judged in found.items():
            if not isinstance(judged, dict | list):
                raise DatasetError(f"{path}: query {query!r} holds {judged!r}", "expected {document: grade} or a list")
            made[query] = judged if isinstance(judged, dict) else {str(document): 1.0 for document in judged}
        try:
            return cls(made)
        except InputError as error:
            raise DatasetError(f"{path}: {error.message}", error.remedy) from error

    def to_json(self, path: str | Path) -> None:
        """Write ``{query: {document: grade}}``."""
        plain = {q: {d: _number(grade) for d, grade in grades.items()} for q, grades in self.items()}
        Path(path).write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def relevant(self, query: str) -> dict[str, float]:
        """The documents of a query whose grade is above 0."""
        return {document: grade for document, grade in self._judged[query].items() if grade > 0}

    def __getitem__(self, query: str) -> Grades:
        return self._judged[query]

    def __iter__(self) -> Iterator[str]:
        return iter(self._judged)

    def __len__(self) -> int:
        return len(self._judged)

    def __repr__(self) -> str:
        return f"Qrels({len(self):,} queries, {sum(map(len, self._judged.values())):,} judgements)"


def _checked(query: Any, grades: Mapping[Any, Any]) -> Iterator[tuple[str, float]]:
    if not isinstance(query, str) or not query:
        raise InputError(f"query id {query!r} is no name", "ids are strings; use str(number)")
    for document, grade in grades.items():
        if not isinstance(document, str) or not document:
            raise InputError(
                f"query {query!r}: document id {document!r} is no name", "ids are strings; use str(number)"
            )
        if not isinstance(grade, Real) or not math.isfinite(grade):
            raise InputError(f"query {query!r}: grade {grade!r} of {document!r} is no number", "use 0, 1, 2, ...")
        yield document, float(grade)


def _number(grade: float) -> float | int:
    return int(grade) if grade == int(grade) else grade


def _plain(grade: float) -> str:
    return str(_number(grade))
