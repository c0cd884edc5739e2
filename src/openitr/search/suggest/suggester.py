"""Query suggestion (CroQS): group what a query found, and name each group with the least change to the query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError, QueryError
from openitr.search.suggest.base import Named, Results, Suggestion
from openitr.search.suggest.cluster import Clusterer, central
from openitr.search.suggest.naming import Discriminative

_FEW = 6


class Namer(Protocol):
    """Changes a query for each group of its results: :class:`~openitr.search.suggest.Discriminative`,
    :class:`~openitr.search.suggest.GroupCap`, or yours."""

    def __call__(self, query: str, results: Results, groups: Sequence[Ints]) -> list[Named]:
        """One :class:`~openitr.search.suggest.base.Named` per group, in their order."""
        ...


class QuerySuggester:
    """Suggests a changed query for each kind of picture that a query found.

    Args:
        encoder: A dense one, of the pictures' vectors.
        clusterer: Makes the groups.
        namer: Changes the query for each; phrases that tell the groups apart if None, which needs no language model.

    References:
        CroQS, "Maybe you are looking for CroQS", Pavone et al. 2025, arXiv:2412.13834.

    >>> suggester = QuerySuggester(encoder)                                              # doctest: +SKIP
    >>> [s.query for s in suggester.suggest("a dog", ids, vectors)]                      # doctest: +SKIP
    ['a dog in the snow', 'a dog running', 'a dog with a ball']
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        clusterer: Callable[[Floats], list[Ints]] | None = None,
        namer: Namer | None = None,
    ) -> None:
        self.encoder = encoder
        self.clusterer = clusterer or Clusterer()
        self.namer: Namer = namer or Discriminative(encoder)

    def suggest(
        self, query: str, ids: Ints | Sequence[int], vectors: Floats, *, texts: Sequence[Sequence[str]] = ()
    ) -> list[Suggestion]:
        """A suggestion for each group, the largest first.

        Args:
            query: As it was asked.
            ids: (n,) of the pictures it found, best first.
            vectors: (n, d) unit vectors of theirs.
            texts: What is written of each; phrases in them are tried first.

        Returns:
            Nothing where fewer than six pictures were found: there is nothing to narrow down.

        Raises:
            QueryError: A blank query.
            InputError: Not as many vectors or texts as ids.
        """
        results = Results(np.asarray(ids, np.int64), np.asarray(vectors, np.float32), texts)
        if len(results.ids) < _FEW:
            _checked(query, results)
            return []
        return self.name(query, results, self.clusterer(results.vectors))

    def name(self, query: str, results: Results, groups: Sequence[Ints]) -> list[Suggestion]:
        """The same for groups that are there already, such as those of CroQS.

        Args:
            query: As it was asked.
            results: Its pictures.
            groups: Rows of ``results``, none empty.
        """
        asked = _checked(query, results)
        if any(not len(rows) for rows in groups):
            raise InputError("a group is empty", "leave it out")
        ordered = [np.asarray(rows)[central(results.vectors[rows])] for rows in groups]
        named = self.namer(asked, results, ordered)
        return [
            Suggestion(
                one.query,
                one.added,
                tuple(int(id) for id in results.ids[rows]),
                len(rows) / len(results.ids),
                one.found,
                one.notes,
            )
            for one, rows in zip(named, ordered, strict=True)
        ]


def _checked(query: str, results: Results) -> str:
    if not query.strip():
        raise QueryError("the query is empty", "say what to look for")
    n = len(results.ids)
    if results.vectors.ndim != 2 or len(results.vectors) != n or len(results.texts) not in (0, n):
        raise InputError(
            f"{n} ids, {len(results.vectors)} vectors, {len(results.texts)} texts", "give one of each per picture"
        )
    return " ".join(query.split())
