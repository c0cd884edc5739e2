"""An answer that lacks nothing, from an engine that may return too little or cut between equal scores."""

from __future__ import annotations

from collections.abc import Callable

from openitr.embeddings import Floats, Ints
from openitr.index.base import Ranking
from openitr.index.ranking import best

_MORE = 16  # asked for beyond k, so that ties at the cut are seen at once

Ask = Callable[[int, bool], tuple[Ints, Floats]]
"""From a limit, and whether every score is to be computed, to ids and scores, descending."""


def complete(ask: Ask, k: int, *, exact: bool, slack: float = 0.0) -> tuple[Ints, Floats]:
    """The k best, with all that tie with the k-th.

    A graph loses hits, under a filter most of them: one that returns fewer than it was asked for is asked again, for
    exact scores. What is counted beforehand may change before the answer, so nothing is.

    Args:
        ask: The engine; with exact scores it returns fewer than the limit only when there are no more.
        k: How many.
        exact: Whether to begin with exact scores.
        slack: Scores that are closer than this count as ties: the engine's rounding.

    >>> import numpy as np
    >>> stored = np.array([0.9, *[0.5] * 40, 0.1], np.float32)
    >>> len(complete(lambda limit, exact: (np.arange(42)[:limit], stored[:limit]), 2, exact=True)[0])
    42
    """
    limit = k + _MORE
    while True:
        ids, scores = ask(limit, exact)
        if len(ids) < limit:
            if exact:
                return ids, scores
            exact = True
        elif scores[k - 1] > scores[-1] + slack:
            return ids, scores
        else:
            # Ties at the cut: fetch on until the last score is below the k-th.
            limit *= 4


def ranked(ids: Ints, scores: Floats, k: int) -> Ranking:
    """The k best of a complete answer; of equal ones the smaller ids."""
    return Ranking(*best(ids, scores, k))
