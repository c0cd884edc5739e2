"""Average precision in its published forms; they differ in where it stops and what it is divided by.

With rank(j) the rank of the j-th relevant document, R the number of relevant documents, and j / rank(j) the precision
there:

    mAP          sum over all j of j / rank(j), divided by R                  trec_eval's map
    mAP@k        sum over rank(j) <= k, divided by min(R, k)                  CIRCO, INQUIRE, Qilin; 1 can be reached
    mAP_all@k    sum over rank(j) <= k, divided by R                          trec_eval's map_cut, ranx's map@k
    mAP@R        sum over rank(j) <= R, divided by R                          Musgrave et al. 2020; ECCV Caption

A relevant document that is not found adds nothing.
"""

from __future__ import annotations

import numpy as np

from openitr.evaluate.judging import Judged
from openitr.evaluate.metrics.family import Family, Numbers


def _sum(judged: Judged, within: object) -> Numbers:
    return judged.add(judged.nth / judged.ranks * np.asarray(within))


def average_precision(judged: Judged, k: int = 0) -> Numbers:
    """(n,) average precision over the whole ranking; ``k`` is not used."""
    return _sum(judged, 1.0) / judged.relevant


def average_precision_at(judged: Judged, k: int) -> Numbers:
    """(n,) average precision of the first ``k``, over the smaller of R and k."""
    return _sum(judged, judged.ranks <= k) / np.minimum(judged.relevant, k)


def average_precision_all_at(judged: Judged, k: int) -> Numbers:
    """(n,) average precision of the first ``k``, over R."""
    return _sum(judged, judged.ranks <= k) / judged.relevant


def average_precision_at_r(judged: Judged, k: int = 0) -> Numbers:
    """(n,) average precision of the first R, over R; ``k`` is not used."""
    return _sum(judged, judged.ranks <= np.repeat(judged.relevant, np.diff(judged.offsets))) / judged.relevant


FAMILIES = (
    Family("mAP@R", "mean of sum(precision at each hit within the first R) / R", average_precision_at_r, False),
    Family("mAP", "mean of sum(precision at each hit) / R, whole ranking", average_precision, False),
    Family("mAP", "mean of sum(precision at each hit within the first {k}) / min(R, {k})", average_precision_at),
    Family("mAP_all", "mean of sum(precision at each hit within the first {k}) / R", average_precision_all_at),
)
