"""Numbers by language: recall of a run, classes that a language names, whether two numbers agree over languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.run import Run
from openitr.evaluate.scores import Scores, evaluate_run


@dataclass(frozen=True)
class LabelSet:
    """The classes that a language has a name for.

    Args:
        indices: Class numbers, each once.
        labels: Their names in the language.

    Raises:
        InputError: Not one label for each index, or a class that stands twice.

    >>> LabelSet((0, 7), ("Schleie", "Hahn")).indices
    (0, 7)
    """

    indices: tuple[int, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.indices) != len(self.labels):
            raise InputError(f"{len(self.indices)} classes, {len(self.labels)} labels", "one label for each class")
        if len(set(self.indices)) != len(self.indices):
            raise InputError("a class stands twice", "each class has one label in a language")


@dataclass(frozen=True)
class LanguageRecall:
    """Recall of every language that was asked in, and the mean that counts each of them the same.

    Args:
        by_language: Language to {metric: percent}.
        macro: {metric: percent}; languages without a query do not count.
        scores: All numbers, per query.
    """

    by_language: Mapping[str, Mapping[str, float]]
    macro: Mapping[str, float]
    scores: Scores


def per_language_recall(
    run: Run, qrels: Qrels, language_of: Mapping[str, str], metrics: Sequence[str] = ("R@1", "R@3", "R@5")
) -> LanguageRecall:
    """Measure a run over queries of many languages, language by language (WIT reports R@1, R@3, R@5 so).

    All texts of a picture, in whatever language, are right when the judgements say so; nothing here restricts a
    query's answers to its own language.

    Args:
        run: What was answered.
        qrels: What is right.
        language_of: Language of each query.
        metrics: Names as for :func:`openitr.evaluate.evaluate_run`.

    Raises:
        InputError: A judged query without a language.

    >>> run = Run({"1": {"a": 2, "b": 1}, "2": {"a": 2, "b": 1}, "3": {"a": 1, "b": 2}})
    >>> found = per_language_recall(
    ...     run, Qrels.of_sets({"1": ["a"], "2": ["b"], "3": ["b"]}), {"1": "de", "2": "de", "3": "ja"}, ["R@1"])
    >>> found.by_language["de"], found.macro
    ({'R@1': 50.0}, {'R@1': 75.0})
    """
    lost = [query for query in qrels if query not in language_of]
    if lost:
        raise InputError(f"{len(lost)} judged queries have no language, first {lost[0]!r}", "name one for each")
    scores = evaluate_run(run, qrels, metrics, groups=dict(language_of))
    return LanguageRecall(scores.groups, {name: scores.macro(name) for name in scores}, scores)


@dataclass(frozen=True)
class Correlation:
    """How two numbers go together over languages or models.

    Args:
        pearson: Of the numbers.
        spearman: Of their ranks, ties at their mean rank.
        n: How many pairs.
        left_out: Names that only one of the two has.
    """

    pearson: float
    spearman: float
    n: int
    left_out: tuple[str, ...] = ()


def correlate(one: Mapping[str, float], other: Mapping[str, float]) -> Correlation:
    """Correlate two numbers over the names that both have.

    Raises:
        InputError: Fewer than three names in common, or a number that is the same everywhere.

    >>> correlate({"de": 1, "fr": 2, "ja": 3, "zh": 9}, {"de": 10, "fr": 20, "ja": 30, "ar": 5})
    Correlation(pearson=1.0, spearman=1.0, n=3, left_out=('ar', 'zh'))
    """
    names = sorted(set(one) & set(other))
    if len(names) < 3:
        raise InputError(f"{len(names)} names in common", "a correlation needs three or more")
    a, b = (np.array([numbers[name] for name in names], np.float64) for numbers in (one, other))
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        raise InputError("a number is the same for all names", "there is nothing to correlate")
    left_out = tuple(sorted(set(one) ^ set(other)))
    return Correlation(_pearson(a, b), _pearson(_ranks(a), _ranks(b)), len(names), left_out)


def _pearson(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    return round(float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())), 12)


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2.0)[inverse]
