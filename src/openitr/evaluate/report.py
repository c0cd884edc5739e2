"""The numbers of an evaluation, with the protocol they were had under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openitr.evaluate.bootstrap import Interval

RSUM = ("R@1", "R@5", "R@10")


@dataclass(frozen=True, eq=False)
class Report:
    """Both directions of retrieval.

    Args:
        t2i: Text to image: R@1, R@5, R@10, mAP in percent, MedR and MeanR as ranks.
        i2t: Image to text, the same.
        intervals: 95% intervals by direction and metric, "RSUM" under "sum"; empty when none were drawn.
        protocol: Everything needed to have the numbers again.

    >>> numbers = {"R@1": 50.0, "R@5": 80.0, "R@10": 90.0, "MedR": 1.5, "MeanR": 3.0, "mAP": 60.0}
    >>> report = Report(numbers, numbers, {}, {"seed": 0})
    >>> report.rsum
    440.0
    >>> report.table()[1][0]
    ['R@1', '50.0', '50.0']
    """

    t2i: Mapping[str, float]
    i2t: Mapping[str, float]
    intervals: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rsum(self) -> float:
        """Sum of the six recalls, 0 to 600."""
        return sum(direction[name] for direction in (self.t2i, self.i2t) for name in RSUM)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Column heads and rows for people, intervals beside the numbers."""
        rows = [[name, self._cell("t2i", name), self._cell("i2t", name)] for name in self.t2i]
        return ["", "text to image", "image to text"], rows

    def _cell(self, direction: str, name: str) -> str:
        value = f"{(self.t2i if direction == 't2i' else self.i2t)[name]:.1f}"
        around = self.intervals.get(direction, {}).get(name)
        return f"{value} [{around[0]:.1f}, {around[1]:.1f}]" if around else value

    def to_json(self) -> dict[str, Any]:
        """As ``openitr eval --json`` prints it."""
        return {
            "t2i": _rounded(self.t2i),
            "i2t": _rounded(self.i2t),
            "RSUM": round(self.rsum, 4),
            "intervals": {
                direction: {name: [round(low, 4), round(high, 4)] for name, (low, high) in found.items()}
                for direction, found in self.intervals.items()
            },
            "protocol": dict(self.protocol),
        }


def _rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in numbers.items()}
