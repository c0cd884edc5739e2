"""The same index searched by NumPy and by machine code: what both must agree on, whatever they hold."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from openitr.index import Index, Ranking


def same_answers(plain: Sequence[Ranking], compiled: Sequence[Ranking], tolerance: float) -> None:
    """Equal scores; neighbours closer than rounding may change places, nobody may be missing."""
    for one, other in zip(plain, compiled, strict=True):
        assert len(one) == len(other)
        np.testing.assert_allclose(one.scores, other.scores, atol=tolerance)
        apart = one.scores > one.scores[-1] + tolerance if len(one) else np.zeros(0, bool)
        assert set(one.ids[apart].tolist()) <= set(other.ids.tolist())


def same_from_threads(index: Index, queries: Any, times: int) -> None:
    """Four threads that ask for the queries again and again get what one gets: they do not share their sums."""
    rows = list(range(len(queries)))
    wanted = [ranking.ids.tolist() for ranking in index.search(queries, 10)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda row: index.search(queries[[row]], 10)[0].ids.tolist(), rows * times))
    assert found == wanted * times
