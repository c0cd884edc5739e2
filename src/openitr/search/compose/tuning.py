"""Settings of a composer, found on queries whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.errors import InputError, ShapeError


@dataclass(frozen=True)
class Tuned:
    """What a search over settings found.

    Args:
        best: The settings.
        recall: Their recall@k, percent.
        every: Recall of all settings that were tried, in order.
    """

    best: Mapping[str, float]
    recall: float
    every: Sequence[tuple[Mapping[str, float], float]]


def tune(
    scores: Callable[..., Floats],
    settings: Iterable[Mapping[str, float]],
    targets: Ints,
    *,
    leave: Ints | None = None,
    k: int = 1,
) -> Tuned:
    """The settings with the best recall@k; of equal ones the first.

    Args:
        scores: Settings to (m, n) scores of m queries against n pictures.
        settings: To try.
        targets: (m,) the right picture of each query.
        leave: (m,) the reference of each, which is never an answer.
        k: Cutoff.

    Raises:
        InputError: Nothing to try.

    >>> import numpy as np
    >>> image, text = np.array([[3.0, 2, 0]]), np.array([[0.0, 2, 2]])
    >>> found = tune(lambda a: (1 - a) * image + a * text, [{"a": 0}, {"a": 0.5}, {"a": 1}], np.array([1]))
    >>> found.best, found.recall
    ({'a': 0.5}, 100.0)
    """
    every = [(dict(one), recall(scores(**one), targets, leave=leave, k=k)) for one in settings]
    if not every:
        raise InputError("there are no settings to try", "give at least one")
    best, value = max(every, key=lambda found: found[1])
    return Tuned(best, value, every)


def recall(scores: Floats, targets: Ints, *, leave: Ints | None = None, k: int = 1) -> float:
    """Recall@k in percent; a picture that ties with the target counts as before it.

    Raises:
        ShapeError: Shapes that do not fit.
    """
    table = np.array(scores, np.float64)
    rows = np.arange(len(table))
    if table.ndim != 2 or len(targets) != len(table):
        raise ShapeError(f"scores of shape {table.shape} for {len(targets)} targets", "give a row for each query")
    if leave is not None:
        table[rows, leave] = -np.inf
    own = table[rows, targets][:, None]
    # Not "as good or better": NaN is neither, and would find all.
    return float(100 * ((~(table < own - 1e-7)).sum(1) <= k).mean())
