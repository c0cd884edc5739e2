"""Numbers from ranks: recall at k, median and mean rank, mean average precision.

Recall@k is what the field of image-text retrieval calls so: the share of queries with at least one right answer within
the first k (Karpathy & Fei-Fei 2015, section 4.1; elsewhere it is named hit rate or success at k).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError
from openitr.evaluate.ranks import Ranks

KS = (1, 5, 10)


def recall_at(ranks: Ranks, k: int) -> float:
    """Percent of queries whose best right answer stands within the first ``k``.

    >>> recall_at(Ranks(np.arange(4), np.array([1, 2, 5, 11]), np.ones(4), 20), 5)
    75.0
    """
    return 100.0 * float(np.mean(_asked(ranks) <= k))


def median_rank(ranks: Ranks) -> float:
    """Median of the first ranks, 1 is best; the mean of the middle two when their number is even.

    >>> median_rank(Ranks(np.arange(4), np.array([1, 2, 5, 11]), np.ones(4), 20))
    3.5
    """
    return float(np.median(_asked(ranks)))


def mean_rank(ranks: Ranks) -> float:
    """Mean of the first ranks, 1 is best."""
    return float(np.mean(_asked(ranks)))


def mean_average_precision(ranks: Ranks) -> float:
    """Mean average precision over queries, in percent, every right answer counted."""
    _asked(ranks)
    return 100.0 * float(np.mean(ranks.average_precision))


def all_metrics(ranks: Ranks) -> dict[str, float]:
    """Every metric of one direction by its name.

    >>> all_metrics(Ranks(np.arange(2), np.array([1, 3]), np.array([1.0, 0.25]), 9))
    {'R@1': 50.0, 'R@5': 100.0, 'R@10': 100.0, 'MedR': 2.0, 'MeanR': 2.0, 'mAP': 62.5}
    """
    recalls = {f"R@{k}": recall_at(ranks, k) for k in KS}
    return {
        **recalls,
        "MedR": median_rank(ranks),
        "MeanR": mean_rank(ranks),
        "mAP": mean_average_precision(ranks),
    }


def _asked(ranks: Ranks) -> npt.NDArray[np.int64]:
    if not len(ranks.first):
        raise InputError("no query has a right answer", "there is nothing to measure; check the split and language")
    return ranks.first
