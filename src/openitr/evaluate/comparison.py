"""Several models on the same pictures and texts: who is better, by how much, and whether that is more than chance.

Every pair of models is compared by the six recalls and by RSUM. The p-value of each is that of the paired randomisation
test over pictures (:mod:`openitr.evaluate.significance`); where both sides bring several runs, such as one per seed, it
is the larger of that and of Welch's t test over the runs, so a difference counts only when neither the choice of
pictures nor that of seeds explains it. Holm's correction covers all numbers of all pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.datasets.pairs import PairDataset
from openitr.embeddings import Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.evaluate.bootstrap import Interval, Resampling, interval
from openitr.evaluate.both import rank_both
from openitr.evaluate.means import MeanDifference, welch
from openitr.evaluate.metrics import KS
from openitr.evaluate.protocol import RULES, encode_pairs
from openitr.evaluate.significance import Difference, clusters, effect_size, holm, randomisation

NUMBERS = (*(f"{way} R@{k}" for way in ("t2i", "i2t") for k in KS), "RSUM")
LEVEL = 0.05
TESTS = {
    "p": "paired randomisation over pictures with their texts; with runs on both sides the larger of it and Welch's t",
    "correction": "Holm over all numbers of all pairs",
    "interval": "95% percentile bootstrap over pictures with their texts, same draws for all models",
    "effect": "mean of the pictures' differences over their standard deviation",
}

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What one run of a model got right: 1 or 0 for every query and cutoff.

    Args:
        t2i: (m, 3) of every text.
        i2t: (a, 3) of every picture that has a text.
        owner: (m,) picture of every text.
        asked: (a,) those pictures.
        pictures: How many there are, n.
    """

    t2i: Numbers
    i2t: Numbers
    owner: Ints
    asked: Ints
    pictures: int

    def numbers(self) -> Numbers:
        """(7,) the recalls in percent and RSUM, in the order of ``NUMBERS``."""
        six = 100 * np.concatenate([self.t2i.mean(axis=0), self.i2t.mean(axis=0)])
        return np.append(six, six.sum())

    def draws(self, resampling: Resampling) -> Numbers:
        """(samples, 7) the same of random draws of pictures."""
        ways = [resampling.mean(self.t2i, self.owner), resampling.mean(self.i2t, self.asked)]
        six = 100 * np.concatenate(ways, axis=1)
        return np.concatenate([six, six.sum(axis=1, keepdims=True)], axis=1)

    def parts(self) -> Numbers:
        """(n, 7) what each picture adds to the numbers."""
        ways = [clusters(self.t2i, self.owner, self.pictures), clusters(self.i2t, self.asked, self.pictures)]
        six = 100 * np.concatenate(ways, axis=1)
        return np.concatenate([six, six.sum(axis=1, keepdims=True)], axis=1)

    def minus(self, other: Answers) -> Answers:
        """Differences, query by query."""
        return Answers(self.t2i - other.t2i, self.i2t - other.i2t, self.owner, self.asked, self.pictures)


@dataclass(frozen=True)
class Standing:
    """One model in the table.

    Args:
        name: As the user called it.
        models: What was loaded, one for each run.
        fingerprints: Hashes of weights and preprocessing, one for each run.
        runs: Numbers by name, one mapping for each run.
        intervals: 95% of the mean over the runs, over pictures.
    """

    name: str
    models: Sequence[str]
    fingerprints: Sequence[str]
    runs: Sequence[Mapping[str, float]]
    intervals: Mapping[str, Interval]

    def mean(self, number: str) -> float:
        """Mean over the runs."""
        return float(np.mean([run[number] for run in self.runs]))

    def spread(self, number: str) -> float | None:
        """Standard deviation over the runs; None for a single one."""
        return float(np.std([run[number] for run in self.runs], ddof=1)) if len(self.runs) > 1 else None


@dataclass(frozen=True)
class Pairing:
    """One model against another by one number.

    Args:
        first: Name of the one.
        second: Name of the other.
        number: Which of ``NUMBERS``.
        over_pictures: First minus second, tested over pictures.
        over_runs: The same over runs; None unless both sides have several.
        p: The larger p-value of the two tests, after Holm's correction.
    """

    first: str
    second: str
    number: str
    over_pictures: Difference
    over_runs: MeanDifference | None
    p: float

    @property
    def better(self) -> str:
        """Name of the better one, "" where no difference is shown."""
        if self.p >= LEVEL or not self.over_pictures.value:
            return ""
        return self.first if self.over_pictures.value > 0 else self.second

    @property
    def half_width(self) -> float:
        """Half of the wider 95% interval, over pictures or over runs."""
        widths = [self.over_pictures.high - self.over_pictures.low]
        if self.over_runs is not None:
            widths.append(self.over_runs.high - self.over_runs.low)
        return max(widths) / 2

    @property
    def verdict(self) -> str:
        """In words."""
        gap, sure = self.over_pictures.value, f"± {self.half_width:.1f} ({p_text(self.p)}, Holm)"
        if self.better:
            other = self.second if self.better == self.first else self.first
            return f"{self.better} is better than {other} by {abs(gap):.1f} {sure}"
        return f"no difference shown between {self.first} and {self.second}: {gap:+.1f} {sure}"


