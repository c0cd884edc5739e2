"""Exact scores of stored rows: one pass over all, and a second look at the best in double precision."""

from __future__ import annotations

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.index.base import Ranking
from openitr.index.ranking import SLACK, best

_BLOCK = 2048  # rows gathered at once
_RESCORED = 128  # rows rescored at once, in double precision: they should stay in the cache
# Below this share of all rows, fetching the allowed ones costs less than scanning everything. Measured at 10,000 and
# 100,000 x 1024: 1 % costs a third to a half of a scan, 10 % twice a scan.
_GATHER_SHARE = 0.03


def scores_of(queries: Floats, values: Floats, rows: Ints) -> Floats:
    """Cosine of each query with each of ``rows``: (q, len(rows)) float32."""
    if len(rows) < _GATHER_SHARE * len(values):
        parts = [queries @ values[rows[s : s + _BLOCK]].T for s in range(0, len(rows), _BLOCK)]
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(queries), 0), np.float32)
    scores: Floats = (values @ queries.T).T
    in_place = len(rows) == len(values) and bool((rows == np.arange(len(rows))).all())
    return scores if in_place else scores[:, rows]


def rescored(query: Floats, values: Floats, ids: Ints, rows: Ints, scores: Floats, k: int) -> Ranking:
    """The k best. Where scores are too close to tell, they are summed again row by row, which gives equal vectors
    equal scores wherever they lie and however many queries were scored together.
    """
    if not len(ids):
        return Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32))
    places, first = best(np.arange(len(ids)), scores, k, slack=SLACK)
    close = np.flatnonzero(first[:-1] - first[1:] <= SLACK)
    if not len(close):
        return Ranking(ids[places[:k]], first[:k])
    exact = np.array(first, np.float32)
    unsure = np.unique(np.concatenate([close, close + 1]))
    wide = query.astype(np.float64)
    for start in range(0, len(unsure), _RESCORED):
        chosen = unsure[start : start + _RESCORED]
        exact[chosen] = (values[rows[places[chosen]]] * wide).sum(axis=1)
    return Ranking(*best(ids[places], exact, k))
