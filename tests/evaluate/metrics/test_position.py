from __future__ import annotations

import numpy as np
import pytest

from openitr.errors import InputError
from openitr.evaluate import Ranks, all_metrics, recall_at


def of(first: list[int], precision: list[float] | None = None) -> Ranks:
    n = len(first)
    return Ranks(np.arange(n), np.array(first, np.int64), np.array(precision or [1.0] * n), 100)


def test_written_as_arithmetic() -> None:
    found = all_metrics(of([1, 1, 3, 6, 40], [1, 1, 1 / 3, 1 / 6, 1 / 40]))
    assert found == {
        "R@1": 100 * 2 / 5,
        "R@5": 100 * 3 / 5,
        "R@10": 100 * 4 / 5,
        "MedR": 3.0,
        "MeanR": (1 + 1 + 3 + 6 + 40) / 5,
        "mAP": pytest.approx(100 * (1 + 1 + 1 / 3 + 1 / 6 + 1 / 40) / 5),
    }


def test_the_edges() -> None:
    assert recall_at(of([5]), 5) == 100 and recall_at(of([6]), 5) == 0
    assert all_metrics(of([1, 2, 8, 9]))["MedR"] == 5.0
    with pytest.raises(InputError, match="no query has a right answer"):
        all_metrics(of([]))
