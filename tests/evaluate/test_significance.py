"""The tests themselves, tested: against every swap there is, and by how often they are wrong and right."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from openitr.errors import InputError, ShapeError
from openitr.evaluate.significance import clusters, effect_size, holm, paired, randomisation


def test_randomisation_is_the_share_of_all_swaps() -> None:
    parts = np.random.default_rng(0).normal(0.4, 1, 10)
    reached = abs(parts.sum())
    further = 0
    for signs in product((-1, 1), repeat=10):
        further += abs(sum(s * p for s, p in zip(signs, parts, strict=True))) >= reached - 1e-9
    exact = further / 2**10
    # 20,000 draws leave a p of 0.2 uncertain by 0.003.
    assert randomisation(parts, 20_000)[0] == pytest.approx(exact, abs=0.012)
    both = randomisation(np.stack([parts, np.ones(10)], axis=1), 5000, seed=1)
    assert both[0] == randomisation(parts, 5000, seed=1)[0], "statistics do not disturb each other"
    assert both[1] == pytest.approx(2 / 2**10, abs=0.002)


@pytest.mark.parametrize("clustered", [True, False])
def test_how_often_it_finds_what_is_not_there(clustered: bool) -> None:
    # 300 trials of 40 pictures with 5 texts that agree with each other. At the nominal 5% the share of false findings
    # has a standard deviation of 1.3 points: 9% is three of them. Texts taken for independent break it by far.
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    wrong = 0
    for trial in range(300):
        gaps = np.repeat(rng.normal(size=40), 5) + 0.3 * rng.normal(size=200)
        found = paired(gaps, np.zeros(200), groups if clustered else None, samples=50, swaps=400, seed=trial)
        wrong += found.p < 0.05
    assert (0.01 < wrong / 300 < 0.09) if clustered else wrong / 300 > 0.2


def test_how_often_it_finds_what_is_there() -> None:
    # 1,000 pictures; one system is right on 55%, the other on 50%, independently: the difference of 5 points has a
    # standard error of 2.2, so a test at 5% finds it in 62% of all trials; 100 trials leave that uncertain by 5 points.
    rng = np.random.default_rng(1)
    found = [
        paired(rng.random(1000) < 0.55, rng.random(1000) < 0.5, samples=300, swaps=400, seed=trial)
        for trial in range(100)
    ]
    assert 0.47 < np.mean([one.p < 0.05 for one in found]) < 0.77
    # The interval covers the truth in 95% of all trials, give or take 2.2 points.
    assert np.mean([one.low <= 0.05 <= one.high for one in found]) > 0.88
    assert np.mean([one.effect for one in found]) == pytest.approx(0.05 / (0.2475 + 0.25) ** 0.5, rel=0.2)


def test_holm_by_hand_and_by_how_often_it_is_wrong() -> None:
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([]) == []
    p = np.random.default_rng(0).random((2000, 6))
    alone = np.mean([(row < 0.05).any() for row in p])
    together = np.mean([min(holm(row.tolist())) < 0.05 for row in p])
    assert alone == pytest.approx(1 - 0.95**6, abs=0.03) and together == pytest.approx(
        1 - (1 - 0.05 / 6) ** 6, abs=0.015
    )
    with pytest.raises(InputError):
        holm([1.5])


def test_values_groups_and_seeds() -> None:
    one, other = np.array([1, 1, 0, 1, 0, 1.0]), np.array([0, 1, 0, 0, 0, 1.0])
    found = paired(one, other, ["a", "a", "b", "b", "c", "c"], seed=3)
    assert found.value == pytest.approx(1 / 3) and found.low <= found.value <= found.high
    assert found == paired(one, other, ["a", "a", "b", "b", "c", "c"], seed=3)
    back = paired(other, one, ["a", "a", "b", "b", "c", "c"], seed=3)
    assert (back.value, back.p, back.effect) == (-found.value, found.p, -found.effect)
    assert clusters(one - other, np.array([0, 0, 1, 1, 2, 2]), 3).tolist() == pytest.approx([1 / 6, 1 / 6, 0])
    same = paired(one, one)
    assert (same.value, same.p, same.effect, same.low, same.high) == (0, 1, 0, 0, 0)
    assert effect_size(np.array([2.0, 2.0])) == float("inf") and effect_size(np.array([-2.0])) == -float("inf")
    with pytest.raises(ShapeError):
        paired(one, other[1:])
    with pytest.raises(InputError):
        paired([], [])
    with pytest.raises(InputError):
        randomisation(np.empty(0))
