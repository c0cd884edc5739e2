"""Source bias: cases with a known answer, and random tie-breaks by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from openitr.diagnose.source import SourceBias, bias_direction, smooth_twin
from openitr.errors import InputError, ShapeError


def simulated(real: np.ndarray, twin: np.ndarray, own: np.ndarray, k: int, draws: int = 4000) -> tuple[float, float]:
    """R@k of the real side and of the twins, ties broken at random, by plain sorting."""
    rng = np.random.default_rng(0)
    hits = np.zeros(2)
    n = real.shape[1]
    for _ in range(draws):
        for query, row in enumerate(own):
            pool = [(-s, rng.random(), i) for i, s in enumerate([*real[query], *twin[query]])]
            first = [i for _, _, i in sorted(pool)[:k]]
            hits += [row in first, row + n in first]
    return tuple(hits / draws / len(own))  # type: ignore[return-value]


def test_expected_metrics_equal_simulated_tie_breaks() -> None:
    real = np.array([[0.5, 0.5, 0.1], [0.2, 0.9, 0.2]])
    twin = np.array([[0.5, 0.1, 0.7], [0.2, 0.2, 0.2]])
    own = np.array([0, 2])
    found = SourceBias(ks=(1, 2)).of_scores(real, twin, own)
    for k in (1, 2):
        expected = simulated(real, twin, own, k)
        # 8,000 coin-like draws: standard error below 0.006.
        assert (found.real[f"R@{k}"], found.generated[f"R@{k}"]) == pytest.approx(expected, abs=0.02)


def test_identical_twins_have_delta_zero_exactly() -> None:
    scores = np.random.default_rng(0).normal(size=(9, 9))
    found = SourceBias().of_scores(scores, scores, np.arange(9))
    assert set(found.delta.values()) == {0}
    assert found.twin_first == 0.5
    assert found.alone_real == found.alone_generated


def test_twins_that_always_win() -> None:
    found = SourceBias().of_scores(2 * np.eye(8), 3 * np.eye(8), np.arange(8))
    assert (found.delta["R@1"], found.delta["R@5"]) == (-200, 0)
    second = 1 / math.log2(3)
    assert found.delta["nDCG"] == pytest.approx(200 * (second - 1) / (second + 1))
    assert round(found.delta["nDCG"]) == -45
    assert found.twin_first == 1 and found.alone_real["R@1"] == 1


def test_several_texts_of_a_picture() -> None:
    real, twin = np.array([[2.0, 0], [0, 0.5]]), np.array([[1.0, 0], [0, 1]])
    found = SourceBias(ks=(1,)).of_scores(real[[0, 0, 1]], twin[[0, 0, 1]], np.array([0, 0, 1]))
    assert (found.real["R@1"], found.generated["R@1"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))


def test_the_direction_that_was_added_is_found() -> None:
    rng = np.random.default_rng(0)
    clean, added = rng.normal(size=(50, 16)), rng.normal(size=16)
    found, alike = bias_direction((clean + added).astype(np.float32), clean.astype(np.float32))
    np.testing.assert_allclose(found, added, atol=1e-5)
    assert alike == pytest.approx(1, abs=1e-6)
    noise = rng.normal(size=(400, 16)).astype(np.float32)
    # Differences without a common way agree by chance alone: 0 with a standard error below 0.01.
    assert abs(bias_direction(noise, np.zeros_like(noise))[1]) < 0.03


def test_a_smooth_twin_keeps_colour_and_loses_detail() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    twin = smooth_twin(noise)
    assert twin.shape == noise.shape and twin.dtype == np.uint8
    assert abs(float(twin.mean()) - float(noise.mean())) < 2
    assert twin.std() < noise.std() / 2
    assert smooth_twin(np.zeros((1, 1, 3), np.uint8)).shape == (1, 1, 3)


def test_refusals() -> None:
    measure = SourceBias()
    with pytest.raises(ShapeError, match="twin per picture"):
        measure.of_scores(np.eye(3), np.eye(4), np.arange(3))
    with pytest.raises(ShapeError, match="not in the pool"):
        measure.of_scores(np.eye(3), np.eye(3), np.array([0, 1, 3]))
    with pytest.raises(InputError, match="no encoder"):
        measure.report(["a"], [], [])
    with pytest.raises(InputError, match="cut-offs"):
        SourceBias(ks=())
    with pytest.raises(ShapeError, match="two or more"):
        bias_direction(np.zeros((1, 3), np.float32), np.zeros((1, 3), np.float32))
