"""What suggested queries are worth: how well each finds its group, stands for it, and stays near the query (CroQS)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats, Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError, ShapeError
from openitr.search.forms import words_of

_DEEP = 100


@dataclass(frozen=True)
class SuggestionScores:
    """CroQS's measures of one suggested query, or their means; all between 0 and 1 but the cosines.

    Args:
        closed_recall: Of the query's results, ordered by the suggestion: share of the first |C| that are of group C.
        recall: Share of the group among the first 100 of the collection.
        average_precision: Mean, over the group's pictures in the first 100, of the precision there.
        ndcg: nDCG@10 of the collection.
        fit: Mean cosine of the suggestion with the group's pictures.
        jaccard: Words that suggestion and query share, over all their words.
        similarity: Cosine of suggestion and query.
    """

    closed_recall: float
    recall: float
    average_precision: float
    ndcg: float
    fit: float
    jaccard: float
    similarity: float


class SuggestionEvaluator:
    """Measures suggestions over a collection.

    Args:
        images: (n, d) unit vectors of its pictures.
        encoder: Of the suggestions.

    References:
        CroQS, section 3.3: specificity, representativeness, similarity to the original.

    >>> evaluator = SuggestionEvaluator(images, encoder)                                 # doctest: +SKIP
    >>> evaluator.score("circle", ["red circle", "circle"], groups).closed_recall        # doctest: +SKIP
    0.66
    """

    def __init__(self, images: Floats, encoder: Encoder) -> None:
        self.images, self.encoder = images, encoder

    def each(self, query: str, suggested: Sequence[str], groups: Sequence[Ints]) -> list[SuggestionScores]:
        """The measures of each suggestion.

        Args:
            query: As it was asked.
            suggested: One per group.
            groups: Rows of ``images``; together they are the query's results.

        Raises:
            InputError: Not as many suggestions as groups, an empty group, or a row that is not there.
            ShapeError: The model makes no dense embeddings.
        """
        if len(suggested) != len(groups) or any(not len(rows) for rows in groups):
            raise InputError(f"{len(suggested)} suggestions for {len(groups)} groups", "give one for each, none empty")
        rows = [np.unique(np.asarray(one, np.int64)) for one in groups]
        if groups and (min(int(one[0]) for one in rows) < 0 or max(int(one[-1]) for one in rows) >= len(self.images)):
            raise InputError("a group names a picture that is not there", f"there are {len(self.images)}")
        texts = self.encoder.encode_texts([query, *suggested])
        if not isinstance(texts, DenseEmbeddings):
            raise ShapeError(f"the model makes {self.encoder.kind} embeddings", "these measures need a dense one")
        results = np.unique(np.concatenate(rows)) if rows else np.empty(0, np.int64)
        scores = texts.values @ self.images.T
        return [
            _scores(scores[at], results, own, jaccard(query, one), float(texts.values[at] @ texts.values[0]))
            for at, (one, own) in enumerate(zip(suggested, rows, strict=True), 1)
        ]

    def score(self, query: str, suggested: Sequence[str], groups: Sequence[Ints]) -> SuggestionScores:
        """Their means over the groups of one query."""
        return mean(self.each(query, suggested, groups))


def mean(scores: Sequence[SuggestionScores]) -> SuggestionScores:
    """Means of measures.

    Raises:
        InputError: There are none.
    """
    if not scores:
        raise InputError("there is nothing to average", "measure at least one suggestion")
    names = [one.name for one in fields(SuggestionScores)]
    return SuggestionScores(*(float(np.mean([getattr(one, name) for one in scores])) for name in names))


def jaccard(one: str, other: str) -> float:
    """Words that two texts share, over the words of either.

    >>> jaccard("circle", "Circle"), jaccard("a circle", "a red circle"), jaccard("circle", "dog")
    (1.0, 0.6666666666666666, 0.0)
    """
    mine, yours = set(words_of(one)), set(words_of(other))
    return len(mine & yours) / len(mine | yours) if mine | yours else 1.0


def _scores(scores: Floats, results: Ints, own: Ints, alike: float, near: float) -> SuggestionScores:
    inside = np.zeros(len(scores), bool)
    inside[own] = True
    # A picture of no group in question stands in front of one with the same score.
    order = np.lexsort((inside, -scores))
    closed = np.lexsort((inside[results], -scores[results]))[: len(own)]
    hit = inside[order[:_DEEP]]
    places = np.flatnonzero(hit) + 1
    gains = 1 / np.log2(np.arange(2, 12))
    ideal = gains[: min(10, len(own))].sum()
    return SuggestionScores(
        float(inside[results][closed].mean()),
        float(hit.sum() / len(own)),
        float((np.arange(1, len(places) + 1) / places).mean()) if len(places) else 0.0,
        float((gains[: len(hit[:10])] * hit[:10]).sum() / ideal),
        float(scores[own].mean()),
        alike,
        near,
    )
