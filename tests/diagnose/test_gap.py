"""The modality gap, against spaces whose gap is known."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.diagnose.gap import centred, effective_rank, modality_gap
from openitr.embeddings import DenseEmbeddings
from openitr.errors import ShapeError


def space(
    n: int = 60, d: int = 32, push: float = 0.0, noise: float = 0.3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and texts that agree but for noise, each side pushed its own way along the first axis."""
    rng, d = np.random.default_rng(0), 32
    base = rng.normal(size=(n, d))
    sides = [base + 0.3 * rng.normal(size=(n, d)) + sign * push * np.eye(d)[0] for sign in (1, -1)]
    one, two = (DenseEmbeddings.normalise(side).values for side in sides)
    return one, two


def test_one_space_has_no_gap_that_counts() -> None:
    images, texts = space()
    found = modality_gap(images, texts, np.arange(60))
    assert found.distance < 0.15
    assert 0.3 < found.separable < 0.7
    assert found.recall > 0.95
    assert found.own > 0.8 > 0.2 > abs(found.other)


def test_a_push_apart_is_seen_and_centring_takes_it_away() -> None:
    images, texts = space(push=8.0)
    found = modality_gap(images, texts, np.arange(60))
    assert found.separable == 1
    assert found.texts_first == 1, "texts agree with any text more than with their picture"
    assert found.texts_first_centred < 0.2
    assert found.recall_centred > 0.9
    expected = np.linalg.norm(images.mean(axis=0) - texts.mean(axis=0))
    assert found.distance == pytest.approx(expected)


def test_texts_first_by_plain_loops() -> None:
    images, texts = space(n=20, push=1.0)
    owners = np.repeat(np.arange(10), 2)
    found = modality_gap(images[:10], texts, owners)
    first = 0
    for row in range(10):
        asked = texts[2 * row + 1]
        of_texts = max(float(asked @ texts[2 * other]) for other in range(10) if other != row)
        first += of_texts > max(float(asked @ image) for image in images[:10])
    assert found.texts_first == pytest.approx(first / 10)


def test_effective_rank_between_one_and_all() -> None:
    rng = np.random.default_rng(0)
    line = np.outer(rng.normal(size=50), np.ones(8)).astype(np.float32)
    assert effective_rank(line) == pytest.approx(1, abs=1e-3)
    assert 7 < effective_rank(rng.normal(size=(4000, 8)).astype(np.float32)) <= 8
    assert effective_rank(np.ones((5, 3), np.float32)) == 1


def test_centred_keeps_a_row_that_is_the_mean() -> None:
    same = np.tile(np.array([[1.0, 0.0]], np.float32), (3, 1))
    np.testing.assert_array_equal(centred(same), same)


def test_refusals() -> None:
    images, texts = space(n=8)
    with pytest.raises(ShapeError, match="each with a text"):
        modality_gap(images, texts[:7], np.arange(7))
    with pytest.raises(ShapeError, match="four or more"):
        modality_gap(images[:3], texts[:3], np.arange(3))
