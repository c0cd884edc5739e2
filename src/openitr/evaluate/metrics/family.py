"""What a metric is: a number per query, the way to sum them up, and the words that say what was counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError
from openitr.evaluate.judging import Judged

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """One column of a table.

    Args:
        name: As it is asked for and printed, "nDCG@10".
        definition: What it counts, in one sentence.
        per_query: (n,) numbers from n judged queries, shares as 0 to 1.
        unit: "%" for shares, which are shown times 100, or "rank".
        summary: How the numbers of all queries become one.
    """

    name: str
    definition: str
    per_query: Callable[[Judged], Numbers]
    unit: Literal["%", "rank"] = "%"
    summary: Literal["mean", "median"] = "mean"

    def of(self, values: Numbers) -> float:
        """Sum the numbers of queries up; shares become percent.

        >>> Metric("R@1", "", lambda judged: judged.first <= 1).of(np.array([1.0, 0.0, 0.0, 1.0]))
        50.0
        """
        if not len(values):
            raise InputError(f"{self.name} of no query", "there is nothing to measure")
        return float(np.median(values) if self.summary == "median" else np.mean(values)) * self.scale

    @property
    def scale(self) -> float:
        """What a query's number is multiplied by where people read it."""
        return 100.0 if self.unit == "%" else 1.0


@dataclass(frozen=True)
class Family:
    """Metrics that differ by their cutoff k alone.

    Args:
        name: Of the family; a member is called ``NAME@k``.
        definition: With ``{k}`` where the cutoff is named.
        per_query: As of a :class:`Metric`, with the cutoff as second argument.
        cut: Whether a cutoff is needed; a family without one has the single member ``NAME``.
        unit, summary: As of a :class:`Metric`.
    """

    name: str
    definition: str
    per_query: Callable[[Judged, int], Numbers]
    cut: bool = True
    unit: Literal["%", "rank"] = "%"
    summary: Literal["mean", "median"] = "mean"

    def at(self, k: int = 0) -> Metric:
        """The member with cutoff ``k``; 0 for a family without cutoffs.

        Raises:
            InputError: A cutoff below 1, or one for a family that has none.
        """
        if self.cut and k < 1:
            raise InputError(f"{self.name}@{k} has no meaning", "the cutoff is 1 or more")
        name = f"{self.name}@{k}" if self.cut else self.name
        words = self.definition.format(k=k)
        return Metric(name, words, lambda judged: self.per_query(judged, k), self.unit, self.summary)
