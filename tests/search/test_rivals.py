"""Kept rivals: the same numbers as anew, for any order of questions, and forgotten when vectors change."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings, Embeddings, LexiconEmbeddings, nothing
from openitr.index.flat import FlatIndex
from openitr.index.memory import MemoryIndex
from openitr.search.background import Background
from openitr.search.evidence import WORDS, Usual
from openitr.search.rivals import KeptRivals

DIM, COUNT = 12, 60


def unit(rows: int, seed: int) -> np.ndarray:
    return DenseEmbeddings.normalise(np.random.default_rng(seed).standard_normal((rows, DIM))).values


def filled() -> MemoryIndex:
    index = MemoryIndex("dense", DIM)
    index.add(np.arange(0, 3 * COUNT, 3), DenseEmbeddings(unit(COUNT, 0)))
    return index


def beside(words: Embeddings, sentences: Embeddings | None = None) -> Background:
    return Background(nothing("dense", DIM), words, "test", sentences=sentences)


def slow(rows: np.ndarray, unrelated: np.ndarray) -> Usual:
    """In plain loops."""
    scores = [[float(row.astype(float) @ text.astype(float)) for text in unrelated] for row in rows]
    best = [np.mean(sorted(one)[-max(1, len(one) // 50) :]) for one in scores]
    return Usual(np.array([np.mean(one) for one in scores]), np.array([np.std(one) for one in scores]), np.array(best))


def same(one: Usual, other: Usual) -> None:
    # Kept as float32, of products that sum in float32.
    for name in ("middle", "unit", "best"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=2e-6)


@given(st.lists(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=30, unique=True), max_size=6))
def test_kept_or_anew_it_is_the_same(asked: list[list[int]]) -> None:
    index, unrelated = filled(), unit(25, 1)
    kept = KeptRivals(index, beside(DenseEmbeddings(unrelated)))
    for rows in asked:
        same(kept.of(np.array(rows) * 3), slow(unit(COUNT, 0)[rows], unrelated))


def test_high_ids_none_and_unknown_ones() -> None:
    index, unrelated = MemoryIndex("dense", DIM), unit(25, 1)
    ids = np.array([7, 5_000, 9_000_000])
    index.add(ids, DenseEmbeddings(unit(3, 0)))
    kept = KeptRivals(index, beside(DenseEmbeddings(unrelated)))
    for chosen in (ids, ids[:2], ids[[1, 0]]):
        same(kept.of(chosen), slow(unit(3, 0)[np.searchsorted(ids, chosen)], unrelated))
    assert len(kept.of(ids[:0]).middle) == 0
    with pytest.raises(KeyError):
        kept.of(np.array([1]))


def test_other_kinds_level_what_texts_hold() -> None:
    rows = np.array([[1, 2, 0], [0, 1, 3]], np.float32)
    index = MemoryIndex("lexicon", 3)
    index.add(np.arange(2), LexiconEmbeddings(rows))  # type: ignore[arg-type]
    texts = np.array([[3, 4, 0], [0, 0, 2], [1, 1, 0]], np.float32)
    scores = [[float(row @ text) / float(text @ text) ** 0.5 for text in texts] for row in rows]
    same(KeptRivals(index, beside(LexiconEmbeddings(texts))).of(np.arange(2)), Usual.of(np.array(scores)))  # type: ignore[arg-type]


@pytest.mark.parametrize("stored", ["memory", "flat"])
def test_the_first_part_by_itself(tmp_path: Path, stored: str) -> None:
    """Against loops: cosines of the first numbers, above the best of the texts, in their standard deviations."""
    index = filled() if stored == "memory" else FlatIndex(tmp_path, DIM, writable=True)
    if stored == "flat":
        index.add(np.arange(0, 3 * COUNT, 3), DenseEmbeddings(unit(COUNT, 0)))
        index.flush()
    words, sentences, query = unit(25, 1), unit(60, 2), DenseEmbeddings(unit(1, 3))
    made = replace(beside(DenseEmbeddings(words), DenseEmbeddings(sentences)), alone=5)
    kept, ids = KeptRivals(index, made), np.array([9, 0, 3])

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        a, b = a[:5].astype(float), b[:5].astype(float)
        return float(a @ b / (a @ a * (b @ b)) ** 0.5)

    for _ in range(2):
        for count, texts in ((0, words), (WORDS, words), (WORDS + 1, sentences)):
            expected = []
            for row in unit(COUNT, 0)[ids // 3]:
                others = [cosine(row, text) for text in texts]
                best = np.mean(sorted(others)[-max(1, len(others) // 50) :])
                expected.append((cosine(row, query.values[0]) - best) / np.std(others))
            # Float32 products over a standard deviation of about 0.4.
            np.testing.assert_allclose(kept.alone(query, ids, count), expected, atol=1e-5)
        kept.forget()
    assert KeptRivals(index, replace(made, alone=0)).alone(query, ids).tolist() == [0.0] * 3
    index.close()


def test_a_query_that_the_first_part_knows_nothing_of() -> None:
    query = np.zeros((1, DIM), np.float32)
    query[0, -1] = 1
    kept = KeptRivals(filled(), replace(beside(DenseEmbeddings(unit(25, 1))), alone=5))
    assert np.isfinite(kept.alone(DenseEmbeddings(query), np.array([0, 3]))).all()


def test_changed_vectors_are_seen(tmp_path: Path) -> None:
    index = FlatIndex(tmp_path, DIM, writable=True)
    index.add(np.arange(20), DenseEmbeddings(unit(20, 0)))
    index.flush()
    kept = KeptRivals(index, beside(DenseEmbeddings(unit(25, 1))))
    same(kept.of(np.arange(20)), slow(unit(20, 0), unit(25, 1)))
    index.add(np.arange(5), DenseEmbeddings(unit(5, 9)))
    index.flush()
    same(kept.of(np.arange(5)), slow(unit(5, 9), unit(25, 1)))
    index.close()


def test_threads_share_it() -> None:
    index, unrelated = filled(), unit(25, 1)
    kept = KeptRivals(index, beside(DenseEmbeddings(unrelated)))
    wrong: list[object] = []

    def ask(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(50):
            rows = rng.permutation(COUNT)[: rng.integers(1, 30)]
            try:
                same(kept.of(rows * 3), slow(unit(COUNT, 0)[rows], unrelated))
            except BaseException as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong


def test_sentences_have_rivals_of_their_own_and_all_can_be_forgotten() -> None:
    index, words, sentences = filled(), unit(25, 1), unit(60, 2)
    kept = KeptRivals(index, beside(DenseEmbeddings(words), DenseEmbeddings(sentences)))
    ids = np.array([3, 0, 9])
    for _ in range(2):
        for count, texts in ((0, words), (WORDS, words), (WORDS + 1, sentences)):
            same(kept.of(ids, count), slow(unit(COUNT, 0)[ids // 3], texts))
            expected = unit(COUNT, 0)[ids // 3] @ texts.T
            np.testing.assert_allclose(kept.shown(ids, count), expected, atol=2e-6)
        kept.forget()
