"""The evidence that a picture answers a query part: numbers that can be compared between queries.

A cosine alone cannot: "dog" and "a man in a red coat" live on different scales, and so do two pictures.
All evidence is unchanged when every score of the model is scaled and shifted alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats
from openitr.search.background import Background

Scores: TypeAlias = npt.NDArray[np.floating[Any]]
# Of a hit, and of the whole collection. More of any but FREE never speaks against a picture.
HIT = ("excess", "fits", "margin", "expected", "expected_fits", "length")
ANSWER = ("company", "company_fits", "expected", "expected_fits", "length", "size")
FREE = ("expected", "expected_fits", "length", "size")
_RIVALS, _COMPANY = 10, 10


class Outdone:
    """Share of unrelated queries that fit a picture less, for m pictures: only few of a thousand are ever shown.

    Args:
        rivals: Of the pictures.
        scores: (m,) of the pictures with the query.
    """

    def __init__(self, rivals: Rivals, scores: Scores) -> None:
        self._rivals, self._scores = rivals, scores

    def __len__(self) -> int:
        return len(self._scores)

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, int | np.integer):
            return float(np.mean(self._rivals.scores[self._rivals.rows[rows]] < self._scores[rows]))
        return Outdone(self._rivals.take(rows), self._scores[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array([self[row] for row in range(len(self))], dtype or np.float64)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for m pictures of a collection, for one query part.

    Args:
        hit: (m, 6) in the order of :data:`HIT`:
            ``excess``, the score in standard deviations over what unrelated pictures get from this query,
            less what the best wrong pictures are expected to reach (:meth:`Background.expected`);
            ``fits``, the score in standard deviations over what unrelated queries get from this picture,
            less the same;
            ``margin``, the same over the 10 unrelated queries that fit this picture best;
            ``expected`` and ``expected_fits``, what was taken away;
            ``length``, the logarithm of one more than the query's words: more words are harder to meet in
            full.
        answer: (6,) in the order of :data:`ANSWER`: mean ``excess`` and mean ``fits`` of the collection's
            best pictures (see :func:`company_of`), the same three of the query, and ``size``, the logarithm
            of the number of pictures, in thousands: the more there are, the higher the best wrong one
            reaches.
        beaten: (m,) share of unrelated pictures that score lower.
        outdone: (m,) share of unrelated queries that fit the picture less, worked out where it is asked for.
    """

    hit: npt.NDArray[np.float64]
    answer: npt.NDArray[np.float64]
    beaten: npt.NDArray[np.float64]
    outdone: Outdone


def company_of(size: int) -> int:
    """How many of the best pictures tell whether a collection of this size holds an answer: 2 %, 1 to 10.

    >>> company_of(19), company_of(300), company_of(100_000)
    (1, 6, 10)
    """
    return max(1, min(_COMPANY, size // 50))


@dataclass(frozen=True, eq=False)
class Rivals:
    """What unrelated queries score with each of m pictures, which is the same whatever is asked.

    Args:
        scores: (n, t), of these pictures and perhaps of others.
        rows: (m,) which rows of them are meant.
        middle, unit: (m,) of each row, see :func:`lower_half`.
        strongest: (m,) mean of the 10 highest of each row.
    """

    scores: Scores
    rows: npt.NDArray[Any]
    middle: npt.NDArray[np.float64]
    unit: npt.NDArray[np.float64]
    strongest: npt.NDArray[np.float64]

    @classmethod
    def of(cls, scores: Scores) -> Rivals:
        """From (m, t) scores."""
        middle, unit = lower_half(scores)
        top = min(_RIVALS, scores.shape[1])
        strongest = np.partition(scores, -top, axis=1)[:, -top:].mean(axis=1, dtype=np.float64)
        return cls(scores, np.arange(len(scores)), middle, unit, strongest)

    def take(self, rows: npt.NDArray[Any]) -> Rivals:
        """The same for chosen pictures."""
        return Rivals(self.scores, self.rows[rows], self.middle[rows], self.unit[rows], self.strongest[rows])

    def fits(self, scores: Scores) -> npt.NDArray[np.float64]:
        """(m,) how far the query's scores stand out of its rivals'."""
        return np.asarray((scores - self.middle) / self.unit, np.float64)


def gather(query: Floats, pictures: Floats, best: Floats, background: Background, *, words: int, size: int) -> Evidence:
    """Evidence for one query part.

    Args:
        query: (d,) unit vector of the part.
        pictures: (m, d) unit vectors to judge.
        best: (b, d) the collection's :func:`company_of` best pictures for the whole query.
        background: Unrelated pictures and texts.
        words: How many the part has; 0 for a picture, whose rivals are then pictures as well.
        size: How many pictures the collection has, those the filter lets through.
    """
    rivals = background.texts if words else background.images
    return weigh(
        query,
        (pictures @ query, Rivals.of(pictures @ rivals.T)),
        (best @ query, Rivals.of(best @ rivals.T)),
        background,
        words=words,
        size=size,
    )


def weigh(
    query: Floats,
    pictures: tuple[Scores, Rivals],
    best: tuple[Scores, Rivals],
    background: Background,
    *,
    words: int,
    size: int,
) -> Evidence:
    """:func:`gather` where the scores of the pictures with the query and with its rivals are known."""
    expected = background.expected(query, by_image=not words)
    return measure(*pictures, best, background.images @ query, expected, words, size)


def measure(
    scores: Scores,
    rivals: Rivals | Scores,
    best: tuple[Scores, Rivals | Scores],
    reference: Scores,
    expected: tuple[float, float],
    words: int,
    size: int = 1000,
) -> Evidence:
    """The same from scores alone.

    Args:
        scores: (m,) of the pictures to judge.
        rivals: (m, t) scores of unrelated queries with each picture, or what was found of them before.
        best: Both for the collection's best pictures.
        reference: (r,) scores of unrelated pictures with the query.
        expected: Standardised score of the best wrong pictures, and how well the query fits them.
        words: Of the query; 0 for a picture.
        size: Of the collection.
    """
    scores = np.asarray(scores, np.float64)
    rivals = rivals if isinstance(rivals, Rivals) else Rivals.of(rivals)
    of_best = best[1] if isinstance(best[1], Rivals) else Rivals.of(best[1])
    middle, unit = lower_half(reference[None])
    excess = (scores - middle[0]) / unit[0] - expected[0]
    about = np.array([*expected, np.log1p(words)])
    of_query = np.tile(about, (len(scores), 1))
    margin = (scores - rivals.strongest) / rivals.unit
    hit = np.column_stack([excess, rivals.fits(scores) - expected[1], margin, of_query])
    company = ((np.asarray(best[0], np.float64) - middle[0]) / unit[0]).mean() - expected[0]
    company_fits = of_best.fits(best[0]).mean() - expected[1]
    answer = np.array([company, company_fits, *about, np.log(max(1, size) / 1000)])
    ranked = np.sort(np.asarray(reference, np.float64))
    beaten = np.searchsorted(ranked, scores, side="left") / len(ranked)
    return Evidence(hit, answer, beaten, Outdone(rivals, scores))


def lower_half(values: Scores) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Median of each row, and what lies between it and the 16th percentile: the standard deviation of a
    normal law.

    The upper half is left out because some of what is meant to be unrelated is not: a quarter of any
    reference photos show dogs, and for the query "dog" they would stretch the unit until real dogs no
    longer stand out.
    """
    low, middle = np.quantile(np.asarray(values, np.float64), [0.1587, 0.5], axis=1)
    return middle, np.maximum(middle - low, 1e-9)
