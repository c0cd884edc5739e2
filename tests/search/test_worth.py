"""What written words are worth: by plain loops, and what must hold whatever is written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.search.worth import NEUTRAL, UNIT, WHOLE, worth

ROW = st.tuples(st.floats(0, 20), st.floats(0, 1), st.booleans())


@given(rows=st.lists(ROW, min_size=1, max_size=8))
def test_as_written_out(rows: list[tuple[float, float, bool]]) -> None:
    best = max(score for score, _, _ in rows)
    expected = []
    for score, share, described in rows:
        told = score - NEUTRAL * best
        if not described and told < 0:
            told = 0
        expected.append(UNIT * told + WHOLE * max(0.0, 2 * share - 1) * score)
    made = worth(*(np.array(column) for column in zip(*rows, strict=True)), best)
    assert made.tolist() == pytest.approx(expected)


@given(score=st.floats(0, 20), share=st.floats(0, 1), best=st.floats(0, 20), described=st.booleans())
def test_more_that_is_written_is_never_worth_less(score: float, share: float, best: float, described: bool) -> None:
    best = max(best, score)
    once, more, all_of_it = (
        float(worth(np.array([s]), np.array([part]), np.array([described]), best)[0])
        for s, part in ((score, share), (best, share), (best, 1.0))
    )
    assert once <= more + 1e-9 <= all_of_it + 2e-9


def test_nothing_written_says_nothing_and_the_rest_follows() -> None:
    none = worth(np.zeros(2), np.zeros(2), np.array([False, True]), 0.0)
    assert none.tolist() == [0, 0], "no picture has any of the words"
    silent, mute, half, full = worth(
        np.array([0.0, 0.0, 3.0, 6.0]), np.array([0, 0, 0.4, 0.5]), np.array([False, True, True, True]), 6.0
    )
    assert mute < silent == half == 0 < full
