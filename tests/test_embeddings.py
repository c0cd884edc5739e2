"""The three kinds of embeddings against plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from openitr.embeddings import DenseEmbeddings, Embeddings, LexiconEmbeddings, TokenEmbeddings, load_embeddings
from openitr.errors import ShapeError


def dense(seed: int, n: int, d: int = 8) -> DenseEmbeddings:
    return DenseEmbeddings.normalise(np.random.default_rng(seed).normal(size=(n, d)))


def lexicon(seed: int, n: int, terms: int = 12) -> LexiconEmbeddings:
    raw = np.maximum(np.random.default_rng(seed).normal(size=(n, terms)) - 0.5, 0)
    return LexiconEmbeddings(csr_matrix(raw))


def tokens(seed: int, n: int, d: int = 6) -> TokenEmbeddings:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 5, n)
    rows = DenseEmbeddings.normalise(rng.normal(size=(int(counts.sum()), d))).values if n else np.zeros((0, d))
    return TokenEmbeddings(rows, np.concatenate([[0], np.cumsum(counts)]))


def loop_score(kind: str, a: Embeddings, b: Embeddings, i: int, j: int) -> float:
    """The score of one pair, as the definition says it."""
    if isinstance(a, DenseEmbeddings) and isinstance(b, DenseEmbeddings):
        return sum(float(x) * float(y) for x, y in zip(a.values[i], b.values[j], strict=True))
    if isinstance(a, LexiconEmbeddings) and isinstance(b, LexiconEmbeddings):
        left, right = a.matrix.toarray()[i], b.matrix.toarray()[j]
        return sum(float(x) * float(y) for x, y in zip(left, right, strict=True))
    assert isinstance(a, TokenEmbeddings) and isinstance(b, TokenEmbeddings)
    total = 0.0
    for q in a.values[a.offsets[i] : a.offsets[i + 1]]:
        total += max(float(q @ p) for p in b.values[b.offsets[j] : b.offsets[j + 1]])
    return total


@pytest.mark.parametrize("make", [dense, lexicon, tokens])
@given(seed=st.integers(0, 10_000), n=st.integers(1, 6), m=st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_score_is_the_definition(make, seed: int, n: int, m: int) -> None:  # type: ignore[no-untyped-def]
    a, b = make(seed, n), make(seed + 1, m)
    scores = a.score(b)
    assert scores.shape == (n, m)
    for i in range(n):
        for j in range(m):
            # float32 products of at most 12 terms of size about 1
            assert scores[i, j] == pytest.approx(loop_score(a.kind, a, b, i, j), abs=1e-5)


@pytest.mark.parametrize("make", [dense, lexicon, tokens])
def test_save_and_load(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made = make(3, 5)
    made.save(tmp_path / "e.npz")
    back = load_embeddings(tmp_path / "e.npz")
    assert type(back) is type(made)
    assert np.array_equal(back.score(back), made.score(made))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [dense, lexicon, tokens])
@pytest.mark.parametrize("rows", [slice(1, 4), [4, 0, 0], np.array([2])])
def test_slicing_keeps_rows(make, rows) -> None:  # type: ignore[no-untyped-def]
    made = make(4, 5)
    full = made.score(made)
    assert np.allclose(made[rows].score(made), full[rows], atol=1e-6)


def test_none_of_an_index_is_empty_not_broken() -> None:
    for made in (dense(0, 3), lexicon(0, 3), tokens(0, 3)):
        nothing = made[np.array([], dtype=int)]
        assert len(nothing) == 0
        assert nothing.score(made).shape == (0, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.array([[np.nan, 1.0]]), "NaN"),
        (np.array([[1.0, 0.0], [np.inf, 0.0]]), "row 1 holds NaN"),
        (np.array([[2.0, 0.0]]), "norm"),
        (np.array([[1e30, 0.0]]), "norm inf"),
        (np.array([[1.0, 0.0], [1.0011, 0.0]]), "row 1 has norm"),
        (np.array([[0.9989, 0.0]]), "norm"),
        (np.array([1.0, 0.0]), "shape"),
    ],
)
def test_dense_refuses(values: np.ndarray, word: str) -> None:
    with pytest.raises(ShapeError, match=word):
        DenseEmbeddings(values)


def test_dense_takes_norms_within_a_thousandth_of_one() -> None:
    for norm in (0.9991, 0.99904, 1.0, 1.00096, 1.0009):
        assert len(DenseEmbeddings(np.array([[0.0, norm]], np.float32))) == 1


def test_zero_row_has_no_direction() -> None:
    with pytest.raises(ShapeError, match="zeros"):
        DenseEmbeddings.normalise(np.zeros((1, 3)))


def test_other_width_is_refused() -> None:
    for a, b in ((dense(0, 1, 4), dense(0, 1, 5)), (tokens(0, 1, 4), tokens(0, 1, 5))):
        with pytest.raises(ShapeError, match="4 dimensions against 5"):
            a.score(b)  # type: ignore[arg-type]


def test_lexicon_refuses_negative_weights() -> None:
    with pytest.raises(ShapeError, match="negative"):
        LexiconEmbeddings(csr_matrix(np.array([[1.0, -0.1]])))


@pytest.mark.parametrize("offsets", [[0, 0, 1], [0], [1, 2], [0, 1]])
def test_offsets_must_cover_the_rows(offsets: list[int]) -> None:
    with pytest.raises(ShapeError):
        TokenEmbeddings(np.eye(2, dtype=np.float32), np.array(offsets))


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, kind=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        load_embeddings(path)
