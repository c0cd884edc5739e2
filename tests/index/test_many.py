"""Bags of vectors over single-vector engines, against the maximum in plain loops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings, TokenEmbeddings
from openitr.errors import ShapeError
from openitr.index import FlatIndex, Index, MemoryIndex
from openitr.index.many import ManyIndex

DIM = 6


def bags(sizes: list[int], seed: int = 0) -> TokenEmbeddings:
    values = np.random.default_rng(seed).standard_normal((sum(sizes), DIM)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return TokenEmbeddings(values, np.concatenate([[0], np.cumsum(sizes)]))


def by_hand(query: np.ndarray, stored: dict[int, np.ndarray], k: int, allowed: set[int] | None) -> list[int]:
    """Ids of the k best by the sum over query vectors of the best match, in plain loops."""
    scored = []
    for id, bag in stored.items():
        if allowed is None or id in allowed:
            total = sum(max(sum(float(a) * float(b) for a, b in zip(q, v, strict=True)) for v in bag) for q in query)
            scored.append((-total, id))
    return [id for _, id in sorted(scored)[:k]]


def rows(embeddings: TokenEmbeddings) -> list[np.ndarray]:
    return [embeddings.values[a:b] for a, b in zip(embeddings.offsets[:-1], embeddings.offsets[1:], strict=True)]


@pytest.fixture(params=["memory", "flat"])
def inner(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = MemoryIndex("dense", DIM) if request.param == "memory" else FlatIndex(tmp_path / "index", DIM, writable=True)
    yield made
    made.close()


def test_it_is_an_index_of_the_late_kind(inner: Any) -> None:
    index = ManyIndex(inner)
    assert isinstance(index, Index) and index.kind == "late" and index.dim == DIM
    assert len(index) == 0 and [len(r) for r in index.search(bags([1, 2]), 3)] == [0, 0]


@pytest.mark.parametrize("asked", [[1, 1, 1], [3, 2, 4]])
def test_search_is_the_maximum_by_hand(inner: Any, asked: list[int]) -> None:
    index = ManyIndex(inner, slots=8)
    stored = bags([1 + i % 5 for i in range(60)])
    ids = np.random.default_rng(1).permutation(500)[:60].astype(np.int64)
    index.add(ids, stored)
    by_id = dict(zip(ids.tolist(), rows(stored), strict=True))
    queries = bags(asked, 9)
    chosen = ids[::3]
    for k in (1, 7, 100):
        for allowed in (None, chosen):
            for query, found in zip(rows(queries), index.search(queries, k, allowed), strict=True):
                wanted = by_hand(query, by_id, k, None if allowed is None else set(allowed.tolist()))
                assert found.ids.tolist() == wanted
                exact = [query @ by_id[id].T for id in wanted]
                # Six products of numbers below 1 in float32.
                np.testing.assert_allclose(found.scores, [s.max(axis=1).sum() for s in exact], atol=1e-5)


def test_items_that_crowd_the_front_hide_nobody(inner: Any) -> None:
    """A hundred near copies in one item must not use up what is fetched for the others."""
    index = ManyIndex(inner, slots=128)
    front = np.tile(np.eye(DIM, dtype=np.float32)[0], (100, 1))
    others = bags([1] * 20, 3)
    index.add(np.array([5]), TokenEmbeddings(front, np.array([0, 100])))
    index.add(np.arange(100, 120), others)
    found = index.search(TokenEmbeddings(front[:1], np.array([0, 1])), 4)[0]
    stored = {5: front, **{100 + i: bag for i, bag in enumerate(rows(others))}}
    assert found.ids.tolist() == by_hand(front[:1], stored, 4, None)


def test_a_mean_of_the_vectors_would_not_do(inner: Any) -> None:
    eye = np.eye(DIM, dtype=np.float32)
    index = ManyIndex(inner)
    spread, lukewarm = eye[:4], DenseEmbeddings.normalise(eye[:1] + eye[4:5]).values
    index.add(np.array([1, 2]), TokenEmbeddings(np.concatenate([spread, lukewarm]), np.array([0, 4, 5])))
    query = TokenEmbeddings(eye[:1], np.array([0, 1]))
    assert index.search(query, 1)[0].ids.tolist() == [1]
    assert eye[0] @ spread.mean(axis=0) < eye[0] @ lukewarm[0]


def test_replacing_removes_surplus_vectors_and_removing_removes_all(inner: Any) -> None:
    index = ManyIndex(inner, slots=4)
    index.add(np.array([1, 2]), bags([4, 3]))
    index.add(np.array([1]), bags([2], 5))
    assert index.stats()["vectors"] == 5 and index.stats()["count"] == 2
    np.testing.assert_allclose(index.vectors(np.array([1])).values, bags([2], 5).values, atol=1e-7)
    index.remove(np.array([2, 77]))
    assert index.ids().tolist() == [1] and len(inner) == 2
    with pytest.raises(KeyError):
        index.vectors(np.array([1, 2]))


def test_what_does_not_fit_is_refused_and_changes_nothing(inner: Any) -> None:
    index = ManyIndex(inner, slots=2)
    for ids, given_ in [
        ([1], bags([3])),
        ([1, 2], bags([1])),
        ([1], DenseEmbeddings(np.eye(DIM, dtype=np.float32)[:1])),
    ]:
        with pytest.raises(ShapeError):
            index.add(np.array(ids), given_)
    with pytest.raises(ShapeError):
        index.search(bags([1]), 0)
    with pytest.raises(ShapeError, match="dense"):
        ManyIndex(MemoryIndex("late", DIM))
    with pytest.raises(ShapeError, match="slots"):
        ManyIndex(inner, slots=0)
    assert len(inner) == 0


def test_a_stored_index_opens_again(tmp_path: Path) -> None:
    index = ManyIndex(FlatIndex(tmp_path / "kept", DIM, writable=True), slots=4)
    index.add(np.array([3, 9]), bags([2, 4]))
    index.flush()
    index.close()
    again = ManyIndex(FlatIndex(tmp_path / "kept", DIM, writable=True), slots=4)
    np.testing.assert_allclose(again.vectors(np.array([9, 3])).values, bags([2, 4])[[1, 0]].values, atol=1e-7)
    again.close()


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=12),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.integers(1, 15),
    st.integers(0, 99),
)
def test_any_bags_as_the_late_memory_index_finds_them(sizes: list[int], asked: list[int], k: int, seed: int) -> None:
    index, reference = ManyIndex(MemoryIndex("dense", DIM), slots=4), MemoryIndex("late", DIM)
    # Coarse values make ties, which go by id.
    stored = TokenEmbeddings(DenseEmbeddings.normalise(np.sign(bags(sizes, seed).values)).values, bags(sizes).offsets)
    for one in (index, reference):
        one.add(np.arange(len(stored)), stored)
    queries = bags(asked, seed + 1)
    for found, wanted in zip(index.search(queries, k), reference.search(queries, k), strict=True):
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
