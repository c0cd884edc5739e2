from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest

from openitr.errors import InputError
from openitr.evaluate.repro import permutation_p, replay, repro_study, seed_verdict


def train(settings: dict[str, object], seed: int) -> float:
    """A training whose loss matters, whose name does not, with seed noise of 1."""
    gain = 3.0 if settings["loss"] == "hardest" else 0.0
    return 60 + gain + float(np.random.default_rng(seed).normal())


GRID = {"loss": ["sum", "hardest"], "name": ["A", "B"]}


def test_shares_find_what_was_varied() -> None:
    study = repro_study(train, GRID, range(5), data_hash="d00d")
    shares = study.shares()
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["loss"] > 0.5 > 0.2 > shares["name"]
    # By hand, from sums of squares in plain loops.
    values = [run.value for run in study.runs]
    mean = sum(values) / 20
    total = sum((v - mean) ** 2 for v in values)
    for factor, levels in GRID.items():
        between = 0.0
        for level in levels:
            some = [run.value for run in study.runs if run.settings[factor] == level]
            between += len(some) * (sum(some) / len(some) - mean) ** 2
        assert shares[factor] == pytest.approx(between / total)
    assert study.against({"loss": "hardest", "name": "A"}, {"loss": "sum", "name": "A"}).verdict == "significant"
    assert study.against({"loss": "sum", "name": "A"}, {"loss": "sum", "name": "B"}).verdict == "within-noise"
    assert json.loads(json.dumps(study.to_json()))["runs"][0] == {
        "settings": {"loss": "sum", "name": "A"},
        "seed": 0,
        "value": study.runs[0].value,
        "data_hash": "d00d",
    }


def test_cells_share_no_seed_unless_asked() -> None:
    seeds = [run.seed for run in repro_study(train, GRID, [3, 7, 4], data_hash="").runs]
    assert len(set(seeds)) == 12 and seeds[:3] == [3, 7, 4]
    shared = repro_study(train, GRID, [3, 7, 4], data_hash="", disjoint=False)
    assert [run.seed for run in shared.runs] == [3, 7, 4] * 4
    apart = shared.against({"loss": "sum", "name": "A"}, {"loss": "sum", "name": "B"})
    assert apart.over_seeds.difference == 0, "the same seeds give the same luck"


def test_an_interaction_and_nothing_at_all() -> None:
    study = repro_study(lambda s, seed: float(s["a"] == s["b"]), {"a": [0, 1], "b": [0, 1]}, [0, 1], data_hash="")
    assert study.shares() == pytest.approx({"a": 0, "b": 0, "interactions": 1, "seed": 0})
    assert set(repro_study(lambda s, seed: 5.0, {"a": [0, 1]}, [0, 1], data_hash="").shares().values()) == {0.0}


def test_a_record_is_enough_to_have_the_number_again() -> None:
    study = repro_study(train, GRID, [0, 1], data_hash="")
    assert all(replay(train, run) for run in study.runs)
    assert not replay(lambda settings, seed: train(settings, seed) + 1e-12, study.runs[0])


@pytest.mark.parametrize("test", ["t", "permutation"])
def test_how_often_seeds_are_taken_for_a_gain(test: str) -> None:
    # 400 pairs of five runs from one distribution: 5% give a standard deviation of 1.1 points. With a gain of five
    # standard deviations hardly any pair is missed.
    rng = np.random.default_rng(0)
    pairs = rng.normal(60, 1, (400, 2, 5))
    wrong = np.mean([seed_verdict(a, b, test=test).verdict == "significant" for a, b in pairs])  # type: ignore[arg-type]
    right = np.mean([seed_verdict(a + 5, b, test=test).verdict == "significant" for a, b in pairs])  # type: ignore[arg-type]
    assert wrong < 0.085 and right > 0.99


def test_permutations_by_hand() -> None:
    a, b = [5.0, 6.0, 7.5], [4.0, 5.5]
    pool = a + b
    reached, further, deals = abs(sum(a) / 3 - sum(b) / 2), 0, 0
    for chosen in combinations(range(5), 3):
        rest = [pool[i] for i in range(5) if i not in chosen]
        deals += 1
        further += abs(sum(pool[i] for i in chosen) / 3 - sum(rest) / 2) >= reached - 1e-9
    assert permutation_p(a, b) == further / deals
    many = np.random.default_rng(0).normal(size=(2, 12))
    assert permutation_p(many[0].tolist(), many[1].tolist()) == pytest.approx(
        seed_verdict(many[0].tolist(), many[1].tolist()).p, abs=0.05
    )


def test_what_is_no_study() -> None:
    for grid, seeds in (
        ({}, [0, 1]),
        ({"a": []}, [0, 1]),
        ({"a": [1, 1]}, [0, 1]),
        ({"a": [1]}, [0]),
        ({"a": [1]}, [0, 0]),
    ):
        with pytest.raises(InputError):
            repro_study(lambda s, seed: 0.0, grid, seeds, data_hash="")
    with pytest.raises(InputError, match="came to nan"):
        repro_study(lambda s, seed: float("nan"), {"a": [1]}, [0, 1], data_hash="")
    study = repro_study(train, GRID, [0, 1], data_hash="")
    with pytest.raises(InputError, match="2 cells have"):
        study.cell(loss="sum")
    with pytest.raises(InputError, match="no test"):
        seed_verdict([1, 2], [1, 2], test="z")  # type: ignore[arg-type]
