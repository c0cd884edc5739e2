"""A collection on a server and back: whole, checked, and going on where it was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.collection import Collection, qdrant_copy, verify
from openitr.collection.qdrant_copy import pull, push
from openitr.embeddings import DenseEmbeddings, Kind
from openitr.errors import CollectionError, DamagedCollection, InputError
from openitr.index.qdrant import connect
from tests.collection.conftest import Album
from tests.index.battery_kinds import some, width

pytest.importorskip("qdrant_client")


@pytest.fixture
def server() -> Iterator[Any]:
    client = connect(":memory:")
    yield client
    client.close()


class _Made:
    """What a run remembers of its encoder."""

    def __init__(self, kind: Kind) -> None:
        self.spec, self.fingerprint, self.kind, self.dim = f"test-{kind}", kind * 4, kind, width(kind)


def with_lexicon(album: Album) -> Album:
    """A second run, of learned sparse weights."""
    ids = album.collection.ids()
    with album.collection.writing() as writer:
        writer.add_run("words", _Made("lexicon"))
        with writer.batch():
            writer.put_vectors("words", ids, some("lexicon", len(ids)))
    return album


def same(one: Collection, other: Collection) -> None:
    """Two collections that hold the same."""
    assert one.ids().tolist() == other.ids().tolist()
    assert one.items(one.ids()) == other.items(other.ids())
    assert one.roots() == other.roots() and one.run_names() == other.run_names()
    assert [part.tolist() if isinstance(part, np.ndarray) else part for part in one.hashes()] == [
        part.tolist() if isinstance(part, np.ndarray) else part for part in other.hashes()
    ]
    for name in one.run_names():
        mine, theirs = one.run(name), other.run(name)
        facts = ("spec", "fingerprint", "kind", "dim", "state")
        assert [getattr(mine, fact) for fact in facts] == [getattr(theirs, fact) for fact in facts]
        queries = some(mine.kind, 2, 4) if mine.kind != "dense" else mine.index.vectors(mine.index.ids()[:2])
        for a, b in zip(mine.index.search(queries, 5), theirs.index.search(queries, 5), strict=True):
            assert a.ids.tolist() == b.ids.tolist() and a.scores.tolist() == b.scores.tolist()


def test_to_the_server_and_back(full: Album, server: Any, tmp_path: Path) -> None:
    (full.folder / "caf\udce9.png").write_bytes(next(full.folder.rglob("*.png")).read_bytes())
    (full.folder / "extra.txt").write_text("two words")
    full.ingest()
    with_lexicon(full)
    count = len(full.collection)
    sent = push(full.collection, server, "album")
    assert (sent.items, sent.vectors, sent.removed, sent.checked) == (count, 2 * count, 0, 3 * count)
    back = pull(server, "album", tmp_path / "back")
    assert (back.items, back.vectors) == (count, 2 * count)
    with Collection.open(tmp_path / "back") as copy:
        same(full.collection, copy)
        assert [problem for problem in verify(copy) if problem.level == "error"] == []
    assert not list(tmp_path.glob(".back*"))


def test_only_what_differs_is_sent_again(full: Album, server: Any, tmp_path: Path) -> None:
    push(full.collection, server, "album")
    assert push(full.collection, server, "album").to_json() == {
        "items": 0, "vectors": 0, "removed": 0, "checked": 2 * len(full.collection),
    }  # fmt: skip
    full.collection.remove(full.collection.ids()[:3])
    kept = int(full.collection.ids()[0])
    with full.collection.writing() as writer, writer.batch():
        other = DenseEmbeddings.normalise(np.ones((1, full.encoder.dim)))
        writer.put_vectors(full.collection.run().name, np.array([kept]), other)
    sent = push(full.collection, server, "album")
    assert (sent.items, sent.vectors, sent.removed) == (0, 1, 6)
    pull(server, "album", tmp_path / "back")
    with Collection.open(tmp_path / "back") as copy:
        same(full.collection, copy)


class _Cut(Exception):
    """The line is cut."""


def cut_after(steps: int) -> Any:
    """Progress that raises after so many calls."""
    left = [steps]

    def told(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise _Cut

    return told


@pytest.mark.parametrize("steps", [0, 1, 3, 5])
def test_a_transfer_that_is_cut_goes_on(
    full: Album, server: Any, tmp_path: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qdrant_copy, "_BLOCK", 3)
    monkeypatch.setattr(qdrant_copy, "_PAGE", 5)
    count = len(full.collection)
    with pytest.raises(_Cut):
        push(full.collection, server, "album", told=cut_after(steps))
    with pytest.raises(CollectionError, match="no whole collection"):
        pull(server, "album", tmp_path / "back")
    rest = push(full.collection, server, "album")
    assert rest.items == max(0, count - 3 * (steps + 1)) and rest.checked == 2 * count
    with pytest.raises(_Cut):
        pull(server, "album", tmp_path / "back", told=cut_after(steps))
    assert not (tmp_path / "back").exists()
    again = pull(server, "album", tmp_path / "back")
    assert again.items == max(0, count - 5 * (steps + 1))
    with Collection.open(tmp_path / "back") as copy:
        same(full.collection, copy)


def test_what_was_tampered_with_is_told(full: Album, server: Any, tmp_path: Path) -> None:
    from qdrant_client import models

    push(full.collection, server, "album")
    run, id = full.collection.run(), int(full.collection.ids()[0])
    other = DenseEmbeddings.normalise(np.ones((1, run.dim))).values[0].tolist()
    name = qdrant_copy.run_name("album", run.name)
    server.update_vectors(name, [models.PointVectors(id=id, vector={"dense": other})])
    with pytest.raises(DamagedCollection, match="not the one that was sent"):
        pull(server, "album", tmp_path / "back")
    # Its checksum still says that it is the original: only reading it back tells, and sending mends it.
    assert push(full.collection, server, "album").vectors == 1
    assert push(full.collection, server, "album").vectors == 0
    server.set_payload("album.items", {"path": "elsewhere"}, points=[id])
    with pytest.raises(DamagedCollection, match="item"):
        pull(server, "album", tmp_path / "other")


def test_a_path_that_leads_out_of_its_folder_is_refused(full: Album, server: Any, tmp_path: Path) -> None:
    push(full.collection, server, "album")
    [point] = server.retrieve("album.items", [int(full.collection.ids()[0])])
    row = {**point.payload, "path": "../../etc/passwd"}
    server.set_payload("album.items", row | {"sum": qdrant_copy._sum(row)}, points=[point.id])
    with pytest.raises(InputError, match="outside its folder"):
        pull(server, "album", tmp_path / "back")


def test_late_vectors_arrive_too(full: Album, server: Any, tmp_path: Path) -> None:
    ids = full.collection.ids()
    with full.collection.writing() as writer:
        writer.add_run("tokens", _Made("late"))
        with writer.batch():
            writer.put_vectors("tokens", ids, some("late", len(ids)))
    push(full.collection, server, "album")
    pull(server, "album", tmp_path / "back")
    with Collection.open(tmp_path / "back") as copy:
        mine, theirs = (one.run("tokens").index for one in (full.collection, copy))
        query = some("late", 1, 3)
        assert theirs.ids().tolist() == mine.ids().tolist()
        # A late index rounds what it keeps, and here twice.
        np.testing.assert_allclose(
            theirs.search(query, len(ids))[0].scores, mine.search(query, len(ids))[0].scores, atol=0.3
        )


def test_a_place_that_is_taken_or_a_name_that_is_not_there(full: Album, server: Any, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="no whole collection 'nothing'"):
        pull(server, "nothing", tmp_path / "back")
    with pytest.raises(CollectionError, match="not empty"):
        pull(server, "album", full.folder)
    for address in ("http://host:6333", "photos", "http://host:6333/", "ftp://host/x"):
        with pytest.raises(InputError, match="is no address of a collection on a Qdrant server"):
            qdrant_copy.named(address)
