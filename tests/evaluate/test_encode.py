from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from openitr.embeddings import DenseEmbeddings, Embeddings, LexiconEmbeddings, TokenEmbeddings, joined
from openitr.errors import ShapeError


def some(kind: str) -> Embeddings:
    rng = np.random.default_rng(0)
    unit = DenseEmbeddings.normalise(rng.normal(size=(9, 4)))
    if kind == "dense":
        return unit
    if kind == "lexicon":
        return LexiconEmbeddings(csr_matrix(rng.random((9, 4))))
    return TokenEmbeddings(unit.values, np.array([0, 2, 3, 7, 8, 9]))


@pytest.mark.parametrize("kind", ["dense", "lexicon", "late"])
def test_pieces_put_together_are_the_whole(kind: str) -> None:
    whole = some(kind)
    again = joined([whole[:2], whole[2:3], whole[3:]])
    assert len(again) == len(whole) and again.kind == kind
    assert np.array_equal(again.score(whole), whole.score(whole))  # type: ignore[arg-type]


def test_kinds_do_not_mix() -> None:
    with pytest.raises(ShapeError):
        joined([some("dense"), some("late")])
    with pytest.raises(ShapeError):
        joined([])
