"""Where an improvement comes from: the same training with one thing changed at a time, over several seeds.

A method's number depends on its seed, its batch size, its schedule and more. A gain counts only when it exceeds what
the seeds alone do; how much of all variance each factor explains is its share in an analysis of variance:

    SS_total = sum over runs (y - mean)^2
    share of factor f     = sum over its levels  n_level (mean of level - mean)^2 / SS_total
    share of the seed     = sum over cells, over their runs (y - mean of cell)^2 / SS_total
    share of interactions = what is left, so that the shares sum to 1

A factor that does nothing still has a share of about (levels - 1) / (runs - 1), by chance.

References:
    Rao et al. 2022, "Where Does the Performance Improvement Come From? A Reproducibility Concern about Image-Text
    Retrieval" (SIGIR). The tests over seeds are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Literal, TypeAlias

import numpy as np

from openitr.errors import InputError
from openitr.evaluate.means import MeanDifference, welch

Setting: TypeAlias = str | int | float | bool
Settings: TypeAlias = Mapping[str, Setting]
Train: TypeAlias = Callable[[Settings, int], float]

_EXACT = 20_000


@dataclass(frozen=True)
class TrainedRun:
    """One training: everything needed to have its number again.

    Args:
        settings: Factor to level.
        seed: As given to the training.
        value: The number it reached, such as R@1 or RSUM.
        data_hash: Of the data it saw.
    """

    settings: Settings
    seed: int
    value: float
    data_hash: str


@dataclass(frozen=True)
class Cell:
    """All runs of one setting.

    Args:
        settings: Factor to level.
        values: One for each seed.
    """

    settings: Settings
    values: Sequence[float]

    @property
    def mean(self) -> float:
        """Over seeds."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        """Over seeds, n - 1 in the denominator."""
        return float(np.std(self.values, ddof=1))


@dataclass(frozen=True)
class SeedVerdict:
    """One setting against another.

    Args:
        over_seeds: Difference of the means with its t interval.
        p: Of the test that was asked for.
        verdict: "significant", or "within-noise" where the seeds explain the difference.
    """

    over_seeds: MeanDifference
    p: float
    verdict: Literal["significant", "within-noise"]


@dataclass(frozen=True, eq=False)
class ReproStudy:
    """Every cell of a grid, every seed.

    Args:
        factors: Factor to its levels.
        runs: All runs.
    """

    factors: Mapping[str, Sequence[Setting]]
    runs: Sequence[TrainedRun]

    @property
    def cells(self) -> list[Cell]:
        """The settings with their values, in the order of the grid."""
        found: dict[tuple[Setting, ...], list[float]] = {}
        for run in self.runs:
            found.setdefault(tuple(run.settings[name] for name in self.factors), []).append(run.value)
        return [Cell(dict(zip(self.factors, levels, strict=True)), values) for levels, values in found.items()]

    def cell(self, **settings: Setting) -> Cell:
        """The cell with these settings.

        Raises:
            InputError: There is none, or several.
        """
        found = [one for one in self.cells if all(one.settings.get(key) == level for key, level in settings.items())]
        if len(found) != 1:
            raise InputError(f"{len(found)} cells have {settings}", f"name one level each of {', '.join(self.factors)}")
        return found[0]

    def shares(self) -> dict[str, float]:
        """Share of the variance that each factor, the interactions and the seed explain; they sum to 1.

        All are 0 where nothing varies at all.
        """
        values = np.array([run.value for run in self.runs])
        mean = values.mean()
        total = float(((values - mean) ** 2).sum())
        if total <= 1e-24 * max(1.0, float(values @ values)):
            return dict.fromkeys([*self.factors, "interactions", "seed"], 0.0)
        found = {}
        for name, levels in self.factors.items():
            members = [np.array([run.settings[name] == level for run in self.runs]) for level in levels]
            found[name] = float(sum(at.sum() * (values[at].mean() - mean) ** 2 for at in members)) / total
        within = sum(float(((np.array(cell.values) - cell.mean) ** 2).sum()) for cell in self.cells) / total
        return {**found, "interactions": max(0.0, 1 - within - sum(found.values())), "seed": within}

    def against(
        self,
        first: Settings,
        second: Settings,
        *,
        test: Literal["t", "permutation"] = "t",
        level: float = 0.95,
    ) -> SeedVerdict:
        """Whether one setting's number exceeds another's by more than seeds do.

        Args:
            first: Levels of one cell.
            second: Levels of the other.
            test: Welch's t test, or the permutation test over which runs belong to which cell (needs no normality, but
                with fewer than four seeds a side cannot fall below p = .05).
            level: Of the interval; p below 1 - level is significant.
        """
        sides = [list(self.cell(**settings).values) for settings in (first, second)]
        return seed_verdict(sides[0], sides[1], test=test, level=level)

    def to_json(self) -> dict[str, Any]:
        """Cells, shares and every run, as plain data."""
        return {
            "cells": [{"settings": dict(one.settings), "mean": one.mean, "std": one.std} for one in self.cells],
            "shares": self.shares(),
            "runs": [
                {"settings": dict(run.settings), "seed": run.seed, "value": run.value, "data_hash": run.data_hash}
                for run in self.runs
            ],
        }


def repro_study(
    train: Train,
    grid: Mapping[str, Sequence[Setting]],
    seeds: Sequence[int],
    *,
    data_hash: str,
    disjoint: bool = True,
) -> ReproStudy:
    """Train every combination of a grid with every seed.

    Args:
        train: Settings and seed to the number that is compared; the same arguments must give the same number.
        grid: Factor to its levels.
        seeds: At least two, distinct.
        data_hash: Of the data that ``train`` uses; goes into every record.
        disjoint: Give each cell seeds of its own, so that cells share no luck; otherwise all use the same.

    Raises:
        InputError: No factor, a factor without levels or with one twice, fewer than two seeds, or a number that is not
            finite.

    >>> study = repro_study(lambda s, seed: s["lr"] * 10 + seed % 3 * 0.1, {"lr": [1, 2]}, [0, 1, 2], data_hash="none")
    >>> {name: round(share, 3) for name, share in study.shares().items()}
    {'lr': 1.0, 'interactions': 0.0, 'seed': 0.0}
    >>> study.against({"lr": 2}, {"lr": 1}).verdict
    'significant'
    """
    if not grid or any(not levels or len(set(levels)) != len(levels) for levels in grid.values()):
        raise InputError("the grid has no factor, or one without distinct levels", "for example {'batch': [64, 128]}")
    if len(set(seeds)) != len(seeds) or len(seeds) < 2:
        raise InputError(f"seeds are {list(seeds)}", "give at least two, each once")
    stride = max(seeds) - min(seeds) + 1
    runs = []
    for place, levels in enumerate(product(*grid.values())):
        settings = dict(zip(grid, levels, strict=True))
        for seed in seeds:
            used = seed + place * stride if disjoint else seed
            value = float(train(settings, used))
            if not math.isfinite(value):
                raise InputError(
                    f"training with {settings} and seed {used} came to {value}", "a finite number is needed"
                )
            runs.append(TrainedRun(settings, used, value, data_hash))
    return ReproStudy({name: list(levels) for name, levels in grid.items()}, runs)


def replay(train: Train, run: TrainedRun) -> bool:
    """Train again as the record says; whether the number comes out the same to the last bit."""
    return float(train(run.settings, run.seed)) == run.value


def seed_verdict(
    first: Sequence[float],
    second: Sequence[float],
    *,
    test: Literal["t", "permutation"] = "t",
    level: float = 0.95,
) -> SeedVerdict:
    """The same as :meth:`ReproStudy.against`, from the numbers of two sides.

    >>> seed_verdict([30.1, 30.4, 29.8], [30.0, 30.5, 30.2]).verdict
    'within-noise'
    """
    apart = welch(first, second, level)
    if test not in ("t", "permutation"):
        raise InputError(f"no test {test!r}", "use t or permutation")
    p = apart.p if test == "t" else permutation_p(first, second)
    return SeedVerdict(apart, p, "significant" if p < 1 - level else "within-noise")


def permutation_p(first: Sequence[float], second: Sequence[float], samples: int = 10_000, seed: int = 0) -> float:
    """Two-sided: how often runs dealt to two sides at random have means at least as far apart.

    All deals are tried where there are at most 20,000, else ``samples`` random ones.

    >>> permutation_p([3.0, 4.0], [1.0, 2.0])                       # 2 of the 6 deals
    0.3333333333333333
    """
    pool = np.array([*first, *second], np.float64)
    size, every = len(first), len(pool)
    if not 0 < size < every:
        raise InputError(f"{size} and {every - size} numbers", "each side needs one")
    reached = abs(np.mean(first) - np.mean(second)) - 1e-9 * float(np.abs(pool).max())
    if math.comb(every, size) <= _EXACT:
        deals = np.array(list(combinations(range(every), size)))
    else:
        rng = np.random.default_rng(seed)
        deals = np.argsort(rng.random((samples, every)), axis=1)[:, :size]
    sums = pool[deals].sum(axis=1)
    gaps = np.abs(sums / size - (pool.sum() - sums) / (every - size))
    further = int(np.count_nonzero(gaps >= reached))
    return further / len(deals) if len(deals) == math.comb(every, size) else (1 + further) / (1 + len(deals))
