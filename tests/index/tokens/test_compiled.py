"""The compiled steps: their loops as plain Python against oracles, and as machine code against the NumPy path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import TokenEmbeddings
from openitr.errors import MissingExtra
from openitr.index.tokens import compiled, search
from openitr.index.tokens import index as tokens
from openitr.index.tokens.codec import Codec, fit
from openitr.index.tokens.index import TokenIndex
from openitr.index.tokens.segment import TokenSegment, rounded_segment
from tests.index.tokens.test_index import DIM, TOLERANCE, bags, by_hand
from tests.index.two_ways import same_answers, same_from_threads


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loops as they are written, without numba."""
    loops = compiled.Kernels(compiled._top, compiled._add, compiled._score)
    monkeypatch.setattr(compiled, "kernels", lambda: loops)


def small(count: int = 60, bits: int = 4, dim: int = DIM) -> tuple[TokenSegment, Codec, TokenEmbeddings]:
    """A rounded segment, its codec, and the bags as they were."""
    made = bags(count, 3, dim=dim)
    codec = fit(made.values, bits=bits, seed=0, centroids=16)
    cells, codes = codec.encode(made.values)
    return rounded_segment(np.arange(count), cells, codes, made.offsets, codec), codec, made


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=80), st.integers(1, 30), st.booleans()
)
def test_the_heap_holds_the_largest_with_the_least_in_front(
    found: list[tuple[int, bool]], most: int, masked: bool
) -> None:
    values = np.array([value for value, _ in found], np.float32)
    mask = np.array([there for _, there in found]) if masked else np.zeros(0, bool)
    may = np.flatnonzero(mask) if masked else np.arange(len(values))
    heap = np.full(min(most, len(may)), -1, np.int64)
    if not len(heap):
        return
    compiled._top(values, mask, heap)
    assert len(set(heap.tolist())) == len(heap) and set(heap.tolist()) <= set(may.tolist())
    assert sorted(values[heap].tolist()) == sorted(values[may].tolist())[-len(heap) :]
    assert values[heap[0]] == values[heap].min()


@pytest.mark.parametrize(("bits", "dim"), [(1, 16), (2, 10), (4, 16), (4, 13), (8, 5)])
def test_scores_are_those_of_unpacked_tokens(plain: None, bits: int, dim: int) -> None:
    """Every number of bits, and widths that do not fill a byte; bags of one token among them."""
    segment, codec, _ = small(12, bits, dim)
    query = bags(1, 8, dim=dim).values
    rows = np.array([5, 0, 11, 5])
    found = compiled.scored(segment, codec, query, rows)
    stored, offsets = segment.bags(rows, codec)
    kept = {place: stored[offsets[place] : offsets[place + 1]] for place in range(len(rows))}
    wanted = dict(by_hand(kept, query, len(rows)))
    np.testing.assert_allclose(found, [wanted[place] for place in range(len(rows))], atol=TOLERANCE)
    assert found[0] == found[3]


@pytest.mark.parametrize("probes", [1, 5, 16, 40])
@pytest.mark.parametrize("share", [None, 0.0, 0.3])
def test_candidates_are_as_promising_as_those_of_numpy(plain: None, probes: int, share: float | None) -> None:
    """Ties may fall otherwise; what is promised may not."""
    segment, codec, _ = small()
    query = bags(1, 9).values
    mask = None if share is None else np.random.default_rng(1).random(len(segment)) < share
    one, other = search.probed(query, codec, probes), compiled.probed(query, codec, probes)
    for row in range(len(query)):
        assert sorted(one[0][row].tolist()) == sorted(other[0][row].tolist())
        np.testing.assert_allclose(np.sort(one[1][row]), np.sort(other[1][row]), atol=TOLERANCE)
    hope = search.promise(segment, *one)
    left, right = (
        by.candidates([segment, segment], [mask, mask], *asked, 25) for by, asked in ((search, one), (compiled, other))
    )
    assert sum(map(len, left)) == sum(map(len, right)) == min(25, 2 * (60 if mask is None else int(mask.sum())))
    for rows in right:
        assert len(set(rows.tolist())) == len(rows) and (mask is None or mask[rows].all())
    promised = [np.sort(hope[np.concatenate(rows)]) for rows in (left, right)]
    np.testing.assert_allclose(*promised, atol=TOLERANCE)


def test_a_damaged_segment_reads_and_writes_nowhere_else(plain: None) -> None:
    """Rows, cells and ends of lists that lead out of their arrays."""
    segment, codec, _ = small()
    bad = replace(
        segment,
        rows=np.full(len(segment.rows), 65535, np.uint16),
        cells=np.full(len(segment.cells), 65535, np.uint16),
        starts=np.where(segment.starts > 0, segment.starts + 1000, 0).astype(np.uint32),
        offsets=np.where(segment.offsets > 100, 60000, segment.offsets).astype(np.uint32),
    )
    query = bags(1, 9).values
    (rows,) = compiled.candidates([bad], [None], *compiled.probed(query, codec, 4), 10)
    assert len(rows) == 10
    assert len(compiled.scored(bad, codec, query, rows)) == 10
    clean = compiled.candidates([segment], [None], *compiled.probed(query, codec, 4), 60)[0]
    assert sorted(clean.tolist()) == list(range(60))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TokenIndex, TokenIndex]]:
    """The same index searched both ways: rounded segments, removed and replaced rows, and some not rounded yet."""
    folder = tmp_path_factory.mktemp("tokens")
    enough = tokens._ENOUGH
    tokens._ENOUGH = 1000
    try:
        made = TokenIndex(folder, DIM)
        data = bags(900)
        for start in range(0, 900, 300):
            made.add(np.arange(start, start + 300), data[start : start + 300])
            made.flush()
        made.remove(np.arange(40, 90))
        made.add(np.arange(300, 340), data[400:440])
        made.flush()
        made.close()
    finally:
        tokens._ENOUGH = enough
    pair = TokenIndex(folder), TokenIndex(folder, compiled=True)
    for one in pair:
        one.add(np.arange(2000, 2020), bags(20, 7))
    yield pair
    for one in pair:
        one.close()


@pytest.mark.parametrize("k", [1, 10, 2000])
@pytest.mark.parametrize("share", [None, 0.0, 0.1])
def test_machine_code_answers_as_numpy_does(both: tuple[TokenIndex, TokenIndex], k: int, share: float | None) -> None:
    queries = bags(12, 5)
    allowed = None if share is None else np.flatnonzero(np.random.default_rng(2).random(2020) < share)
    # Everything is scored: of equally promising items either may come, of the best only the best.
    for index in both:
        index.probes, index.rescored = 100, 3000
    same_answers(both[0].search(queries, k, allowed), both[1].search(queries, k, allowed), TOLERANCE)


def test_threads_do_not_share_their_sums(both: tuple[TokenIndex, TokenIndex]) -> None:
    both[1].probes, both[1].rescored = 4, 30
    same_from_threads(both[1], bags(30, 6), 4)


def test_without_numba_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled.kernels.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtra, match=r"openitr\[compiled\]"):
        TokenIndex(tmp_path, DIM, compiled=True)
    compiled.kernels.cache_clear()
