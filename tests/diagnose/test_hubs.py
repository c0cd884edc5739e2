"""Hubness against plain loops, and the cures on a planted hub."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.diagnose.hubs import cures, hubness, occurrences
from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError, ShapeError


@given(st.integers(1, 12), st.integers(1, 9), st.integers(0, 99))
def test_occurrences_by_plain_loops(queries: int, items: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (queries, items)).astype(np.float64)
    k = int(rng.integers(1, items + 1))
    counts = [0] * items
    for row in scores.tolist():
        for item in sorted(range(items), key=lambda i: (-row[i], i))[:k]:
            counts[item] += 1
    assert occurrences(scores, k).tolist() == counts


def test_a_hub_by_hand() -> None:
    # Item 0 is first for all four queries, the others never.
    found = hubness(np.tile(np.array([3.0, 2, 1, 0]), (4, 1)), k=1)
    assert (found.antihubs, found.most, found.greedy) == (0.75, 1, 1)
    # Counts 4, 0, 0, 0: mean 1, cubes 27 - 3 = 24 over 4 is 6; spread sqrt(3) cubed.
    assert found.skew == pytest.approx(6 / 3**1.5)
    assert found.expected_antihubs == pytest.approx(0.75**4)


def planted(n: int = 200, d: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of vectors; texts lean one way, and so do three pictures, which thereby score high with every text."""
    rng = np.random.default_rng(seed)
    base, lean = rng.normal(size=(n, d)), 6 * np.eye(d)[0]
    images = base + 0.8 * rng.normal(size=(n, d))
    images[::67] = 0.3 * images[::67] + 3 * lean
    texts = base + 0.8 * rng.normal(size=(n, d)) + lean
    return DenseEmbeddings.normalise(images).values, DenseEmbeddings.normalise(texts).values


def test_cures_take_a_planted_hub_down_and_recall_up() -> None:
    images, texts = planted()
    bare, nnn, qb = cures(images, texts, np.arange(len(images)))
    assert [bare.name, nnn.name, qb.name] == ["none", "nnn", "qb-norm"]
    assert bare.hubness.skew > 2 and bare.hubness.most > 0.9
    for cured in (nnn, qb):
        assert cured.hubness.most < 0.7 * bare.hubness.most
        assert cured.hubness.skew < bare.hubness.skew
        assert cured.recall > bare.recall + 0.3


def test_the_bank_lends_no_picture_to_the_gallery() -> None:
    # Perfect pairs: recall stays 1 whatever the bank; counting the bank's pictures as wrong answers would not matter,
    # but a row number off by one would.
    same = DenseEmbeddings.normalise(np.random.default_rng(0).normal(size=(31, 64))).values
    assert [cure.recall for cure in cures(same, same, np.arange(31))] == [1, 1, 1]


def test_refusals() -> None:
    with pytest.raises(InputError, match="k is 5"):
        hubness(np.zeros((2, 4)), k=5)
    with pytest.raises(ShapeError, match="ten or more"):
        cures(np.eye(9, dtype=np.float32), np.eye(9, dtype=np.float32), np.arange(9))
