"""The card of a published system: what it claims, and the experiment in miniature that shows it here, or does not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from openitr.errors import DatasetError, InputError

Number: TypeAlias = float | int | str


@dataclass(frozen=True)
class Budget:
    """What an experiment may spend.

    Args:
        seconds: Wall time it should stay within on two quiet cores; it shrinks its own sizes to fit.
        seed: Of everything random in it.

    >>> Budget(seconds=60).left <= 60
    True
    """

    seconds: float = 60.0
    seed: int = 0
    _began: float = field(default_factory=time.monotonic, repr=False)

    @property
    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.seconds - (time.monotonic() - self._began))

    def steps(self, per_second: float) -> int:
        """Steps of training for the seconds that were given, not for the clock: the same call gives the same numbers.

        >>> Budget(seconds=60).steps(4)
        240
        """
        return max(1, round(per_second * self.seconds))

    def data(self, name: str) -> Path:
        """The folder of real pairs called ``name``, below the one that OPENITR_DATA names.

        Raises:
            DatasetError: OPENITR_DATA is not set, or has no such folder.
        """
        home = os.environ.get("OPENITR_DATA", "")
        if not home:
            raise DatasetError(
                f"this experiment needs the real pairs {name!r}", "set OPENITR_DATA to the folder they are in"
            )
        found = Path(home) / name
        if not found.is_dir():
            raise DatasetError(f"{found} is not there", "OPENITR_DATA must name the folder of real pairs")
        return found


@dataclass(frozen=True)
class Check:
    """One thing that a system is held to.

    Args:
        claim: In words, with the threshold ("T2I R@1 falls more with near distractors than with random ones").
        measured: Numbers by name; a name stands once on a card.
        passed: Whether the numbers bear the claim out.
        counts: False for what is reported and not asserted.
    """

    claim: str
    measured: Mapping[str, Number]
    passed: bool
    counts: bool = True

    def to_json(self) -> dict[str, Any]:
        """As plain data, numbers rounded to six digits."""
        return {
            "claim": self.claim,
            "measured": {name: _plain(value) for name, value in self.measured.items()},
            "passed": bool(self.passed),
            "counts": self.counts,
        }


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Args:
        checks: At least one.
        data: What it ran on, with sizes, in words.
        notes: What a reader of the numbers must know.

    Raises:
        InputError: No check, or a number named twice.

    >>> Outcome([Check("two is more than one", {"two": 2, "one": 1}, True)], "arithmetic").shown
    True
    """

    checks: Sequence[Check]
    data: str
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        names = [name for check in self.checks for name in check.measured]
        if not self.checks:
            raise InputError("an outcome without a check shows nothing", "say what was measured")
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InputError(f"the number {twice[0]!r} stands twice on a card", "give every number a name of its own")

    @property
    def shown(self) -> bool:
        """Whether every check that counts passed; an outcome that only reports is not shown."""
        counting = [check for check in self.checks if check.counts]
        return bool(counting) and all(check.passed for check in counting)

    @property
    def measured(self) -> dict[str, Number]:
        """Every number by its name."""
        return {name: _plain(value) for check in self.checks for name, value in check.measured.items()}


@dataclass(frozen=True)
class Card:
    """A published system in this house.

    Args:
        slug: Its name on the command line.
        title: As published.
        year: Of publication.
        family: The room or family of rooms it belongs to.
        claim: What its authors claim, in a sentence.
        parts: Dotted names of what it uses of this package.
        experiment: Runs the miniature.
    """

    slug: str
    title: str
    year: int
    family: str
    claim: str
    parts: tuple[str, ...]
    experiment: Callable[[Budget], Outcome]

    def to_json(self) -> dict[str, Any]:
        """The card as ``openitr systems --json`` lists it."""
        return {
            "slug": self.slug,
            "title": self.title,
            "year": self.year,
            "family": self.family,
            "claim": self.claim,
            "parts": list(self.parts),
        }


def averages(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """What several seeds gave, as one number each.

    >>> averages({"plain": [1.0, 2.0], "ours": [4.0, 4.0]})
    {'plain': 1.5, 'ours': 4.0}
    """
    return {name: sum(values) / len(values) for name, values in found.items()}


def numbers(what: str, found: Mapping[str, float], digits: int) -> dict[str, Number]:
    """One measure of several things, as a check names it.

    >>> numbers("R@1", {"plain": 12.345, "ours": 13.0}, 2)
    {'R@1, plain': 12.35, 'R@1, ours': 13.0}
    """
    return {f"{what}, {name}": round(value, digits) for name, value in found.items()}


def _plain(value: Any) -> Number:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or float(value) != float(value) or float(value) in (float("inf"), float("-inf")):
        return str(value)
    return int(value) if float(value).is_integer() and abs(float(value)) < 1e15 else float(f"{float(value):.6g}")
