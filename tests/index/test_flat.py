"""The flat index: the battery, and what one truth for many processes asks of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings
from openitr.errors import DamagedCollection, ShapeError
from openitr.index import FlatIndex, Index, Mark, MemoryIndex
from openitr.index.rowlog import RECORD
from tests.index.battery import DIM, Battery, ids_of, unit

_WRITER = """
import sys, numpy as np
from pathlib import Path
from openitr.embeddings import DenseEmbeddings
from openitr.index import FlatIndex
index = FlatIndex(Path(sys.argv[1]), 64, writable=True)
first = int(index.ids().max(initial=-1)) + 1
while True:
    ids = np.arange(first, first + 16)
    values = np.zeros((16, 64), np.float32)
    values[np.arange(16), ids % 64] = 1
    index.add(ids, DenseEmbeddings(values))
    index.flush()
    first += 16
    print(first, flush=True)
"""


class TestFlat(Battery):
    def make(self, folder: Path, dim: int = DIM) -> Index:
        return FlatIndex(folder, dim, writable=True)


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every index that a test opens is closed at its end."""
    opened: list[FlatIndex] = []
    make = FlatIndex.__init__

    def noted(self: FlatIndex, *args: Any, **options: Any) -> None:
        opened.append(self)
        make(self, *args, **options)

    monkeypatch.setattr(FlatIndex, "__init__", noted)
    yield
    for index in opened:
        if hasattr(index, "_view"):
            index.close()


def filled(folder: Path, count: int = 20) -> FlatIndex:
    index = FlatIndex(folder, DIM, writable=True)
    index.add(np.arange(count), unit(count))
    index.flush()
    return index


def test_a_killed_writer_loses_nothing_it_flushed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    acknowledged = 0
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.1))
        writer.kill()
        lines = [first, *writer.stdout.read().split("\n")[:-1]]
        writer.wait()
        writer.stdout.close()
        acknowledged = int(lines[-1])
        index = FlatIndex(tmp_path)
        ids = index.ids()
        assert len(ids) >= acknowledged and ids.tolist() == list(range(len(ids)))
        assert (index.vectors(ids).values[np.arange(len(ids)), ids % 64] == 1).all()
        index.close()
    assert acknowledged > 0


def test_readers_follow_a_mark_and_see_nothing_beyond_it(tmp_path: Path) -> None:
    writer = filled(tmp_path)
    mark = writer.mark
    reader = FlatIndex(tmp_path, mark=lambda: mark)
    writer.add(ids_of(100, 3), unit(2, 5))
    writer.remove(ids_of(4))
    writer.flush()
    assert len(reader) == 20 and 100 not in reader.ids()
    np.testing.assert_array_equal(reader.vectors(ids_of(3)).values, unit(20).values[[3]])
    mark = writer.mark
    assert 100 in reader.ids() and 4 not in reader.ids()
    np.testing.assert_array_equal(reader.vectors(ids_of(3)).values, unit(2, 5).values[[1]])


def test_what_the_mark_does_not_cover_is_cut_off(tmp_path: Path) -> None:
    writer = filled(tmp_path)
    mark = writer.mark
    writer.add(np.arange(50, 60), unit(10, 3))
    writer.flush()
    writer.close()
    again = FlatIndex(tmp_path, writable=True, mark=mark)
    assert len(again) == 20
    assert (tmp_path / "rows-000001.log").stat().st_size == 20 * RECORD
    assert (tmp_path / "vectors-000001.f32").stat().st_size == 20 * DIM * 4
    again.add(ids_of(70), unit(1, 4))
    again.flush()
    np.testing.assert_array_equal(again.vectors(ids_of(70)).values, unit(1, 4).values)


@pytest.mark.parametrize("tail", [b"\0" * RECORD, b"\0" * 7, b"\xff" * (2 * RECORD + 5)])
def test_a_torn_tail_of_the_journal_is_no_record(tmp_path: Path, tail: bytes) -> None:
    filled(tmp_path).close()
    with (tmp_path / "rows-000001.log").open("ab") as file:
        file.write(tail)
    assert len(FlatIndex(tmp_path)) == 20
    writer = FlatIndex(tmp_path, writable=True)
    writer.add(ids_of(90), unit(1, 1))
    writer.flush()
    writer.close()
    assert FlatIndex(tmp_path).ids().tolist() == [*range(20), 90]


def test_missing_records_or_rows_are_damage_and_not_fewer_hits(tmp_path: Path) -> None:
    index = filled(tmp_path)
    mark = index.mark
    index.close()
    with pytest.raises(DamagedCollection, match="20 of 21 records"):
        FlatIndex(tmp_path, mark=Mark(1, 21))
    with (tmp_path / "vectors-000001.f32").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(DamagedCollection, match="vectors-000001"):
        FlatIndex(tmp_path, mark=mark)


