"""Items that are kept are those of the present state, whoever changed it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from openitr.collection import Collection, ingest
from openitr.collection import lookup as room
from openitr.collection.lookup import Lookup
from tests.collection.fakes import ColourEncoder, paint_many


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    paint_many(tmp_path / "pictures", 12)
    with Collection.create(tmp_path / "photos") as collection:
        ingest(collection, tmp_path / "pictures", encoder=ColourEncoder(), workers=1)
        yield collection


def counted(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The ids that the database was asked for, call by call."""
    asked: list[list[int]] = []
    read = room.read_items
    monkeypatch.setattr(room, "read_items", lambda db, ids: asked.append(list(ids)) or read(db, ids))
    return asked


def test_only_what_is_new_is_read(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    first = collection.items([1, 2, 3])
    assert [item.id for item in collection.items([3, 4, 99, 1])] == [3, 4, 1]
    assert asked == [[1, 2, 3], [4, 99]]
    assert collection.items([2])[0] is first[1]


def test_a_commit_of_anybody_is_seen_at_once(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(collection.items([1, 2, 3])) == 3
    with Collection.open(collection.path) as other:
        other.remove([2])
    assert [item.id for item in collection.items([1, 2, 3])] == [1, 3]
    collection.remove([1])
    assert [item.id for item in collection.items([1, 2, 3])] == [3]


def test_there_is_an_end_to_what_is_kept(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    few = Lookup(collection.store, room=5)
    for ids in ([1, 2, 3], [4, 5, 6], [1, 4]):
        assert sorted(few.items(ids)) == ids
        assert len(few._known) <= 5
    assert asked == [[1, 2, 3], [4, 5, 6], [1]]
    monkeypatch.setattr(room, "_PAGE", 2)
    assert sorted(few.items([4, 5, 6])) == [4, 5, 6] and asked[-1] == [4, 5, 6]
    few.close()
    assert sorted(few.items([4])) == [4] and asked[-1] == [4]
    few.close()


def test_removing_while_others_look_gives_no_item_that_is_gone(collection: Collection) -> None:
    ids, gone, wrong = [int(i) for i in collection.ids()], set[int](), list[int]()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            # What was gone before the question must not be in its answer.
            before = set(gone)
            wrong.extend(item.id for item in collection.items(ids) if item.id in before)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for id in ids:
        collection.remove([id])
        gone.add(id)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong and not collection.items(ids)
