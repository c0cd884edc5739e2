"""Deletion and insertion curves, against areas worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.diagnose.explain import faithfulness
from openitr.errors import ShapeError
from tests.diagnose.fakes import Reddish, half_red

# Left half red: the two left cells of a 2 x 2 grid carry a quarter of the pixels each, the right ones nothing.
TRUTH = np.array([[1.0, 0.0], [1.0, 0.0]])


def test_areas_by_hand() -> None:
    found = faithfulness(Reddish(), half_red(), "red", TRUTH, steps=4)
    # Covered best first: 1/2, 1/4, 0, 0, 0; shown best first: 0, 1/4, 1/2, 1/2, 1/2. Trapezoids of width 1/4.
    assert found.deletion == pytest.approx((1 / 2 / 2 + 1 / 4 + 0 + 0) / 4, abs=1e-6)
    assert found.insertion == pytest.approx((1 / 4 + 1 / 2 + 1 / 2 + 1 / 4) / 4, abs=1e-6)
    assert (found.whole, found.bare) == (pytest.approx(0.5, abs=1e-6), 0)


def test_the_true_map_beats_random_and_its_opposite_does_not() -> None:
    assert faithfulness(Reddish(), half_red(), "red", TRUTH, orders=8).better_than_random
    assert not faithfulness(Reddish(), half_red(), "red", -TRUTH, orders=8).better_than_random


def test_a_map_that_says_nothing_comes_out_like_chance() -> None:
    runs = [faithfulness(Reddish(), half_red(), "red", np.zeros((2, 2)), seed=seed) for seed in range(40)]
    # Both means estimate one number; their difference over 40 seeds has a standard error of about 0.01.
    assert np.mean([run.deletion - run.random_deletion for run in runs]) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("bad", [np.zeros(4), np.zeros((2, 3)), np.full((2, 2), np.nan)])
def test_maps_that_are_none(bad: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="map of shape"):
        faithfulness(Reddish(), half_red(), "red", bad)
