"""The journal: any cut or change of its tail is noticed, and nothing before it is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openitr.index.rowlog import GONE, RECORD, latest, pack, read

_CHANGES = st.lists(st.tuples(st.integers(0, 2**40), st.integers(GONE, 2**30)), max_size=20)


def arrays(changes: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(changes, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@given(changes=_CHANGES, cut=st.integers(0, 500))
def test_a_cut_journal_holds_its_whole_records(
    tmp_path_factory: object, changes: list[tuple[int, int]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "rows.log"  # type: ignore[attr-defined]
    ids, rows = arrays(changes)
    half = len(ids) // 2
    raw = pack(ids[:half], rows[:half], 0) + pack(ids[half:], rows[half:], half)
    path.write_bytes(raw[:cut])
    whole = min(cut, len(raw)) // RECORD
    for first, last in ((0, None), (1, None), (0, 3)):
        end = whole if last is None else min(whole, last)
        got = read(path, first, last)
        assert got[0].tolist() == ids[first:end].tolist() and got[1].tolist() == rows[first:end].tolist()


@given(changes=_CHANGES.filter(bool), data=st.data())
def test_a_changed_byte_ends_the_journal(
    tmp_path_factory: object, changes: list[tuple[int, int]], data: object
) -> None:
    path = tmp_path_factory.mktemp("log") / "rows.log"  # type: ignore[attr-defined]
    ids, rows = arrays(changes)
    raw = bytearray(pack(ids, rows, 0))
    place = data.draw(st.integers(0, len(raw) - 1))  # type: ignore[attr-defined]
    raw[place] ^= data.draw(st.integers(1, 255))  # type: ignore[attr-defined]
    path.write_bytes(raw)
    assert read(path)[0].tolist() == ids[: place // RECORD].tolist()


@given(changes=_CHANGES)
def test_the_last_change_of_an_id_counts(changes: list[tuple[int, int]]) -> None:
    held: dict[int, int] = {}
    for id, row in changes:
        held[id] = row
    expected = sorted((id, row) for id, row in held.items() if row != GONE)
    ids, rows = latest(*arrays(changes))
    assert list(zip(ids.tolist(), rows.tolist(), strict=True)) == expected


def test_a_missing_journal_is_empty(tmp_path: Path) -> None:
    assert len(read(tmp_path / "absent")[0]) == 0
