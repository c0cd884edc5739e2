"""RSUM: the recalls of both directions added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def rsum(t2i: Mapping[str, float], i2t: Mapping[str, float], ks: Sequence[int] = (1, 5, 10)) -> float:
    """Sum of R@k over both directions, 0 to 600 for the three usual cutoffs (Chen et al. 2020, "IMRAM", and others).

    >>> rsum({"R@1": 50.0, "R@5": 80.0, "R@10": 90.0}, {"R@1": 60.0, "R@5": 85.0, "R@10": 95.0})
    460.0
    """
    return sum(way[f"R@{k}"] for way in (t2i, i2t) for k in ks)
