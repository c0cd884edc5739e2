"""The compiled search: its loops as plain Python against oracles, and as machine code against the NumPy path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from openitr.embeddings import LexiconEmbeddings
from openitr.errors import MissingExtra
from openitr.index import compiled
from openitr.index.lexicon import LexiconIndex
from openitr.index.pieces import ROWS
from openitr.index.postings import Segment, segment_of
from tests.index.test_lexicon import TERMS, TOLERANCE, sparse
from tests.index.two_ways import same_answers, same_from_threads

FEW = st.integers(0, 4)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loops as they are written, without numba."""
    monkeypatch.setattr(compiled, "kernels", lambda: (compiled._add, compiled._keep))


@given(
    parts=st.lists(st.lists(st.tuples(FEW, st.booleans()), max_size=600), max_size=3),
    k=st.integers(1, 40),
    order=st.randoms(use_true_random=False),
)
def test_the_heap_keeps_the_best_and_of_equals_the_lower_ids(
    parts: list[list[tuple[int, bool]]], k: int, order: object
) -> None:
    """Over several segments whose ids interleave, with masks, through rows that are passed over in blocks."""
    ids = np.random.default_rng(len(parts)).permutation(sum(map(len, parts)))
    heap, scores, size = np.empty(k, np.int64), np.empty(k, np.float32), 0
    wanted = []
    sums = np.zeros(1000, np.float32)
    for number, part in enumerate(parts):
        first = sum(map(len, parts[:number]))
        of = np.sort(ids[first : first + len(part)]).astype(np.int64)
        sums[: len(part)] = [score for score, _ in part]
        mask = np.array([there for _, there in part], bool)
        wanted += [(-score, id) for (score, there), id in zip(part, of.tolist(), strict=True) if there]
        size = compiled._keep(sums, of, mask, heap, scores, size)
        assert not sums.any()
    found = sorted(zip((-scores[:size]).tolist(), heap[:size].tolist(), strict=True))
    assert found == sorted(wanted)[:k]


@given(st.dictionaries(st.tuples(st.integers(0, 3000), st.integers(0, 6)), st.integers(1, 255), max_size=80))
def test_postings_are_added_as_a_matrix_product_would(held: dict[tuple[int, int], int]) -> None:
    """Gaps, bridges and row numbers; terms that no row holds."""
    entries = sorted(held)
    rows, terms = np.array(entries, np.int64).reshape(-1, 2).T
    weights = np.array([held[entry] for entry in entries], np.uint8)
    one = segment_of(np.arange(3001), rows, terms, weights)
    matrix = np.zeros((3001, 9))
    matrix[rows, terms] = weights
    query = {0: 0.5, 3: 2.0, 6: 1.0, 8: 4.0}
    sums = np.zeros(ROWS, np.float32)
    asked, factors = np.array([*query], np.int64), np.array([*query.values()], np.float32)
    compiled._add(sums, one.terms, one.starts, one.places, one.rows, one.weights, asked, factors)
    assert np.array_equal(sums[:3001], matrix[:, asked] @ factors)


def test_a_damaged_segment_writes_nowhere_else(plain: None, tmp_path: Path) -> None:
    """Gaps that lead past the last row: the sums stay in their array, and the next question finds them clean."""
    count = 400
    whole = segment_of(
        np.arange(count), np.arange(count), np.zeros(count, np.int64), np.full(count, 9, np.uint8)
    )  # fmt: skip
    bad = Segment(**{**vars(whole), "rows": np.full(count, 255, np.uint8)})
    one = np.array([0]), np.ones(1, np.float32)
    compiled.best_of([bad], [None], *one, 1.0, 5)
    ids, scores = compiled.best_of([whole], [None], *one, 1.0, count)
    assert sorted(ids.tolist()) == list(range(count)) and set(scores.tolist()) == {9.0}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LexiconIndex, LexiconIndex]]:
    """The same index searched both ways: several segments on disk, dead and replaced rows."""
    folder = tmp_path_factory.mktemp("words")
    made = LexiconIndex(folder, TERMS)
    data = sparse(900, 4)
    order = np.random.default_rng(1).permutation(900)
    for start in range(0, 900, 300):
        made.add(order[start : start + 300], data[start : start + 300])
        made.flush()
    made.remove(order[:50])
    made.add(order[300:340], data[400:440])
    made.flush()
    made.close()
    pair = LexiconIndex(folder), LexiconIndex(folder, compiled=True)
    yield pair
    for index in pair:
        index.close()


@pytest.mark.parametrize("k", [1, 10, 849, 5000])
@pytest.mark.parametrize("share", [None, 0.0, 0.02, 0.5])
def test_machine_code_answers_as_numpy_does(
    both: tuple[LexiconIndex, LexiconIndex], k: int, share: float | None
) -> None:
    queries = sparse(12, 5)
    allowed = None if share is None else np.arange(0, 900)[np.random.default_rng(2).random(900) < share]
    same_answers(both[0].search(queries, k, allowed), both[1].search(queries, k, allowed), TOLERANCE)


def test_no_common_term_and_nothing_asked_fill_up_by_id(both: tuple[LexiconIndex, LexiconIndex]) -> None:
    nothing = LexiconEmbeddings(csr_matrix((1, TERMS), dtype=np.float32))
    assert both[1].search(nothing, 7)[0].ids.tolist() == both[0].search(nothing, 7)[0].ids.tolist()


def test_threads_do_not_share_their_sums(both: tuple[LexiconIndex, LexiconIndex]) -> None:
    same_from_threads(both[1], sparse(40, 6), 5)


def test_without_numba_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled.kernels.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtra, match=r"openitr\[compiled\]"):
        LexiconIndex(tmp_path, TERMS, compiled=True)
    compiled.kernels.cache_clear()
