"""Normalised discounted cumulative gain, for graded relevance.

    DCG@k  = sum over relevant documents with rank <= k of  gain(grade) / log2(rank + 1)
    nDCG@k = DCG@k / (DCG@k of all relevant documents of the query in their best order)

    nDCG       gain(g) = g          Järvelin & Kekäläinen 2002; trec_eval, scikit-learn, ranx's ndcg
    nDCG_exp   gain(g) = 2^g - 1    Burges et al. 2005; ranx's ndcg_burges

The best order is taken over everything that is relevant, found or not. Where a run is cut at k, INQUIRE reaches the
same by appending the missing positives with the lowest scores ("pseudo positives").
"""

from __future__ import annotations

import numpy as np

from openitr.evaluate.judging import Judged
from openitr.evaluate.metrics.family import Family, Numbers

_ALL = np.iinfo(np.int64).max


def _share(judged: Judged, gained: Numbers, best: Numbers, k: int) -> Numbers:
    found = judged.add(gained / np.log2(judged.ranks + 1.0) * (judged.ranks <= k))
    sizes = judged.relevant
    place = np.arange(len(best)) - np.repeat(judged.ideal_offsets[:-1], sizes) + 1
    owner = np.repeat(np.arange(len(judged)), sizes)
    most = np.bincount(owner, weights=best / np.log2(place + 1.0) * (place <= k), minlength=len(judged))
    return found / most


def ndcg_at(judged: Judged, k: int) -> Numbers:
    """(n,) nDCG of the first ``k`` with the grade as gain."""
    return _share(judged, judged.grades, judged.ideal, k)


def ndcg_exp_at(judged: Judged, k: int) -> Numbers:
    """(n,) nDCG of the first ``k`` with 2^grade - 1 as gain."""
    return _share(judged, np.exp2(judged.grades) - 1, np.exp2(judged.ideal) - 1, k)


FAMILIES = (
    Family("nDCG", "mean of DCG / best DCG, gain = grade, whole ranking", lambda j, k: ndcg_at(j, _ALL), False),
    Family("nDCG", "mean of DCG@{k} / best DCG@{k}, gain = grade, discount log2(rank + 1)", ndcg_at),
    Family("nDCG_exp", "mean of DCG@{k} / best DCG@{k}, gain = 2^grade - 1, discount log2(rank + 1)", ndcg_exp_at),
)