@dataclass(frozen=True, eq=False)
class Comparison:
    """The whole table.

    Args:
        standings: The models, in the order they were named.
        pairings: Every pair by every number.
        protocol: Everything needed to have the numbers again.
    """

    standings: Sequence[Standing]
    pairings: Sequence[Pairing]
    protocol: Mapping[str, Any]

    def verdicts(self, number: str = "RSUM") -> list[str]:
        """What can be said of each pair by one number."""
        return [f"{number}: {pairing.verdict}" for pairing in self.pairings if pairing.number == number]


def compare(
    dataset: PairDataset,
    entrants: Mapping[str, Sequence[Encoder]],
    *,
    split: str | None = None,
    lang: str = "en",
    samples: int = 1000,
    swaps: int = 10_000,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Measure models on one dataset and test their differences.

    Args:
        dataset: The pairs.
        entrants: Name to its encoder, or to several runs of it (one per seed).
        split: As in :func:`openitr.evaluate.evaluate`.
        lang: As there.
        samples: Bootstrap draws.
        swaps: Random swaps of the tests.
        seed: Of both.
        progress: Called now and then with a line for people.

    Raises:
        InputError: Fewer than two entrants, or one without an encoder.
    """
    if len(entrants) < 2:
        raise InputError(f"{len(entrants)} model to compare", "name at least two")
    say = progress or (lambda line: None)
    answers: dict[str, list[Answers]] = {}
    marks: dict[str, list[tuple[str, str]]] = {}
    protocol: dict[str, Any] = {}
    for name, runs in entrants.items():
        if not runs:
            raise InputError(f"{name!r} has no model", "give at least one")
        for encoder in runs:

            def said(line: str, name: str = name) -> None:
                say(f"{name}: {line}")

            found = encode_pairs(dataset, encoder, split=split, lang=lang, progress=said)
            said("ranking")
            t2i, i2t = rank_both(found.images, found.texts, found.owner)
            within = [np.stack([way.first <= k for k in KS], axis=1).astype(np.float64) for way in (t2i, i2t)]
            made = Answers(within[0], within[1], found.owner, i2t.queries, len(found.picture_ids))
            answers.setdefault(name, []).append(made)
            marks.setdefault(name, []).append((encoder.spec, encoder.fingerprint))
            protocol = {key: value for key, value in found.protocol.items() if not key.startswith("model")}
    say("testing")
    standings, pairings = weigh(answers, marks, samples=samples, swaps=swaps, seed=seed)
    settings = {"seed": seed, "bootstrap_samples": samples, "swaps": swaps}
    rules = {key: RULES[key] for key in ("hit", "ties")}
    return Comparison(standings, pairings, {**protocol, **rules, **TESTS, **settings})


def weigh(
    answers: Mapping[str, Sequence[Answers]],
    marks: Mapping[str, Sequence[tuple[str, str]]],
    *,
    samples: int,
    swaps: int,
    seed: int,
) -> tuple[list[Standing], list[Pairing]]:
    """The table and the tests from what every run got right; ``marks`` has spec and fingerprint of each run."""
    draws = Resampling(next(iter(answers.values()))[0].pictures, samples, seed)
    merged = {name: _mean(runs) for name, runs in answers.items()}
    standings = []
    for name, runs in answers.items():
        drawn = merged[name].draws(draws)
        around = {number: interval(drawn[:, at]) for at, number in enumerate(NUMBERS)}
        numbers = [dict(zip(NUMBERS, run.numbers().tolist(), strict=True)) for run in runs]
        specs, prints = zip(*marks[name], strict=True)
        standings.append(Standing(name, specs, prints, numbers, around))
    raw: list[tuple[str, str, str, Difference, MeanDifference | None, float]] = []
    of = {standing.name: standing for standing in standings}
    for first, second in combinations(answers, 2):
        gap = merged[first].minus(merged[second])
        parts, values, drawn = gap.parts(), gap.numbers(), gap.draws(draws)
        chances = randomisation(parts, swaps, seed)
        for at, number in enumerate(NUMBERS):
            low, high = interval(drawn[:, at])
            over = Difference(float(values[at]), low, high, float(chances[at]), effect_size(parts[:, at]))
            sides = [[run[number] for run in of[name].runs] for name in (first, second)]
            runs_apart = welch(sides[0], sides[1]) if min(map(len, sides)) > 1 else None
            p = max(over.p, runs_apart.p) if runs_apart is not None else over.p
            raw.append((first, second, number, over, runs_apart, p))
    corrected = holm([row[-1] for row in raw])
    return standings, [Pairing(*row[:-1], p=p) for row, p in zip(raw, corrected, strict=True)]


def p_text(p: float) -> str:
    """A p-value as papers print it.

    >>> p_text(0.0321), p_text(0.00009)
    ('p=.032', 'p<.001')
    """
    return "p<.001" if p < 0.001 else f"p={p:.3f}".replace("0.", ".", 1)


def _mean(runs: Sequence[Answers]) -> Answers:
    one = runs[0]
    t2i = np.mean([run.t2i for run in runs], axis=0)
    return Answers(t2i, np.mean([run.i2t for run in runs], axis=0), one.owner, one.asked, one.pictures)
