"""One pass for both directions gives what two passes give."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings, TokenEmbeddings
from openitr.evaluate import Positives, rank_all
from openitr.evaluate.both import rank_both


@pytest.mark.parametrize("rows", [1, 7, 64])
@pytest.mark.parametrize("tied", [False, True])
def test_as_two_passes(monkeypatch: pytest.MonkeyPatch, rows: int, tied: bool) -> None:
    monkeypatch.setattr("openitr.evaluate.both._ROWS", rows)
    rng = np.random.default_rng(rows)
    pictures, texts = (rng.normal(size=(n, 16)) for n in (83, 200))
    if tied:
        # Six directions for all: most wrong answers tie with the right one.
        directions = rng.normal(size=(6, 16))
        pictures, texts = directions[rng.integers(0, 6, 83)], directions[rng.integers(0, 6, 200)]
    images, captions = DenseEmbeddings.normalise(pictures), DenseEmbeddings.normalise(texts)
    owner = rng.integers(0, 70, 200)
    t2i, i2t = rank_both(images, captions, owner)
    for found, expected in (
        (t2i, rank_all(captions, images, Positives.of_texts(owner))),
        (i2t, rank_all(images, captions, Positives.of_images(owner, 83))),
    ):
        assert found.queries.tolist() == expected.queries.tolist() and found.gallery == expected.gallery
        assert found.first.tolist() == expected.first.tolist()
        assert found.average_precision == pytest.approx(expected.average_precision, abs=1e-12)
    assert len(i2t.queries) == len(set(owner.tolist())) < 83, "pictures without texts ask nothing"


def test_other_kinds_go_the_long_way() -> None:
    values = DenseEmbeddings.normalise(np.random.default_rng(0).normal(size=(12, 4))).values
    bags = TokenEmbeddings(values, np.arange(0, 13, 2))
    t2i, i2t = rank_both(bags, bags, np.arange(6))
    assert (
        t2i.first.tolist()
        == i2t.first.tolist()
        == rank_all(bags, bags, Positives.of_texts(np.arange(6))).first.tolist()
    )
