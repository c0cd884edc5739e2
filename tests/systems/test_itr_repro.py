from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openitr.systems.card import Budget
from openitr.systems.itr_repro import BATCH, CARD, INNER, MARGIN, Lab, _slopes, _unit


def loss(sides: list[np.ndarray], weights: list[np.ndarray], owners: np.ndarray, hardest: bool) -> float:
    """The triplet loss in plain loops."""
    v, t = (_unit(side @ weight) for side, weight in zip(sides, weights, strict=True))
    total = 0.0
    for i in range(len(v)):
        both = [
            [max(0.0, MARGIN - v[i] @ t[i] + v[i] @ t[j]) for j in range(len(v)) if owners[j] != owners[i]],
            [max(0.0, MARGIN - v[i] @ t[i] + v[j] @ t[i]) for j in range(len(v)) if owners[j] != owners[i]],
        ]
        total += sum(max(costs) if hardest else sum(costs) for costs in both)
    return total / len(v)


@pytest.mark.parametrize("hardest", [True, False])
def test_the_gradient_is_that_of_the_loss(hardest: bool) -> None:
    rng = np.random.default_rng(0)
    sides = [rng.normal(size=(7, 5)) for _ in range(2)]
    weights = [rng.normal(size=(5, 3)) for _ in range(2)]
    owners = np.array([0, 1, 2, 3, 3, 4, 5])
    slopes = _slopes(sides, weights, owners, hardest)
    for side in range(2):
        for place in np.ndindex(5, 3):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [weight.copy() for weight in weights]
                moved[side][place] += step
                ends.append(loss(sides, moved, owners, hardest))
            assert slopes[side][place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


@pytest.mark.slow
@pytest.mark.real_data
def test_the_card(real_data: Path) -> None:
    outcome = CARD.experiment(Budget(60))
    assert outcome.shown, outcome.measured
    assert BATCH * BATCH * INNER <= 1 << 18, "small enough that one thread multiplies, so that runs replay"


@pytest.mark.slow
@pytest.mark.real_data
def test_training_learns_and_a_name_is_just_a_name(real_data: Path) -> None:
    from openitr.systems.frozen import pairs

    lab = Lab(pairs(Budget(60), "flickr8k", split="val"))
    trained = lab.train({"features": 64, "negatives": "hardest", "name": "A"}, 0)
    assert trained == lab.train({"features": 64, "negatives": "hardest", "name": "B"}, 0)
    assert trained > lab.train({"features": 64, "negatives": "hardest"}, 0, steps=1) + 3