def test_compacting_drops_dead_rows_under_the_eyes_of_a_reader(tmp_path: Path) -> None:
    writer = filled(tmp_path, 100)
    mark = writer.mark
    reader = FlatIndex(tmp_path, mark=lambda: mark)
    writer.remove(np.arange(0, 50))
    writer.add(ids_of(60), unit(1, 8))
    assert writer.dead_rows == 51
    before = [r.ids.tolist() for r in writer.search(unit(3, 2), 50)]
    new = writer.compact()
    assert len(reader) == 100
    assert writer.dead_rows == 0 and len(writer) == 50
    assert [r.ids.tolist() for r in writer.search(unit(3, 2), 50)] == before
    mark = new
    assert [r.ids.tolist() for r in reader.search(unit(3, 2), 50)] == before
    writer.add(ids_of(7), unit(1, 9))
    writer.flush()
    writer.drop_old_generations()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["flat.json", "rows-000002.log", "vectors-000002.f32"]
    writer.close()
    assert 7 in FlatIndex(tmp_path).ids()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    filled(tmp_path).close()
    reader = FlatIndex(tmp_path)
    with pytest.raises(ShapeError, match="for reading"):
        reader.add(ids_of(1), unit(1))
    reader.flush()
    with pytest.raises(ShapeError, match="no width"):
        FlatIndex(tmp_path / "nothing")


def test_equal_vectors_tie_wherever_they_lie(tmp_path: Path) -> None:
    """A matrix product may round equal rows differently by their place; ties must not depend on that."""
    dim, rng = 1024, np.random.default_rng(0)
    index = FlatIndex(tmp_path, dim, writable=True)
    twin = DenseEmbeddings.normalise(rng.standard_normal((1, dim)))
    values = DenseEmbeddings.normalise(rng.standard_normal((501, dim))).values.copy()
    places = [3, 77, 200, 311, 500]
    values[places] = twin.values
    index.add(np.arange(501), DenseEmbeddings(values))
    query = DenseEmbeddings.normalise(twin.values + 0.02 * rng.standard_normal((1, dim)))
    for allowed in (None, np.array([500, 311, 3, 12], np.int64)):
        ranking = index.search(query, 5, allowed)[0]
        expected = places if allowed is None else [3, 311, 500]
        assert ranking.ids[: len(expected)].tolist() == expected
        assert len(set(ranking.scores[: len(expected)].tolist())) == 1


_STEP = st.one_of(
    st.tuples(st.just("add"), st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(0, 99)),
    st.tuples(st.just("remove"), st.lists(st.integers(0, 30), max_size=8), st.just(0)),
    st.tuples(st.sampled_from(["reopen", "compact", "lose"]), st.just([]), st.just(0)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEP, max_size=12))
def test_any_history_ends_as_the_reference_does(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:
    """Adds, removals, compaction, reopening, and writers that die before the mark moved."""
    folder = tmp_path_factory.mktemp("history")
    index, reference = FlatIndex(folder, DIM, writable=True), MemoryIndex("dense", DIM)
    for what, ids, seed in steps:
        if what == "add":
            for one in (index, reference):
                one.add(np.array(ids, np.int64), unit(len(ids), seed))
        elif what == "remove":
            for one in (index, reference):
                one.remove(np.array(ids, np.int64))
        elif what == "compact":
            index.compact()
            index.drop_old_generations()
        else:
            index.flush()
            mark = index.mark
            if what == "lose":
                index.add(np.arange(40, 45), unit(5, 1))
                index.flush()
            index.close()
            index = FlatIndex(folder, DIM, writable=True, mark=mark)
    assert index.ids().tolist() == reference.ids().tolist()
    for k in (1, 4, 100):
        got, expected = (one.search(unit(2, 1000), k) for one in (index, reference))
        assert [r.ids.tolist() for r in got] == [r.ids.tolist() for r in expected]
    index.close()


def test_a_generation_that_goes_while_it_is_opened_is_asked_for_again(tmp_path: Path) -> None:
    writer = filled(tmp_path)
    old = writer.mark
    new = writer.compact()
    writer.drop_old_generations()
    answers = [old, new, new]
    reader = FlatIndex(tmp_path, mark=lambda: answers.pop(0) if len(answers) > 1 else answers[0])
    assert len(reader) == 20 and reader.mark == new
    with pytest.raises(DamagedCollection):
        FlatIndex(tmp_path, mark=lambda: old)
