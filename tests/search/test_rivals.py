"""Kept rivals: the same numbers as anew, for any order of questions, and forgotten when vectors change."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings
from openitr.index.flat import FlatIndex
from openitr.index.memory import MemoryIndex
from openitr.search.evidence import Rivals
from openitr.search.rivals import KeptRivals

DIM, COUNT = 12, 60


def unit(rows: int, seed: int) -> np.ndarray:
    return DenseEmbeddings.normalise(np.random.default_rng(seed).standard_normal((rows, DIM))).values


def filled() -> MemoryIndex:
    index = MemoryIndex("dense", DIM)
    index.add(np.arange(0, 3 * COUNT, 3), DenseEmbeddings(unit(COUNT, 0)))
    return index


def same(one: Rivals, other: Rivals) -> None:
    # One matrix product of a few rows and one of many sum in different orders.
    np.testing.assert_allclose(one.scores[one.rows], other.scores[other.rows], atol=2e-6)
    for name in ("middle", "unit", "strongest"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=2e-6)


@given(st.lists(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=30, unique=True), max_size=6))
def test_kept_or_anew_it_is_the_same(asked: list[list[int]]) -> None:
    index, unrelated = filled(), unit(25, 1)
    # Room for two thirds, so that all is forgotten now and then.
    kept = KeptRivals(index, unrelated, room=40)
    for rows in asked:
        same(kept.of(np.array(rows) * 3), Rivals.of(unit(COUNT, 0)[rows] @ unrelated.T))


def test_more_than_there_is_room_for_and_none() -> None:
    index, unrelated = filled(), unit(25, 1)
    kept = KeptRivals(index, unrelated, room=10)
    same(kept.of(np.arange(0, 60, 3)), Rivals.of(unit(COUNT, 0)[:20] @ unrelated.T))
    with pytest.raises(KeyError):
        kept.of(np.array([1]))


def test_changed_vectors_are_seen(tmp_path: Path) -> None:
    index = FlatIndex(tmp_path, DIM, writable=True)
    index.add(np.arange(20), DenseEmbeddings(unit(20, 0)))
    index.flush()
    kept = KeptRivals(index, unit(25, 1))
    same(kept.of(np.arange(20)), Rivals.of(unit(20, 0) @ unit(25, 1).T))
    index.add(np.arange(5), DenseEmbeddings(unit(5, 9)))
    index.flush()
    same(kept.of(np.arange(5)), Rivals.of(unit(5, 9) @ unit(25, 1).T))
    index.close()


def test_threads_share_it() -> None:
    index, unrelated = filled(), unit(25, 1)
    kept = KeptRivals(index, unrelated, room=40)
    wrong: list[object] = []

    def ask(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(50):
            rows = rng.permutation(COUNT)[: rng.integers(1, 30)]
            try:
                same(kept.of(rows * 3), Rivals.of(unit(COUNT, 0)[rows] @ unrelated.T))
            except BaseException as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong
