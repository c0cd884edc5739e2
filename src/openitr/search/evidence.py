"""The evidence that a picture answers a query part: numbers that can be compared between queries.

A score alone cannot: "dog" and "a man in a red coat" live on different scales, and so do two pictures. All evidence
is unchanged when every score of the model is scaled and shifted alike. It is made of scores, so it serves dense,
lexicon and late embeddings.

That it is so little was chosen by trying. On questions held out, the area under the curve that tells collections with
an answer from those without is 0.737 with these numbers for the model `default`, and was 0.718 with robust units and
the strongest rivals instead. The best hit by itself, the parts of the vector one by one, how far they agree, the
collection's own distribution, how much the best hits are alike, each word asked alone, and the nearest of 3,700 other
texts moved it by less than 0.01 each, and all together to 0.75.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Scores: TypeAlias = npt.NDArray[np.floating[Any]]
# Of a hit, and of the whole collection. More of any but FREE never speaks against a picture.
HIT = ("excess", "fits", "expected", "expected_fits", "length")
ANSWER = ("company", "company_fits", "expected", "expected_fits", "length", "size")
FREE = ("expected", "expected_fits", "length", "size")
_COMPANY = 10
_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Usual:
    """What unrelated texts score with each of m pictures, which is the same whatever is asked.

    Args:
        middle: (m,) mean.
        unit: (m,) standard deviation.

    >>> Usual.of(np.array([[0.0, 2.0], [1.0, 1.5]])).fits(np.array([3.0, 1.5])).tolist()
    [2.0, 1.0]
    """

    middle: npt.NDArray[np.float64]
    unit: npt.NDArray[np.float64]

    @classmethod
    def of(cls, scores: Scores) -> Usual:
        """From (m, t) scores."""
        return cls(*usual(scores))

    def fits(self, scores: Scores) -> npt.NDArray[np.float64]:
        """(m,) how far a query's scores stand above those of other texts."""
        return np.asarray((scores - self.middle) / self.unit, np.float64)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for m pictures of a collection, for one query part.

    Args:
        hit: (m, 5) in the order of :data:`HIT`:
            ``excess``, the score in standard deviations over what unrelated pictures get from this query, and
            ``fits``, over what unrelated texts get from this picture, each less what the best wrong pictures are
            expected to reach (:meth:`openitr.search.background.Background.expected`);
            ``expected`` and ``expected_fits``, what was taken away;
            ``length``, the logarithm of one more than the query's words: more words are harder to meet in
            full.
        answer: (6,) in the order of :data:`ANSWER`: mean ``excess`` and mean ``fits`` of the collection's
            best pictures (see :func:`company_of`), the same three of the query, and ``size``, the logarithm
            of the number of pictures, in thousands: the more there are, the higher the best wrong one
            reaches.
        beaten: (m,) share of unrelated pictures that score lower.
    """

    hit: npt.NDArray[np.float64]
    answer: npt.NDArray[np.float64]
    beaten: npt.NDArray[np.float64]


def company_of(size: int) -> int:
    """How many of the best pictures tell whether a collection of this size holds an answer: 2 %, 1 to 10.

    >>> company_of(19), company_of(300), company_of(100_000)
    (1, 6, 10)
    """
    return max(1, min(_COMPANY, size // 50))


def measure(
    scores: Scores,
    others: Usual,
    best: npt.NDArray[Any],
    reference: Scores,
    expected: tuple[float, float],
    words: int,
    size: int = 1000,
) -> Evidence:
    """Evidence from scores.

    Args:
        scores: (m,) of the pictures to judge with the query part.
        others: What unrelated texts score with them.
        best: (b,) which of them are the collection's :func:`company_of` best for the whole query.
        reference: (r,) scores of unrelated pictures with the query part.
        expected: ``excess`` and ``fits`` of the best wrong pictures.
        words: Of the part; 0 for a picture.
        size: Of the collection, after the filter.
    """
    scores = np.asarray(scores, np.float64)
    (middle,), (unit,) = usual(reference[None])
    excess = (scores - middle) / unit - expected[0]
    fits = others.fits(scores) - expected[1]
    about = np.array([*expected, np.log1p(words)])
    hit = np.column_stack([excess, fits, np.tile(about, (len(scores), 1))])
    answer = np.array([excess[best].mean(), fits[best].mean(), *about, np.log(max(1, size) / 1000)])
    beaten = np.searchsorted(np.sort(np.asarray(reference, np.float64)), scores, side="left") / len(reference)
    return Evidence(hit, answer, beaten)


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
