"""The pool and the count of captions against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError, ShapeError
from openitr.evaluate.fine_grained import build_fg_pool, caption_specificity


def vectors(seed: int, n: int, d: int = 6) -> DenseEmbeddings:
    return DenseEmbeddings.normalise(np.random.default_rng(seed).normal(size=(n, d)))


def test_the_pool_is_the_union_of_nearest_neighbours() -> None:
    targets, pool = vectors(0, 7), vectors(1, 40)
    wanted = set()
    for target in targets.values:
        order = sorted(range(40), key=lambda row: -float(pool.values[row] @ target))
        wanted.update(order[:5])
    assert build_fg_pool(targets, pool, per_target=5).tolist() == sorted(wanted)


def test_a_pool_picture_that_is_a_target_again_is_left_out_and_replaced() -> None:
    targets = vectors(0, 3)
    pool = DenseEmbeddings(np.concatenate([targets.values[1:2], vectors(1, 10).values]))
    found = build_fg_pool(targets, pool, per_target=2)
    assert 0 not in found
    order = sorted(range(1, 11), key=lambda row: -float(pool.values[row] @ targets.values[1]))
    assert set(order[:2]) <= set(found.tolist())


def test_everything_is_fetched_when_the_pool_is_small_and_nothing_from_none() -> None:
    assert build_fg_pool(vectors(0, 2), vectors(1, 3), per_target=30).tolist() == [0, 1, 2]
    with pytest.raises(InputError):
        build_fg_pool(vectors(0, 2), vectors(1, 3), per_target=0)


@pytest.mark.parametrize("eps", [0.0, 0.1, 3.0])
def test_specificity_counts_others_that_fit_as_well(eps: float) -> None:
    captions, images = vectors(2, 11), vectors(3, 9)
    owner = np.random.default_rng(4).integers(0, 9, 11)
    wanted = []
    for row, own in enumerate(owner):
        level = float(captions.values[row] @ images.values[own]) - eps
        fits = [n for n in range(9) if n != own and float(captions.values[row] @ images.values[n]) >= level - 1e-6]
        wanted.append(len(fits))
    assert caption_specificity(captions, images, owner, eps).tolist() == wanted


def test_a_twin_of_the_target_fits_as_well() -> None:
    images = DenseEmbeddings(np.array([[1, 0], [1, 0], [0, 1]], np.float32))
    assert caption_specificity(images[:1], images, [0]).tolist() == [1]


def test_owners_must_fit() -> None:
    with pytest.raises(ShapeError):
        caption_specificity(vectors(0, 2), vectors(1, 3), [0])
    with pytest.raises(ShapeError):
        caption_specificity(vectors(0, 2), vectors(1, 3), [0, 3])
