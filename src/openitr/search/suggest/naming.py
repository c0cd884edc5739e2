"""Names for groups of results, without a language model: the phrase that tells a group from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.search.forms import topics
from openitr.search.suggest.base import Named, Results
from openitr.search.suggest.phrases import edited, spoken
from openitr.search.suggest.vocabulary import Vocabulary, dense, general

_TRIED = 6
_APART = 0.5
# What it counts that a phrase fits, is rare, or was written by nobody: chosen by the captions of 1,000 photos of
# Flickr8k's train split.
_FITS, _RARE, _GUESSED = 0.15, 0.15, 0.3
_USUAL = 100


class Discriminative:
    """Tries phrases on the query and takes the one under which a group stands out most from the other results (ours).

    Candidates are phrases that are written of the group's pictures more than of the others', and phrases of a general
    vocabulary that lie nearer to its pictures than to the others. Each is put into the query with the least change
    (:func:`~openitr.search.suggest.phrases.edited`), and the changed queries are tried. What counts is the mean score
    of the group's pictures above that of the others, in standard deviations; a little, how well the phrase fits the
    group compared with all other phrases, how usual it is, and whether somebody wrote it of these pictures.

    Args:
        encoder: A dense one, of the results' vectors.
        vocabulary: General phrases; those of :func:`~openitr.search.suggest.vocabulary.general` if None.
        tried: Candidates of either source that are tried per group.
        apart: Standard deviations by which a changed query must set the group apart from the others.

    Raises:
        InputError: Fewer than one candidate.

    >>> Discriminative(encoder)("a dog", results, groups)[0].query                       # doctest: +SKIP
    'a dog in the snow'
    """

    def __init__(
        self,
        encoder: Encoder,
        vocabulary: Vocabulary | None = None,
        *,
        tried: int = _TRIED,
        apart: float = _APART,
    ) -> None:
        if tried < 1:
            raise InputError(f"{tried} candidates per group", "try 1 or more")
        self.encoder, self.vocabulary, self.tried, self.apart = encoder, vocabulary, tried, apart

    def __call__(self, query: str, results: Results, groups: Sequence[Ints]) -> list[Named]:
        """One for each group; no two are alike.

        Args:
            query: As it was asked.
            results: Its pictures.
            groups: Rows of ``results``.
        """
        if len(groups) < 2:
            return [Named(query, notes=("all results are of one kind",)) for _ in groups]
        if self.vocabulary is None:
            self.vocabulary = general(self.encoder)
        known = topics(query)
        scores = results.vectors @ self.vocabulary.vectors.T
        said = [self._said(results, groups, at, known) for at in range(len(groups))]
        guessed = [self._guessed(scores, rows, known) for rows in groups]
        phrases = list(dict.fromkeys(phrase for group in (*said, *guessed) for phrase in group))
        if not phrases:
            return _assigned(query, [], [], np.empty((len(groups), 0)), np.empty((len(groups), 0)), scores, groups)
        place = {phrase: row for row, phrase in enumerate(self.vocabulary.phrases)}
        changed = [edited(query, phrase) for phrase in phrases]
        new = [phrase for phrase in phrases if phrase not in place]
        vectors = dense(self.encoder, [*changed, *new])
        tried = results.vectors @ vectors[: len(changed)].T
        alone = dict(zip(new, vectors[len(changed) :], strict=True))
        own = np.stack([alone[p] if p in alone else self.vocabulary.vectors[place[p]] for p in phrases])
        stands = np.stack([apart(tried, rows) for rows in groups])
        worth = stands + np.stack([_FITS * fits(results.vectors[rows] @ own.T, scores[rows]) for rows in groups])
        written = {phrase for group in said for phrase in group}
        worth -= np.array([0.0 if p in written else _GUESSED + _RARE * rare(place[p]) for p in phrases])
        return _assigned(query, phrases, changed, np.where(stands < self.apart, -np.inf, worth), stands, tried, groups)

    def _said(self, results: Results, groups: Sequence[Ints], at: int, known: set[str]) -> list[str]:
        return [phrase for phrase in told(results, groups, at) if topics(phrase) - known][: self.tried]

    def _guessed(self, scores: Floats, rows: Ints, known: set[str]) -> list[str]:
        """General phrases that lie nearer to a group's pictures than to the others."""
        assert self.vocabulary is not None
        worth = apart(scores, rows) + _FITS * fits(scores[rows], scores[rows])
        worth -= _RARE * np.array([rare(row) for row in range(len(self.vocabulary))])
        shown = (self.vocabulary.phrases[int(row)] for row in np.argsort(-worth, kind="stable"))
        return [phrase for phrase in shown if topics(phrase) - known][: self.tried]


