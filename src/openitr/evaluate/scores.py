"""Numbers of a run: per query, together, and per group, each with what it counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError
from openitr.evaluate.judging import Judged, Missing, Ties, judge
from openitr.evaluate.metrics import Metric, metric
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.run import Run

Groups = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, eq=False)
class Scores(Mapping[str, float]):
    """Metric name to its number; shares in percent, ranks as ranks.

    Args:
        queries: The n query ids that count.
        metrics: What was measured.
        per_query: Metric name to (n,) numbers, one for each query; shares as 0 to 1.
        protocol: How ties and missing queries were treated, and how many there were.
        members: Group name to the rows of its queries; a query may be in several groups.
    """

    queries: Sequence[str]
    metrics: Sequence[Metric]
    per_query: Mapping[str, npt.NDArray[np.float64]]
    protocol: Mapping[str, str | int]
    members: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self._metric(name).of(self.per_query[name])

    def __iter__(self) -> Any:
        return iter(self.per_query)

    def __len__(self) -> int:
        return len(self.per_query)

    @property
    def definitions(self) -> dict[str, str]:
        """What each metric counts."""
        return {one.name: one.definition for one in self.metrics}

    @property
    def groups(self) -> dict[str, dict[str, float]]:
        """Group name to its numbers."""
        return {
            group: {one.name: one.of(self.per_query[one.name][rows]) for one in self.metrics}
            for group, rows in self.members.items()
        }

    def macro(self, name: str) -> float:
        """Mean of a metric over groups, each group counting the same.

        Raises:
            InputError: There are no groups.
        """
        if not self.members:
            raise InputError("there are no groups", "give groups to evaluate_run")
        one = self._metric(name)
        return float(np.mean([one.of(self.per_query[name][rows]) for rows in self.members.values()]))

    def by_query(self, name: str) -> dict[str, float]:
        """Query id to its number, shares in percent."""
        numbers = self.per_query[self._metric(name).name] * self._metric(name).scale
        return dict(zip(self.queries, numbers.tolist(), strict=True))

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Column heads and rows for people: all queries, then each group, then the mean of the groups."""
        names = list(self.per_query)
        rows = [["all", f"{len(self.queries):,}", *(f"{self[name]:.1f}" for name in names)]]
        for group, found in self.groups.items():
            rows.append([group, f"{len(self.members[group]):,}", *(f"{found[name]:.1f}" for name in names)])
        if self.members:
            rows.append(["mean of groups", "", *(f"{self.macro(name):.1f}" for name in names)])
        return ["", "queries", *names], rows

    def to_json(self) -> dict[str, Any]:
        """Everything but the single queries, as plain data; an infinite rank is null."""
        return {
            "scores": {name: _plain(self[name]) for name in self.per_query},
            "groups": {g: {name: _plain(value) for name, value in found.items()} for g, found in self.groups.items()},
            "definitions": self.definitions,
            "protocol": dict(self.protocol),
        }

    def _metric(self, name: str) -> Metric:
        for one in self.metrics:
            if one.name == name:
                return one
        raise InputError(f"{name!r} was not measured", f"there is: {', '.join(self.per_query)}")


def evaluate_run(
    run: Run,
    qrels: Qrels,
    metrics: Sequence[str],
    *,
    ties: Ties = "against",
    missing: Missing = "zero",
    groups: Groups | None = None,
) -> Scores:
    """Measure a run.

    Args:
        run: What was answered.
        qrels: What is right.
        metrics: Names such as "R@1", "nDCG@10", "mAP@50", "MedR"; see :mod:`openitr.evaluate.metrics`.
        ties: Who stands in front among equal scores: "against" the model, "for" it, as "given", or as "trec" has it.
        missing: A judged query that the run does not answer counts "zero", or is left out ("skip").
        groups: Query id to the name of its group, or names of its groups, for numbers per group.

    Raises:
        InputError: An unknown metric or rule, or no query left to measure.

    >>> run = Run({"q1": {"a": 3, "b": 2, "c": 1}, "q2": {"a": 2, "b": 1}})
    >>> scores = evaluate_run(run, Qrels.of_sets({"q1": ["b"], "q2": ["a", "c"]}), ["R@1", "Recall@2", "MRR@10"])
    >>> dict(scores)
    {'R@1': 50.0, 'Recall@2': 75.0, 'MRR@10': 75.0}
    """
    return score(judge(run, qrels, ties=ties, missing=missing), metrics, groups)


def score(judged: Judged, metrics: Sequence[str], groups: Groups | None = None) -> Scores:
    """Measure what was judged; arguments as in :func:`evaluate_run`."""
    if not metrics:
        raise InputError("no metric was named", 'for example ["R@1", "R@5", "R@10"]')
    chosen = [metric(name) for name in dict.fromkeys(metrics)]
    values = {one.name: np.asarray(one.per_query(judged), np.float64) for one in chosen}
    return Scores(judged.queries, chosen, values, dict(judged.rules), _members(judged.queries, groups))


def _members(queries: Sequence[str], groups: Groups | None) -> dict[str, npt.NDArray[np.int64]]:
    found: dict[str, list[int]] = {}
    for row, query in enumerate(queries):
        named = (groups or {}).get(query, ())
        for group in dict.fromkeys([named] if isinstance(named, str) else named):
            found.setdefault(group, []).append(row)
    return {group: np.array(found[group], np.int64) for group in sorted(found)}


def _plain(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
