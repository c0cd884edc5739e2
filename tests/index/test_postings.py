"""Segments against a dictionary of dictionaries: coding by gaps and by row numbers, the way back, damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import DamagedCollection
from openitr.index.postings import ROWS, Segment, segment_of

Rows = dict[int, dict[int, int]]


def built(ids: np.ndarray, rows: Rows) -> Segment:
    """A segment of {row: {term: weight}}."""
    flat = [(row, term, weight) for row in sorted(rows) for term, weight in sorted(rows[row].items())]
    columns = np.array(flat, np.int64).reshape(-1, 3).T
    return segment_of(ids, columns[0], columns[1], columns[2].astype(np.uint8))


def read(segment: Segment) -> dict[int, dict[int, int]]:
    """{term: {row: weight}}, bridges left out, every row of the postings ascending."""
    found = {}
    for place, term in enumerate(segment.terms.tolist()):
        rows, weights = segment.postings(place)
        assert (np.diff(rows.astype(np.int64)) > 0).all()
        found[term] = {int(r): int(w) for r, w in zip(rows, weights, strict=True) if w}
        assert segment.peaks[place] == max(found[term].values())
    return found


SPREAD = st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=40, unique=True)


@settings(max_examples=40)
@given(st.dictionaries(st.integers(0, 50_000), st.tuples(SPREAD, st.booleans()), max_size=5))
def test_what_goes_in_comes_out_whichever_way_it_is_coded(
    tmp_path_factory: pytest.TempPathFactory, drawn: dict
) -> None:
    """Terms in few rows all over the segment, and terms in a dense run, in one segment, through the disk."""
    rows: Rows = {}
    for term, (places, dense) in drawn.items():
        for row in range(min(places), min(min(places) + 500, ROWS)) if dense else places:
            rows.setdefault(row, {})[term] = 1 + (row * 7 + term) % 255
    ids = np.arange(ROWS, dtype=np.int64) * 3 + 5
    made = built(ids, rows)
    path = tmp_path_factory.mktemp("segment") / "a.lex"
    made.save(path)
    for segment in (made, Segment.open(path)):
        assert segment.ids.tolist() == ids.tolist()
        wanted: dict[int, dict[int, int]] = {}
        for row, terms in rows.items():
            for term, weight in terms.items():
                wanted.setdefault(term, {})[row] = weight
        assert read(segment) == wanted
        backward = list(zip(*(part.tolist() for part in segment.forward()), strict=True))
        assert backward == [(r, t, w) for r in sorted(rows) for t, w in sorted(rows[r].items())]
        for term in [*wanted, 50_001]:
            some = np.array(sorted({0, 1, 700, ROWS - 1, *list(wanted.get(term, {}))[:5]}))
            assert segment.held(term, some).tolist() == [wanted.get(term, {}).get(int(row), 0) for row in some]


def test_only_the_rows_that_are_asked_for_come_back() -> None:
    made = built(np.arange(4), {0: {3: 1}, 1: {3: 2, 9: 3}, 3: {1: 4}})
    wanted = np.array([False, True, False, True])
    assert [part.tolist() for part in made.forward(wanted)] == [[1, 1, 3], [3, 9, 1], [2, 3, 4]]


def test_a_common_term_takes_two_bytes_a_posting_and_a_rare_one_three() -> None:
    every_third = {row: {0: 9} for row in range(0, 30_000, 3)}
    common = built(np.arange(ROWS), every_third)
    assert len(common.rows) == len(common.weights) == 10_000
    rare = built(np.arange(ROWS), {row: {0: 9} for row in range(0, 60_000, 3000)})
    assert len(rare.weights) == 20 and len(rare.rows) == 40
    # 16 rows among 4,080: a bridge between any two would cost more than row numbers do.
    edge = built(np.arange(ROWS), {row: {0: 9} for row in range(255, 16 * 256, 256)})
    assert len(edge.rows) in (2 * len(edge.weights), len(edge.weights)) and len(edge.rows) <= 32


@pytest.mark.parametrize(
    ("ids", "width"),
    [([0, 1, 5], 1), ([7, 1000, 1001], 2), ([0, 1 << 20], 4), ([0, 1 << 40], 8), ([-5, 3], 8), ([], 1)],
)
def test_ids_take_as_few_bytes_as_their_gaps_need(tmp_path: Path, ids: list[int], width: int) -> None:
    made = segment_of(np.array(ids, np.int64), *np.zeros((2, 0), np.int64), np.zeros(0, np.uint8))
    made.save(tmp_path / "a.lex")
    assert Segment.open(tmp_path / "a.lex").ids.tolist() == ids
    kind = {1: "|u1", 2: "<u2", 4: "<u4", 8: "<i8"}[width]
    assert f'"ids": ["{kind}", 0, {len(ids)}]' in str((tmp_path / "a.lex").read_bytes()[16:120], "ascii", "replace")


def test_arrays_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    good = built(np.arange(9), {0: {3: 1}, 1: {3: 2, 9: 3}, 8: {1: 4}})
    for name, bad in (
        ("starts", good.starts[::-1].copy()), ("starts", good.starts + 1), ("places", good.places * 2),
        ("terms", good.terms[:-1]), ("peaks", good.peaks[:-1]), ("rows", good.rows[:-1]),
        ("weights", good.weights[:-1]),
    ):  # fmt: skip
        arrays = {**vars(good), name: bad}
        Segment(**arrays).save(tmp_path / "a.lex")
        with pytest.raises(DamagedCollection, match="do not fit"):
            Segment.open(tmp_path / "a.lex")
