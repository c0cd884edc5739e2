"""Groups of results, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import InputError
from openitr.search.suggest import Clusterer, central, silhouette


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def blobs(sizes: list[int], spread: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Groups of vectors around different directions that share one (what the query asked for)."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    shared = np.zeros(16)
    shared[0] = 3
    centres = np.eye(16)[1 : len(sizes) + 1] + shared
    return unit(centres[labels] + rng.normal(0, spread, (len(labels), 16))), labels


def test_groups_are_found_and_counted() -> None:
    vectors, labels = blobs([9, 14, 6])
    groups = Clusterer()(vectors)
    assert [len(group) for group in groups] == [14, 9, 6]
    assert all(len(set(labels[group])) == 1 for group in groups)


def test_a_group_lists_its_most_central_pictures_first() -> None:
    vectors, _ = blobs([8, 12])
    for group in Clusterer(2)(vectors):
        means = [np.mean([vectors[a] @ vectors[b] for b in group if b != a]) for a in group]
        assert means == sorted(means, reverse=True)


def test_too_small_a_group_goes_to_its_neighbour() -> None:
    vectors, _ = blobs([10, 10, 1])
    assert sorted(len(group) for group in Clusterer(3, least=3)(vectors)) == [10, 11]


def test_pictures_that_are_all_alike_are_one_group_or_none_is_lost() -> None:
    vectors = np.tile(np.array([[1.0, 0.0]], np.float32), (8, 1))
    groups = Clusterer()(vectors)
    assert sorted(np.concatenate(groups).tolist()) == list(range(8))


def test_nothing_has_no_groups() -> None:
    assert Clusterer()(np.empty((0, 4), np.float32)) == []


def test_the_same_call_gives_the_same_groups() -> None:
    vectors, _ = blobs([7, 7, 7], spread=0.5)
    first, second = (Clusterer(seed=3)(vectors) for _ in range(2))
    assert [one.tolist() for one in first] == [one.tolist() for one in second]


@given(st.integers(1, 30), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_every_picture_is_in_one_group(n: int, seed: int) -> None:
    vectors = unit(np.random.default_rng(seed).normal(size=(n, 5)))
    groups = Clusterer(seed=seed)(vectors)
    assert sorted(np.concatenate(groups).tolist()) == list(range(n))


def test_silhouette_equals_plain_loops() -> None:
    vectors, labels = blobs([5, 4, 1], spread=0.4)
    values = []
    for a in range(len(vectors)):
        own = [b for b in range(len(vectors)) if labels[b] == labels[a] and b != a]
        if not own:
            values.append(0.0)
            continue
        inside = np.mean([1 - vectors[a] @ vectors[b] for b in own])
        others = [
            np.mean([1 - vectors[a] @ vectors[b] for b in np.flatnonzero(labels == other)])
            for other in set(labels) - {labels[a]}
        ]
        values.append((min(others) - inside) / max(min(others), inside))
    # float32 dot products against float64 means
    assert silhouette(vectors, labels) == pytest.approx(np.mean(values), abs=1e-5)


def test_central_does_not_depend_on_the_order() -> None:
    vectors, _ = blobs([12], spread=0.5)
    order = np.random.default_rng(1).permutation(12)
    assert set(central(vectors, 4).tolist()) == {int(order[at]) for at in central(vectors[order], 4)}


@pytest.mark.parametrize("k", [0, -1])
def test_no_groups_are_refused(k: int) -> None:
    with pytest.raises(InputError):
        Clusterer(k)
    with pytest.raises(InputError):
        Clusterer(least=k)