def fits(scores: Floats, others: Floats) -> npt.NDArray[np.float64]:
    """(m,) how well phrases fit a group: their mean score with its pictures (n, m), standardised by that of the
    vocabulary (n, v)."""
    usual = others.astype(np.float64).mean(0)
    found: npt.NDArray[np.float64] = (scores.astype(np.float64).mean(0) - usual.mean()) / max(float(usual.std()), 1e-9)
    return found


def rare(row: int) -> float:
    """How unusual a phrase of a vocabulary is, by its place: 0 for the first, 1 for the hundredth, then slowly more."""
    return float(np.log2(1 + row / _USUAL))


def apart(scores: Floats, rows: Ints) -> npt.NDArray[np.float64]:
    """(m,) mean of scores (n, m) in some rows above that of the others, in standard deviations of a column.

    >>> apart(np.array([[1.0], [1.0], [0.0], [0.0]], np.float32), np.array([0, 1])).tolist()
    [2.0]
    """
    inside = np.zeros(len(scores), bool)
    inside[rows] = True
    values = scores.astype(np.float64)
    spread = np.maximum(values.std(0), 1e-9)
    rest = values[~inside].mean(0) if (~inside).any() else values.mean(0)
    found: npt.NDArray[np.float64] = (values[inside].mean(0) - rest) / spread
    return found


def told(results: Results, groups: Sequence[Ints], at: int) -> list[str]:
    """Phrases written of a group's pictures more than of the others', the most telling first.

    The z-score of the log odds with a flat prior: "Fightin' Words", Monroe, Colaresi and Quinn 2008, section 3.3.1. A
    phrase counts once a picture, and must be written of a tenth of the group's, and of two.
    """
    if not len(results.texts):
        return []
    inside, outside = Counter[str](), Counter[str]()
    for place, rows in enumerate(groups):
        for row in rows:
            (inside if place == at else outside).update(set(spoken(results.written(int(row)))))
    n = len(groups[at])
    m = sum(len(rows) for rows in groups) - n
    found = []
    for phrase, many in inside.items():
        here, there = many + 0.5, outside[phrase] + 0.5
        odds = np.log(here / (n + 1 - here)) - np.log(there / (m + 1 - there))
        z = float(odds / np.sqrt(1 / here + 1 / there))
        if many >= max(min(2, n), n / 10) and z > 0:
            found.append((-z, -len(phrase), phrase))
    return [phrase for _, _, phrase in sorted(found)]


def within(scores: Floats, rows: Ints) -> float:
    """Closed-set recall of CroQS: the share of a group's rows that stand within the first len(rows) of scores (n,).

    A picture of another group with an equal score stands in front.

    >>> within(np.array([0.9, 0.1, 0.8, 0.2], np.float32), np.array([0, 3]))
    0.5
    """
    inside = np.zeros(len(scores), bool)
    inside[rows] = True
    order = np.lexsort((inside, -scores))
    return float(inside[order[: len(rows)]].mean()) if len(rows) else 0.0


def _assigned(
    query: str,
    phrases: Sequence[str],
    changed: Sequence[str],
    worth: npt.NDArray[np.float64],
    stands: npt.NDArray[np.float64],
    scores: Floats,
    groups: Sequence[Ints],
) -> list[Named]:
    """The best pair of group and phrase first, then the best of what is left: no phrase names two groups."""
    named: dict[int, Named] = {}
    used: set[int] = set()
    for place in np.argsort(-worth, axis=None, kind="stable"):
        group, at = (int(value) for value in np.unravel_index(place, worth.shape))
        if not np.isfinite(worth[group, at]) or len(named) == len(groups):
            break
        # A phrase goes to the group that it sets apart, not to one that is left over.
        if group in named or at in used or stands[group, at] < stands[:, at].max():
            continue
        used.add(at)
        named[group] = Named(changed[at], (phrases[at],), within(scores[:, at], groups[group]))
    nothing = Named(query, notes=("no phrase tells this group from the others",))
    return [named.get(group, nothing) for group in range(len(groups))]
