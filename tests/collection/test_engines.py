"""What answers: chosen, kept, made again when stale, and never the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.collection import Collection, engines, qdrant_copy, verify
from openitr.collection.engines import Engine
from openitr.embeddings import DenseEmbeddings
from openitr.errors import CollectionError, InputError
from openitr.index import qdrant
from openitr.index.derived import DerivedIndex
from openitr.index.served import ServedCopy
from tests.collection.conftest import Album


def grown(album: Album, count: int = 300) -> DenseEmbeddings:
    """Items without files, and vectors in ten clusters for them."""
    rng = np.random.default_rng(0)
    dim = album.encoder.dim
    values = DenseEmbeddings.normalise(
        np.repeat(rng.standard_normal((10, dim)), count // 10, axis=0) + 0.1 * rng.standard_normal((count, dim))
    )
    with album.collection.writing() as writer:
        writer.add_run("main", album.encoder)
        with writer.batch() as db:
            db.execute("INSERT INTO roots VALUES (1, ?, '')", (str(album.folder),))
            for number in range(count):
                put(writer, number)
            writer.put_vectors("main", np.arange(1, count + 1), values)
    return values


def put(writer: Any, number: int) -> None:
    from openitr.collection.sidecars import Words

    facts = {"sha256": f"{number:064x}", "size": 1, "mtime_ns": 1, "width": 1, "height": 1, "format": "PNG", "phash": 0}
    writer.put_item(number + 1, 1, f"{number}.png", facts, {}, [], Words({}, []), "")


def asked(collection: Collection, values: DenseEmbeddings) -> list[list[int]]:
    return [ranking.ids.tolist() for ranking in collection.run().index.search(values[[0, 150]], 5)]


def test_the_store_answers_unless_something_else_was_chosen(album: Album) -> None:
    grown(album)
    assert engines.chosen(album.collection.path) == Engine()
    assert engines.bring_up(album.collection) == {"engine": "flat"}
    assert not isinstance(album.collection.run().index, DerivedIndex)


def test_faiss_is_derived_used_and_dropped_again(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(engines, "_ENOUGH", 100)
    values = grown(album)
    true = asked(album.collection, values)
    assert engines.use(album.collection, Engine("faiss")) == {"engine": "faiss", "runs": {"main": "derived"}}
    # The same open collection sees it, as a server would.
    index = album.collection.run().index
    assert isinstance(index, DerivedIndex) and index.stale == 0.0
    assert asked(album.collection, values) == true
    assert engines.bring_up(album.collection)["runs"] == {"main": "fresh"}
    with album.collection.writing() as writer, writer.batch():
        writer.put_vectors("main", np.arange(1, 101), values[np.arange(100)])
    assert album.collection.run().index.stale == pytest.approx(1 / 3)  # type: ignore[attr-defined]
    assert asked(album.collection, values) == true
    assert engines.bring_up(album.collection)["runs"] == {"main": "derived"}
    assert album.collection.run().index.stale == 0.0  # type: ignore[attr-defined]
    [file] = album.collection.path.glob("runs/*/derived/codes-*")
    file.write_bytes(b"broken")
    with Collection.open(album.collection.path) as again:
        assert not isinstance(again.run().index, DerivedIndex) and asked(again, values) == true
        [told] = [problem for problem in verify(again) if "derived.json" in problem.what]
        assert told.level == "info" and "was changed" in told.what and "openitr index" in told.remedy
    assert engines.bring_up(album.collection)["runs"] == {"main": "derived"}
    engines.use(album.collection, Engine())
    assert not list(album.collection.path.glob("runs/*/derived")) and asked(album.collection, values) == true
    assert not isinstance(album.collection.run().index, DerivedIndex)


def test_a_small_collection_is_left_to_the_store(album: Album) -> None:
    pytest.importorskip("faiss")
    values = grown(album)
    assert engines.use(album.collection, Engine("faiss"))["runs"] == {"main": "small"}
    assert engines.chosen(album.collection.path).name == "faiss" and len(asked(album.collection, values)[0]) == 5


class _Server:
    """One server for all clients: what tests may reach without one."""

    def __init__(self) -> None:
        self.client = qdrant.connect(":memory:")
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        if name == "query_points":
            self.asked += 1
        return getattr(self.client, name)

    def close(self) -> None:
        """Clients come and go, the server stays."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> _Server:
    pytest.importorskip("qdrant_client")
    made = _Server()
    for room in (qdrant, qdrant_copy):
        monkeypatch.setattr(room, "connect", lambda where, **_: made)
    return made


def test_a_copy_on_a_server_answers_and_may_lag_behind(album: Album, server: _Server) -> None:
    values = grown(album)
    true = asked(album.collection, values)
    done = engines.use(album.collection, Engine("qdrant", "http://cluster:6333", shards=2, replicas=2))
    assert (done["items"], done["vectors"]) == (300, 300)
    assert engines.chosen(album.collection.path) == Engine("qdrant", "http://cluster:6333", "album", 2, 2)
    index = album.collection.run().index
    assert isinstance(index, DerivedIndex) and isinstance(index.near, ServedCopy)
    before = server.asked
    assert asked(album.collection, values) == true and server.asked == before + 2
    # Changes since: one gone, one replaced by its opposite, one new copy of what is asked for.
    gone, replaced = true[0][1], true[0][2]
    album.collection.remove([gone])
    with album.collection.writing() as writer, writer.batch():
        put(writer, 300)
        writer.put_vectors("main", np.array([replaced]), DenseEmbeddings(-values.values[[0]]))
        writer.put_vectors("main", np.array([301]), values[[0]])
    found = asked(album.collection, values)
    assert found[0][:2] == [true[0][0], 301] and gone not in found[0] and replaced not in found[0]
    assert found[1] == true[1]
    done = engines.bring_up(album.collection)
    assert (done["items"], done["vectors"], done["removed"]) == (1, 2, 2)
    assert asked(album.collection, values) == found and album.collection.run().index.stale == 0.0  # type: ignore[attr-defined]
    engines.use(album.collection, Engine())
    before = server.asked
    assert asked(album.collection, values) == found and server.asked == before


def test_what_cannot_be_an_engine_is_refused(album: Album, tmp_path: Path) -> None:
    for facts in (
        ("hnsw",),
        ("qdrant",),
        ("flat", "http://x"),
        ("qdrant", "/somewhere"),
        ("qdrant", "http://x", "", 0),
    ):
        with pytest.raises(InputError):
            Engine(*facts)  # type: ignore[arg-type]
    (album.collection.path / "engine.json").write_text("{")
    with pytest.raises(CollectionError, match="cannot be read"):
        engines.chosen(album.collection.path)
