"""The evidence that a picture answers a query part: numbers that can be compared between queries.

A score alone cannot: "dog" and "a man in a red coat" live on different scales, and so do two pictures. All evidence
is unchanged when every score of the model is scaled and shifted alike. It is made of scores, so it serves dense,
lexicon and late embeddings.

Four numbers tell of a hit: whether it stands above the best of unrelated pictures, whether the query names it better
than usual words do, whether it names it better than the words that fit it best, and, for a model of two beside each
other, what the first of them says of that alone: two witnesses tell more than their sum does. What a right and what a
wrong picture usually reach differs from query to query ("man" has a low bar, "submarine" a high one) and is foretold
from the query (:meth:`openitr.search.background.Background.expected`).

Tried on mixed collections of 30 to 2,000 pictures, and without weight or gain beside these: the distribution of scores
within the collection itself, how much the first hits look like each other, and rivals without the words that mean what
the query means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Scores: TypeAlias = npt.NDArray[np.floating[Any]]
# More of any but FREE never speaks against a picture.
EVIDENCE = (
    "stands", "named", "rivals", "alone", "right_stands", "right_named", "right_alone",
    "wrong_stands", "wrong_named", "wrong_alone", "length", "size",
)  # fmt: skip
FREE = EVIDENCE[4:]
# Of unrelated pictures and of texts, those that come nearest.
_NEAREST_PICTURES, _NEAREST_TEXTS = 1 / 40, 1 / 50
# What has more words is a sentence: single words are no rivals to it.
WORDS = 3
_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Usual:
    """What usual words score with each of m pictures, which is the same whatever is asked.

    Args:
        middle: (m,) mean.
        unit: (m,) standard deviation.
        best: (m,) mean of the best 2 %.

    >>> usual = Usual.of(np.array([[0.0, 2.0], [1.0, 1.5]]))
    >>> usual.named(np.array([3.0, 1.5])).tolist(), usual.rivals(np.array([3.0, 1.5])).tolist()
    ([2.0, 1.0], [1.0, 0.0])
    """

    middle: npt.NDArray[np.float64]
    unit: npt.NDArray[np.float64]
    best: npt.NDArray[np.float64]

    @classmethod
    def of(cls, scores: Scores) -> Usual:
        """From (m, t) scores."""
        return cls(*usual(scores), nearest(scores, _NEAREST_TEXTS))

    def __getitem__(self, rows: Any) -> Usual:
        return Usual(self.middle[rows], self.unit[rows], self.best[rows])

    def named(self, scores: Scores) -> npt.NDArray[np.float64]:
        """(m,) how far a query's scores stand above those of usual words."""
        return np.asarray((scores - self.middle) / self.unit, np.float64)

    def rivals(self, scores: Scores) -> npt.NDArray[np.float64]:
        """(m,) how far they stand above those of the words that fit best."""
        return np.asarray((scores - self.best) / self.unit, np.float64)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for m pictures of a collection, for one query part.

    Args:
        values: (m, 12) in the order of :data:`EVIDENCE`:
            ``stands``, the score above the best 1 in 40 of unrelated pictures, in robust standard deviations of those;
            ``named``, the score above the mean of usual words at this picture, in standard deviations;
            ``rivals``, the same above the best 1 in 50 of them;
            ``alone``, that for the first part of the vectors by itself, 0 for a model without such a part;
            ``right_stands``, ``right_named`` and ``right_alone``, what right pictures are expected to reach for this
            query, and ``wrong_stands``, ``wrong_named`` and ``wrong_alone``, what the best wrong ones are;
            ``length``, the logarithm of one more than the query's words: more words are harder to meet in full;
            ``size``, the logarithm of the number of pictures, in thousands: the more there are, the higher the best
            wrong one reaches.
        beaten: (m,) share of unrelated pictures that score lower.
    """

    values: npt.NDArray[np.float64]
    beaten: npt.NDArray[np.float64]


def measure(
    scores: Scores,
    others: Usual,
    reference: Scores,
    expected: Scores,
    words: int,
    size: int,
    alone: Scores | float = 0.0,
) -> Evidence:
    """Evidence from scores.

    Args:
        scores: (m,) of the pictures to judge with the query part.
        others: What usual words score with them.
        reference: (r,) scores of unrelated pictures with the query part.
        expected: (6,) of :meth:`openitr.search.background.Background.expected`.
        words: Of the part; 0 for a picture.
        size: Of the collection, after the filter.
        alone: (m,) of :meth:`openitr.search.rivals.KeptRivals.alone`.
    """
    scores = np.asarray(scores, np.float64)
    about = np.array([*expected, np.log1p(words), np.log(max(1, size) / 1000)])
    by_itself = np.broadcast_to(np.asarray(alone, np.float64), scores.shape)
    own = np.column_stack([stands(scores, reference[None])[0], others.named(scores), others.rivals(scores), by_itself])
    values = np.hstack([own, np.tile(about, (len(scores), 1))])
    beaten = np.searchsorted(np.sort(np.asarray(reference, np.float64)), scores, side="left") / len(reference)
    return Evidence(values, beaten)


def stands(scores: Scores, reference: Scores) -> npt.NDArray[np.float64]:
    """(n, m) how far scores stand above those of the best unrelated pictures.

    The unit is the interquartile range as a standard deviation, so that pictures that do show what is asked, which are
    many for "man", do not widen it; not below a quarter of the standard deviation, for scores that are mostly 0.

    Args:
        scores: (n, m) or (m,) of n queries.
        reference: (n, r) of the unrelated pictures.

    >>> stands(np.array([3.0]), np.arange(-4.0, 5.0)[None]).round(2).tolist()
    [[-0.34]]
    """
    low, high = np.percentile(reference, [25, 75], axis=1)
    unit = np.maximum((high - low) / 1.349, np.maximum(reference.std(axis=1, dtype=np.float64) / 4, 1e-9))
    return np.asarray((np.atleast_2d(scores) - nearest(reference, _NEAREST_PICTURES)[:, None]) / unit[:, None])


def nearest(values: Scores, share: float) -> npt.NDArray[np.float64]:
    """(n,) mean of the highest of each row, at least one.

    >>> nearest(np.array([[1.0, 4.0, 2.0]]), 0.5).tolist()
    [4.0]
    """
    count = max(1, int(values.shape[1] * share))
    return np.asarray(np.partition(values, -count, axis=1)[:, -count:].mean(axis=1, dtype=np.float64))


def usual(values: Scores) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and standard deviation of each row.

    >>> [part.tolist() for part in usual(np.array([[0.0, 2.0]]))]
    [[1.0], [1.0]]
    """
    middle = values.mean(axis=1, dtype=np.float64)
    squares = np.einsum("ij,ij->i", values, values, dtype=np.float64) / values.shape[1]
    return middle, np.sqrt(np.maximum(squares - middle**2, 1e-18))


class Outdone:
    """Share of unrelated texts that fit a picture less than the query does, worked out for those that are shown.

    Args:
        rivals: Picture ids to their (n, t) scores with unrelated texts.
        ids: (m,) of the pictures.
        scores: (m,) of the pictures with the query.
    """

    def __init__(self, rivals: Callable[[npt.NDArray[np.int64]], Scores], ids: npt.NDArray[np.int64], scores: Scores):
        self._rivals, self._ids, self._scores = rivals, ids, scores
        self._known: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, rows: Any) -> Any:
        if not isinstance(rows, int | np.integer):
            return Outdone(self._rivals, self._ids[rows], self._scores[rows])
        row = int(rows)
        if row not in self._known:
            # A page is asked for hit by hit; its neighbours come at hardly any cost.
            near = np.arange(row, min(row + _AT_ONCE, len(self)))
            less = self._rivals(self._ids[near]) < self._scores[near, None]
            self._known.update(zip(near.tolist(), less.mean(axis=1).tolist(), strict=True))
        return self._known[row]
