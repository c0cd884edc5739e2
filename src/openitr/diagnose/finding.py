"""A finding: one number about a model, what it means for the people who use it, and what they can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from openitr.errors import InputError

Level = Literal["fine", "mind", "bad", "open"]
LEVELS: tuple[Level, ...] = ("bad", "mind", "open", "fine")
"""From what a user must know first to what needs no thought; "open" is what could not be told."""


@dataclass(frozen=True)
class Table:
    """Numbers beside a finding: column heads, and rows of text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Args:
        key: Stable name for programs ("modality-gap").
        title: A sentence in plain words that says what was found.
        level: "fine", "mind", "bad", or "open" where it could not be told.
        number: The one number, in words with its unit.
        means: What that means for somebody who uses the model.
        do: What to do about it; "" where there is nothing to do.
        measured: Every number by its name, for programs.
        tables: For people.

    Raises:
        InputError: An unknown level, or a part without words.

    >>> Finding("hubs", "No picture crowds the others out.", "fine", "skew 0.3", "Every picture is found.").level
    'fine'
    """

    key: str
    title: str
    level: Level
    number: str
    means: str
    do: str = ""
    measured: Mapping[str, float] = field(default_factory=dict)
    tables: Sequence[Table] = ()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise InputError(f"{self.level!r} is no level of a finding", "use " + ", ".join(LEVELS))
        if not (self.key and self.title and self.number and self.means):
            raise InputError(f"the finding {self.key!r} lacks words", "give key, title, number and means")

    def to_json(self) -> dict[str, Any]:
        """As plain data; numbers that are not finite become null."""
        return {
            "key": self.key,
            "title": self.title,
            "level": self.level,
            "number": self.number,
            "means": self.means,
            "do": self.do,
            "measured": {name: _plain(value) for name, value in self.measured.items()},
            "tables": [{"columns": list(t.columns), "rows": [list(row) for row in t.rows]} for t in self.tables],
        }


def percent(share: float) -> str:
    """A share for people.

    >>> percent(0.2345), percent(0.0)
    ('23 %', '0 %')
    """
    return f"{100 * share:.0f} %"


def _plain(value: float) -> float | int | None:
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() else round(number, 6)
