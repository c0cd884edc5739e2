"""Where the first right answer stands: median and mean rank, reciprocal rank; and the classic table of a direction.

    MedR      median of the first ranks, 1 is best; the mean of the middle two when their number is even
    MeanR     their mean
    MRR@k     mean of 1 / first rank, 0 where it exceeds k        (Voorhees 1999)

A query whose right answers are not in its ranking has an infinite first rank: a mean rank needs whole rankings.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError
from openitr.evaluate.judging import Judged
from openitr.evaluate.metrics.family import Family, Numbers
from openitr.evaluate.ranks import Ranks

KS = (1, 5, 10)


def first_rank(judged: Judged, k: int = 0) -> Numbers:
    """(n,) rank of the first relevant document, infinite where none was found; ``k`` is not used."""
    return judged.first


def reciprocal_rank_at(judged: Judged, k: int) -> Numbers:
    """(n,) 1 / rank of the first relevant document, 0 where it stands behind ``k``."""
    return np.where(judged.first <= k, 1 / judged.first, 0.0)


def reciprocal_rank(judged: Judged, k: int = 0) -> Numbers:
    """(n,) 1 / rank of the first relevant document, 0 where none was found; ``k`` is not used."""
    return 1 / judged.first


FAMILIES = (
    Family("MedR", "median rank of the first relevant document, 1 is best", first_rank, False, "rank", "median"),
    Family("MeanR", "mean rank of the first relevant document, 1 is best", first_rank, False, "rank"),
    Family("MRR", "mean of 1 / rank of the first relevant document, whole ranking", reciprocal_rank, False),
    Family("MRR", "mean of 1 / rank of the first relevant document, 0 behind {k}", reciprocal_rank_at),
)


def recall_at(ranks: Ranks, k: int) -> float:
    """Percent of queries whose best right answer stands within the first ``k`` (R@k of image-text retrieval).

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
