"""The store of pieces with the simplest segment there is: ids and a value each, against a dictionary."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import DamagedCollection, ShapeError
from openitr.index import arrayfile, pieces
from openitr.index.arrayfile import Column
from openitr.index.piecefolder import PieceFolder

MAGIC = b"OITRPAIR"
COLUMNS = {"ids": Column(("<i8",)), "values": Column(("<i8",))}


class Pairs:
    def __init__(self, ids: np.ndarray, values: np.ndarray) -> None:
        self.ids, self.values = ids, values

    def save(self, path: Path) -> None:
        arrayfile.write(path, MAGIC, {"ids": self.ids, "values": self.values})

    @classmethod
    def open(cls, path: Path) -> Pairs:
        return cls(**arrayfile.read(path, MAGIC, COLUMNS))


def join(taken: Sequence[pieces.Piece[Pairs]]) -> Iterator[Pairs]:
    ids = np.concatenate([piece.segment.ids[piece.alive] for piece in taken])
    values = np.concatenate([piece.segment.values[piece.alive] for piece in taken])
    order = np.argsort(ids)
    yield Pairs(ids[order], values[order])


class Store:
    """An index in a dozen lines, as the real ones are built."""

    def __init__(self, folder: Path, dim: int = 1) -> None:
        self.files = PieceFolder(folder, "pairs", Pairs.open)
        self.pieces: Any = self.files.open({"dim": dim, "note": ""}, tuple)

    def put(self, ids: list[int], value: int) -> None:
        unique = np.unique(np.array(ids, np.int64))
        fresh = [Pairs(unique, np.full(len(unique), value))] if len(unique) else []
        self.pieces = pieces.added(pieces.without(self.pieces, unique), fresh, join)

    def drop(self, ids: list[int]) -> None:
        self.pieces = pieces.without(self.pieces, np.unique(np.array(ids, np.int64)))

    def flush(self) -> None:
        self.pieces = self.files.save(pieces.tidied(self.pieces, join))

    def held(self) -> dict[int, int]:
        ids = pieces.ids_of(self.pieces)
        home, rows = pieces.home(self.pieces, ids)
        return {int(i): int(self.pieces[h].segment.values[r]) for i, h, r in zip(ids, home, rows, strict=True)}


STEP = st.tuples(st.sampled_from("pdfo"), st.lists(st.integers(0, 20), max_size=5))


@settings(max_examples=60)
@given(st.lists(STEP, max_size=30))
def test_any_history_leaves_what_a_dictionary_would(tmp_path_factory: Any, steps: list[tuple[str, list[int]]]) -> None:
    """p: put, d: drop, f: flush, o: open again without flushing."""
    folder = tmp_path_factory.mktemp("pairs")
    store = Store(folder)
    now: dict[int, int] = {}
    kept: dict[int, int] = {}
    for number, (what, ids) in enumerate(steps):
        if what == "p":
            store.put(ids, number)
            now |= dict.fromkeys(ids, number)
        elif what == "d":
            store.drop(ids)
            now = {id: value for id, value in now.items() if id not in ids}
        elif what == "f":
            store.flush()
            kept = dict(now)
        else:
            store, now = Store(folder), dict(kept)
        assert store.held() == now and pieces.count(store.pieces) == len(now)
        assert all(piece.alive.any() for piece in store.pieces)


def test_an_old_tuple_stays_what_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put([1, 2, 3], 0)
    store.flush()
    before = store.pieces
    store.drop([2])
    store.put([3], 1)
    store.flush()
    assert pieces.ids_of(before).tolist() == [1, 2, 3] and store.held() == {1: 0, 3: 1}
    assert pieces.masks(before, None) == [None] and pieces.masks(before, np.array([3, 2, 1])) == [None]
    [mask] = pieces.masks(before, np.array([2, 9]))
    assert mask is not None and mask.tolist() == [False, True, False]
    with pytest.raises(KeyError, match="2"):
        pieces.home(store.pieces, np.array([1, 2]))


def test_pieces_stay_few_and_leftovers_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(60):
        store.put([number, number + 1], number)
        if number % 2:
            store.flush()
    assert len(store.pieces) <= pieces.MANY + 1
    mine = {"mine.txt", "segment.pairs", "frame-000001.png", "segment-000001.png"}
    for name in {"segment-000999.pairs", "segment-000998.pairs.part"} | mine:
        (tmp_path / name).write_text("x")
    store.drop([0])
    store.flush()
    named = {name for piece in store.pieces for name in (piece.file, piece.dead_file) if name}
    assert {path.name for path in tmp_path.iterdir()} == named | {"pairs.json"} | mine


def test_a_file_that_the_index_names_beside_its_segments_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    name = store.files.new_name("codec", "npz")
    store.files.path(name).write_text("x")
    store.pieces = store.files.save(store.pieces, note=name)
    store.put([1], 1)
    store.flush()
    assert store.files.path(name).is_file() and Store(tmp_path).files.about["note"] == name
    store.files.save(store.pieces, note="")
    assert not store.files.path(name).exists()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="no index yet"):
        Store(tmp_path / "new", 0)
    Store(tmp_path / "old", 3)
    assert Store(tmp_path / "old", 0).files.about["dim"] == 3
    with pytest.raises(ShapeError, match="4 dimensions for an index of 3"):
        Store(tmp_path / "old", 4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 1}, "format 1, and this version of OpenITR reads 2"), ({"format": 99}, "format 99"),
        ({"openitr": "tokens index"}, "no pairs index"), ({"segments": [["../pairs.json", ""]]}, "no file of an index"),
        ({"segments": [["segment-000007.pairs", ""]]}, "segment-000007"), ({"segments": 3}, "pairs.json"),
        ({"segments": [["segment-000001.pairs", "segment-000001.pairs"]]}, "another kind"), ({"next": "x"}, "pairs"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    store = Store(tmp_path)
    store.put([1, 2], 1)
    store.flush()
    document = json.loads((tmp_path / "pairs.json").read_text())
    (tmp_path / "pairs.json").write_text(json.dumps(document | change))
    with pytest.raises(DamagedCollection, match=said):
        Store(tmp_path)


def test_dead_rows_beyond_a_segment_are_damage(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put([1, 2], 1)
    store.drop([1])
    store.flush()
    arrayfile.write(tmp_path / store.pieces[0].dead_file, b"OITRDEAD", {"rows": np.array([5], np.uint16)})
    with pytest.raises(DamagedCollection):
        Store(tmp_path)


def test_readers_open_at_any_moment_of_a_writer(tmp_path: Path) -> None:
    """Every flush replaces and deletes files; a reader sees one flushed state, never a mixture or an error."""
    store = Store(tmp_path)
    store.put(list(range(10)), 0)
    store.flush()
    stop, faults, seen = threading.Event(), [], set()

    def read() -> None:
        while not stop.is_set():
            try:
                held = Store(tmp_path).held()
            except Exception as error:
                faults.append(repr(error))
                return
            if len(held) != 10 or len(set(held.values())) != 1:
                faults.append(str(held))
            seen.update(held.values())

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 60):
        store.put(list(range(10)), number)
        store.flush()
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == [] and len(seen) > 3


def test_a_killed_writer_leaves_its_last_flush(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from tests.index.test_pieces import Store
store, number = Store(Path({str(tmp_path)!r})), 0
while True:
    store.put(list(range(10 * number, 10 * number + 10)), number)
    store.drop([10 * number - 5])
    store.flush()
    print(number, flush=True)
    number += 1
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = next(int(line) for line in process.stdout if int(line) >= 20)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    held = Store(tmp_path).held()
    # What was told is there; the flush that was under way may be as well.
    last = max(held.values())
    assert last >= told
    assert held == {id: id // 10 for id in range(10 * last + 10) if id % 10 != 5 or id > 10 * last}
