"""Precision: how much of what is shown is relevant.

P@k           (relevant within the first k) / k, also where fewer than k documents are ranked (trec_eval)
R-Precision   (relevant within the first R) / R, R the number of all relevant documents of the query
"""

from __future__ import annotations

import numpy as np

from openitr.evaluate.judging import Judged
from openitr.evaluate.metrics.family import Family, Numbers
from openitr.evaluate.metrics.recall import hits_within


def precision_at(judged: Judged, k: int) -> Numbers:
    """(n,) share of the first ``k`` places that hold a relevant document."""
    return hits_within(judged, k) / k


def r_precision(judged: Judged, k: int = 0) -> Numbers:
    """(n,) precision at the number of relevant documents; ``k`` is not used."""
    wanted = judged.relevant
    return judged.add(judged.ranks <= np.repeat(wanted, np.diff(judged.offsets))) / wanted


FAMILIES = (
    Family("P", "mean of (relevant within the first {k}) / {k}", precision_at),
    Family("R-Precision", "mean of (relevant within the first R) / R, R = all relevant ones", r_precision, False),
)
