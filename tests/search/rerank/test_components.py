"""F4-ITS against plain loops, and the two facts about its mixture that are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import InputError, ShapeError
from openitr.search.rerank import ComponentReranker, fuse
from openitr.search.rerank.components import fused_scores


def world(seed: int, n: int = 12, d: int = 6, m: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = np.random.default_rng(seed).normal(size=(1 + m + n, d)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows[0], rows[1 : 1 + m], rows[1 + m :]


@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(1, 4), st.booleans(), st.sampled_from([-1.0, 0.0, 0.4]))
def test_against_loops(seed: int, w: float, top: int, renorm: bool, threshold: float) -> None:
    v, components, items = world(seed)
    kept: list[tuple[float, int]] = []
    for e in components:
        query = [w * a + (1 - w) * b for a, b in zip(v.tolist(), e.tolist(), strict=True)]
        scored = []
        for row, c in enumerate(items):
            mixed = 0.8 * c + 0.2 * v
            length = float(np.linalg.norm(mixed)) if renorm else 1.0
            scored.append((sum(a * float(b) for a, b in zip(query, mixed, strict=True)) / length, row))
        best = [row for _, row in sorted(scored, key=lambda one: -one[0])[:top]]
        fit, row = max((float(items[row] @ e), row) for row in best)
        if fit > threshold and row not in [other for _, other in kept]:
            kept.append((fit, row))
    expected = [row for _, row in sorted(kept, key=lambda one: -one[0])]
    assert ComponentReranker(w, top, threshold, renorm=renorm).rerank(v, components, items) == expected


@given(st.integers(0, 10_000))
def test_all_picture_is_the_picture_alone_and_a_mixture_needs_its_length_back(seed: int) -> None:
    v, components, items = world(seed)
    g = components[0]
    np.testing.assert_allclose(fused_scores(v, g, items, 1.0), items @ v, atol=1e-6)
    one_way = fused_scores(v, g, items)
    constant = fused_scores(v, g, items, blend=0.8, renorm=False) - 0.8 * one_way
    np.testing.assert_allclose(constant, constant[0], atol=1e-5)


def test_with_its_length_back_a_mixture_changes_orders() -> None:
    changed = 0
    for seed in range(20):
        v, components, items = world(seed, n=30)
        orders = [fused_scores(v, components[0], items, blend=blend).argsort().tolist() for blend in (None, 0.8)]
        changed += orders[0] != orders[1]
    assert changed > 10


def test_one_text_is_taken_once_and_what_is_too_far_is_left() -> None:
    texts = np.eye(4, dtype=np.float32)
    assert ComponentReranker().rerank(texts[0], texts[[2, 2, 1]], texts) == [2, 1]
    far = np.full((1, 4), 0.5, np.float32)
    assert ComponentReranker().rerank(texts[0], far, texts) == []
    assert ComponentReranker().rerank(texts[0], texts[:0], texts) == []


def test_without_texts_or_components_none_is_kept() -> None:
    v, components, items = world(0)
    assert ComponentReranker().rerank(v, components, items[:0]) == []
    assert ComponentReranker().rerank(v, components[:0], items) == []


def test_wrong_numbers_are_named() -> None:
    with pytest.raises(ShapeError, match="width 3 and 2"):
        fuse(np.zeros(3), np.zeros(2))
    with pytest.raises(InputError, match="share of 2"):
        fuse(np.zeros(3), np.zeros(3), 2)
    for about in ({"w": -1}, {"blend": 2}, {"top": 0}):
        with pytest.raises(InputError, match="shares from 0 to 1"):
            ComponentReranker(**about)  # type: ignore[arg-type]
