"""Recall by area, against counting in plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import InputError, ShapeError
from openitr.evaluate.small_objects import SmallObjectEvaluator


def by_hand(scores: np.ndarray, owner: list[int], chosen: list[int], k: int) -> tuple[float, float]:
    """R@k both ways of some texts, ties against the model, in plain loops."""
    texts_right = 0
    for text in chosen:
        better = sum(
            1 for p in range(scores.shape[1]) if p != owner[text] and scores[text, p] >= scores[text, owner[text]]
        )
        texts_right += better < k
    asked = sorted({owner[text] for text in chosen})
    pictures_right = 0
    for picture in asked:
        own = max(scores[t, picture] for t in range(len(owner)) if owner[t] == picture)
        better = sum(1 for t in range(len(owner)) if owner[t] != picture and scores[t, picture] >= own)
        pictures_right += better < k
    return 100 * texts_right / len(chosen), 100 * pictures_right / len(asked)


@given(st.integers(0, 999), st.integers(2, 9), st.integers(1, 14))
def test_slices_by_hand(seed: int, pictures: int, texts: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.random((texts, pictures)), 1).astype(np.float32)  # coarse: ties
    owner = rng.integers(0, pictures, texts).tolist()
    areas = rng.choice([0.01, 0.05, 0.1, 0.6, 1.0], texts)
    found = SmallObjectEvaluator((0.05, 0.5))(scores, owner, areas)
    assert sum(s.texts for s in found) == texts
    for s in found:
        chosen = [t for t in range(texts) if s.low <= areas[t] and (areas[t] < s.high or s.high == 1)]
        for k in (1, 5):
            assert (s.t2i[f"R@{k}"], s.i2t[f"R@{k}"]) == pytest.approx(by_hand(scores, owner, chosen, k))


def test_what_cannot_be() -> None:
    for edges in ((0.0,), (0.5, 0.2), (1.0,), (0.2, 0.2)):
        with pytest.raises(InputError):
            SmallObjectEvaluator(edges)
    run = SmallObjectEvaluator()
    for scores, owner, areas in (
        (np.zeros((2, 2)), [0], [0.5]),
        (np.zeros((1, 2)), [2], [0.5]),
        (np.zeros((1, 2)), [0], [0.0]),
        (np.zeros(2), [0, 1], [0.5, 0.5]),
    ):
        with pytest.raises(ShapeError):
            run(scores, owner, areas)
