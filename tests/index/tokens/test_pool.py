"""Pooling against a slow oracle of Ward's clustering; pruning against sorting."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.embeddings import TokenEmbeddings
from openitr.errors import InputError, ShapeError
from openitr.index.tokens.pool import pool_tokens, prune_tokens


def slowly(bag: np.ndarray, most: int) -> np.ndarray:
    """Ward by trying every pair."""
    clusters = [[row] for row in range(len(bag))]

    def error(members: list[int]) -> float:
        rows = bag[members].astype(np.float64)
        return float(((rows - rows.mean(0)) ** 2).sum())

    while len(clusters) > most:
        pairs = itertools.combinations(range(len(clusters)), 2)
        a, b = min(pairs, key=lambda ab: error(clusters[ab[0]] + clusters[ab[1]]) - sum(error(clusters[i]) for i in ab))
        clusters[a] = clusters[a] + clusters[b]
        del clusters[b]
    sums = np.stack([bag[members].sum(0) for members in clusters])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def random(sizes: list[int], seed: int, dim: int = 5) -> TokenEmbeddings:
    values = np.random.default_rng(seed).standard_normal((sum(sizes), dim))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return TokenEmbeddings(values.astype(np.float32), np.concatenate([[0], np.cumsum(sizes)]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 6), st.integers(0, 1000))
def test_pooling_is_wards(sizes: list[int], most: int, seed: int) -> None:
    bags = random(sizes, seed)
    found = pool_tokens(bags, most)
    assert np.diff(found.offsets).tolist() == [min(size, most) for size in sizes]
    for row in range(len(sizes)):
        bag = bags.values[bags.offsets[row] : bags.offsets[row + 1]]
        got = found.values[found.offsets[row] : found.offsets[row + 1]]
        np.testing.assert_allclose(got, slowly(bag, most), atol=1e-5)


def test_equal_tokens_pool_without_loss() -> None:
    """Nothing is lost where a bag holds each of three vectors several times: every score stays."""
    few = random([3], 1)
    many = TokenEmbeddings(few.values[[0, 1, 2, 1, 0, 2, 2]], np.array([0, 7]))
    query = random([4], 2)
    np.testing.assert_allclose(query.score(pool_tokens(many, 3)), query.score(many), atol=1e-6)


def test_pruning_keeps_the_heaviest_in_order() -> None:
    bags = random([4, 1, 5], 3)
    weights = np.random.default_rng(4).random(10).astype(np.float32)
    found = prune_tokens(bags, weights, 0.5)
    expected = []
    for a, b, keep in ((0, 4, 2), (4, 5, 1), (5, 10, 2)):
        expected += sorted(sorted(range(a, b), key=lambda row: -weights[row])[:keep])
    assert np.array_equal(found.values, bags.values[expected]) and found.offsets.tolist() == [0, 2, 3, 5]


def test_what_makes_no_sense_is_refused() -> None:
    bags = random([3], 0)
    with pytest.raises(InputError):
        pool_tokens(bags, 0)
    with pytest.raises(ShapeError):
        prune_tokens(bags, np.ones(2, np.float32), 0.5)
    with pytest.raises(InputError):
        prune_tokens(bags, np.ones(3, np.float32), 0.0)
