"""Three numbers that papers call recall at k, under three names.

With ``hits`` the number of relevant documents among the first k, and R the number of all relevant ones:

    R@k             1 if hits >= 1            image-text retrieval (Karpathy & Fei-Fei 2015, section 4.1); elsewhere
                                              hit rate or success
    Recall@k        hits / R                  information retrieval (trec_eval's recall, ranx's recall); at most k / R
    CappedRecall@k  hits / min(R, k)          BEIR (Thakur et al. 2021); 1 can always be reached

For one relevant document all three are the same.
"""

from __future__ import annotations

import numpy as np

from openitr.evaluate.judging import Judged
from openitr.evaluate.metrics.family import Family, Numbers


def hit_at(judged: Judged, k: int) -> Numbers:
    """(n,) 1 where a relevant document stands within the first ``k``, else 0."""
    return (judged.first <= k).astype(np.float64)


def hits_within(judged: Judged, k: int) -> Numbers:
    """(n,) how many relevant documents stand within the first ``k``."""
    return judged.add(judged.ranks <= k)


def recall_share_at(judged: Judged, k: int) -> Numbers:
    """(n,) share of a query's relevant documents that stand within the first ``k``."""
    return hits_within(judged, k) / judged.relevant


def capped_recall_at(judged: Judged, k: int) -> Numbers:
    """(n,) relevant documents within the first ``k``, over the most there could be."""
    return hits_within(judged, k) / np.minimum(judged.relevant, k)


FAMILIES = (
    Family("R", "share of queries with at least one relevant document within the first {k}", hit_at),
    Family("Recall", "mean share of a query's relevant documents that stand within the first {k}", recall_share_at),
    Family(
        "CappedRecall",
        "mean of (relevant within the first {k}) / min(all relevant, {k})",
        capped_recall_at,
    ),
)
