from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from openitr.embeddings import DenseEmbeddings, Embeddings, LexiconEmbeddings, TokenEmbeddings
from openitr.errors import ShapeError
from openitr.evaluate import Positives, rank_all, rank_one


def by_hand(scores: list[float], positives: list[int]) -> tuple[int, float]:
    """The definition, in plain loops: wrong answers that reach a right one stand in front of it."""
    wrong = [s for i, s in enumerate(scores) if i not in positives]
    right = sorted((scores[p] for p in positives), reverse=True)
    first, precisions = 0, []
    for j, score in enumerate(right, 1):
        rank = j
        for other in wrong:
            if other >= score:
                rank += 1
        if j == 1:
            first = rank
        precisions.append(j / rank)
    return first, sum(precisions) / len(precisions)


# Whole numbers below 6 make ties common; they are far apart against the tolerance.
tables = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 5), min_size=n, max_size=n),
        st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True),
    )
)


@settings(deadline=None)  # a busy machine is no failure
@given(tables)
def test_one_query_is_as_in_plain_loops(table: tuple[list[int], list[int]]) -> None:
    scores, positives = table
    first, precision = rank_one(np.array(scores, np.float32), np.array(positives))
    expected = by_hand([float(s) for s in scores], positives)
    assert first == expected[0]
    assert precision == pytest.approx(expected[1], abs=1e-12)


def exact(scores: np.ndarray) -> tuple[LexiconEmbeddings, LexiconEmbeddings]:
    """Embeddings whose scores are exactly the given non-negative (n, m) matrix."""
    return LexiconEmbeddings(csr_matrix(np.eye(len(scores)))), LexiconEmbeddings(csr_matrix(scores.T))


@pytest.mark.parametrize("block", [1, 64, 1 << 22])
def test_many_queries_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("openitr.evaluate.ranks._BLOCK", block)
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (23, 40)).astype(float)
    chosen = [rng.choice(40, size=rng.integers(0, 25), replace=False) for _ in range(23)]
    offsets = np.concatenate([[0], np.cumsum([len(c) for c in chosen])])
    found = rank_all(*exact(scores), Positives(offsets, np.concatenate(chosen)))
    asked = [i for i, c in enumerate(chosen) if len(c)]
    assert found.queries.tolist() == asked
    assert found.gallery == 40
    for row, query in enumerate(asked):
        first, precision = by_hand(scores[query].tolist(), chosen[query].tolist())
        assert found.first[row] == first
        assert found.average_precision[row] == pytest.approx(precision, abs=1e-12)


def some(kind: str, n: int, seed: int) -> Embeddings:
    rng = np.random.default_rng(seed)
    if kind == "dense":
        return DenseEmbeddings.normalise(rng.normal(size=(n, 8)))
    if kind == "lexicon":
        return LexiconEmbeddings(csr_matrix(rng.random((n, 8)) * (rng.random((n, 8)) < 0.5)))
    lengths = rng.integers(1, 5, n)
    values = DenseEmbeddings.normalise(rng.normal(size=(lengths.sum(), 8))).values
    return TokenEmbeddings(values, np.concatenate([[0], np.cumsum(lengths)]))


@pytest.mark.parametrize("kind", ["dense", "lexicon", "late"])
@pytest.mark.parametrize("block", [1, 50, 1 << 22])
def test_every_kind_of_embeddings_both_ways(monkeypatch: pytest.MonkeyPatch, kind: str, block: int) -> None:
    monkeypatch.setattr("openitr.evaluate.ranks._BLOCK", block)
    images, texts = some(kind, 12, 1), some(kind, 30, 2)
    owner = np.random.default_rng(3).integers(0, 12, 30)
    whole = images.score(texts)  # type: ignore[arg-type]
    for found, scores in (
        (rank_all(texts, images, Positives.of_texts(owner)), texts.score(images)),  # type: ignore[arg-type]
        (rank_all(images, texts, Positives.of_images(owner, 12)), whole),
    ):
        for row, query in enumerate(found.queries):
            right = [int(owner[query])] if found.gallery == 12 else np.flatnonzero(owner == query).tolist()
            first, precision = by_hand(scores[query].tolist(), right)
            assert found.first[row] == first
            assert found.average_precision[row] == pytest.approx(precision, abs=1e-12)


def test_equal_vectors_tie_wherever_they_stand() -> None:
    # 64 copies of each of 30 vectors: float32 products of the copies differ in the last bits with their column.
    base = DenseEmbeddings.normalise(np.random.default_rng(0).normal(size=(30, 333))).values
    gallery = DenseEmbeddings(np.tile(base, (64, 1)))
    queries = DenseEmbeddings.normalise(base + 0.1)
    found = rank_all(queries, gallery, Positives.of_texts(np.arange(30) + 30 * np.arange(30)))
    assert (found.first >= 64).all()


def test_closed_forms() -> None:
    n, several = 20, 5
    perfect = np.kron(np.eye(n), np.ones(several))
    owner = np.repeat(np.arange(n), several)
    found = rank_all(*exact(perfect), Positives.of_images(owner, n))
    assert (found.first == 1).all() and (found.average_precision == 1).all()
    tied = rank_all(*exact(np.ones((n, n * several))), Positives.of_images(owner, n))
    wrong = n * several - several
    assert (tied.first == wrong + 1).all(), "all scores alike: every wrong answer stands in front"
    expected = np.mean([j / (wrong + j) for j in range(1, several + 1)])
    assert tied.average_precision == pytest.approx(expected)


@settings(deadline=None)  # a busy machine is no failure
@given(tables)
def test_average_precision_against_scikit_learn(table: tuple[list[int], list[int]]) -> None:
    average_precision_score = pytest.importorskip("sklearn.metrics").average_precision_score
    scores, positives = np.array(table[0], np.float32), np.array(table[1])
    labels = np.zeros(len(scores))
    labels[positives] = 1
    # Without ties both are the same; scikit-learn takes a tied group as one step, which is never worse than ours.
    apart = scores + np.linspace(0, 0.5, len(scores), dtype=np.float32)
    assert rank_one(apart, positives)[1] == pytest.approx(average_precision_score(labels, apart), abs=1e-6)
    assert rank_one(scores, positives)[1] <= average_precision_score(labels, scores) + 1e-9


def test_what_does_not_fit_is_refused() -> None:
    three = some("dense", 3, 0)
    with pytest.raises(ShapeError, match="3 queries, right answers for 2"):
        rank_all(three, three, Positives.of_texts([0, 1]))
    with pytest.raises(ShapeError, match="not among the 3 items"):
        rank_all(three, three, Positives.of_texts([0, 1, 3]))
