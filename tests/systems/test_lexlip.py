"""The pieces of the card at a tiny size; its checks fail for what is not an index and for a price that buys nothing."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.index import LexiconIndex
from openitr.systems import Budget, find, frozen
from openitr.systems.lexlip import KEPT, recall, searched, vocabulary, weights_of


@pytest.fixture(scope="module")
def data() -> frozen.FrozenPairs:
    """Sixty pictures of three words each; both sides see the words through noise."""
    rng = np.random.default_rng(0)
    names = [f"word{chr(97 + i)}" for i in range(20)]
    shown = np.array([rng.choice(20, 3, replace=False) for _ in range(60)])
    bags = np.zeros((60, 20), np.float32)
    np.put_along_axis(bags, shown, 1, axis=1)
    mix = rng.normal(size=(20, 24))
    sides = [bags @ mix + 0.3 * rng.normal(size=(60, 24)) for _ in range(2)]
    images, texts = ((s / np.linalg.norm(s, axis=1, keepdims=True)).astype(np.float32) for s in sides)
    captions = [" ".join(names[at] for at in row) for row in shown]
    return frozen.FrozenPairs(images, texts, np.arange(60), [str(i) for i in range(60)], captions, None)  # type: ignore[arg-type]


def test_a_price_makes_sparse_and_none_does_not(data: frozen.FrozenPairs) -> None:
    words = vocabulary(data.captions)
    train = np.arange(40)
    dense, sparse = (weights_of(data, words, train, price, 0, steps=30) for price in (0.0, 3.0))
    assert (sparse[0] > 0).sum() < 0.8 * (dense[0] > 0).sum()
    for images, texts in (dense, sparse):
        assert images.shape == (60, len(words)) and (images >= 0).all() and (texts >= 0).all()
        # Words that stand in a text are among its weights.
        assert all(texts[row, words.index(word)] > 0 for row, c in enumerate(data.captions) for word in c.split())
    assert recall(dense[0] @ dense[1][40:].T, np.arange(40, 60)) > 60


def test_the_index_is_held_to_the_plain_product(data: frozen.FrozenPairs, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    images, texts = (rng.random((80, 100)).astype(np.float32) * (rng.random((80, 100)) < 0.9) for _ in range(2))
    images, texts = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (images, texts))
    good = searched(images, texts, np.arange(80))
    assert good["difference"] <= 1e-6 and good["differing"] == 0
    assert KEPT * 2 < good["bytes"] < 100 * 4 * 4
    real = LexiconIndex.search

    def lazy(self: LexiconIndex, queries: object, k: int, allowed: object = None) -> object:
        return [type(r)(r.ids[::-1].copy(), r.scores) for r in real(self, queries, k)]  # type: ignore[arg-type]

    monkeypatch.setattr(LexiconIndex, "search", lazy)
    bad = searched(images, texts, np.arange(80))
    assert bad["difference"] > 1e-6 or bad["differing"] > 0


@pytest.mark.slow
@pytest.mark.real_data
def test_the_whole_card(real_data: object) -> None:
    outcome = find("lexlip").experiment(Budget(seconds=300))
    assert outcome.checks[0].passed and outcome.shown
