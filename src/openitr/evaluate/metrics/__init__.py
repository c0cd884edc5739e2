"""Metrics, one file per family; every number says what it counts.

A metric of rankings is asked for by name, ``metric("nDCG@10")``; :func:`listing` names all of them with their
definitions. What is not a ranking of documents has functions of its own: boxes, moments, sessions, composed queries,
languages, calibration.
"""

from __future__ import annotations

from openitr.errors import InputError
from openitr.evaluate.metrics import average_precision, ndcg, position, precision, recall
from openitr.evaluate.metrics.family import Family, Metric
from openitr.evaluate.metrics.position import (
    KS,
    all_metrics,
    mean_average_precision,
    mean_rank,
    median_rank,
    recall_at,
)

FAMILIES: tuple[Family, ...] = (
    *recall.FAMILIES,
    *precision.FAMILIES,
    *average_precision.FAMILIES,
    *ndcg.FAMILIES,
    *position.FAMILIES,
)

__all__ = [
    "FAMILIES",
    "KS",
    "Family",
    "Metric",
    "all_metrics",
    "listing",
    "mean_average_precision",
    "mean_rank",
    "median_rank",
    "metric",
    "recall_at",
]


def metric(name: str) -> Metric:
    """The metric of that name, ``FAMILY`` or ``FAMILY@k``.

    Raises:
        InputError: There is none; the message names those there are.

    >>> metric("Recall@5").definition
    "mean share of a query's relevant documents that stand within the first 5"
    """
    for family in FAMILIES:
        if not family.cut and family.name == name:
            return family.at()
    start, at, k = name.rpartition("@")
    if at and k.isascii() and k.isdigit():
        for family in FAMILIES:
            if family.cut and family.name == start:
                return family.at(int(k))
    raise InputError(f"no metric {name!r}", f"use one of: {', '.join(_names())} (any k)")


def listing() -> str:
    """A line for each metric: its name and what it counts."""
    return "\n".join(
        f"{name:16} {family.definition.format(k='k')}" for name, family in zip(_names(), FAMILIES, strict=True)
    )


def _names() -> list[str]:
    return [f"{family.name}@k" if family.cut else family.name for family in FAMILIES]
