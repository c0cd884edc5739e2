"""Qdrant through its client: in memory, in a folder, and on a live server where ``OPENITR_QDRANT_URL`` names one."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.embeddings import Kind, LexiconEmbeddings
from openitr.errors import CollectionBusy, ServerError, ShapeError
from openitr.index import Index, MemoryIndex
from openitr.index.points import checksums
from openitr.index.qdrant import QdrantIndex, connect
from tests.index.battery import DIM, Battery, unit
from tests.index.battery_kinds import KINDS, KindBattery, ids_of, some, width

pytest.importorskip("qdrant_client")
LIVE = os.environ.get("OPENITR_QDRANT_URL", "")

_WRITER = """
import sys, numpy as np
from openitr.embeddings import DenseEmbeddings
from openitr.index.qdrant import QdrantIndex
index = QdrantIndex(sys.argv[1], "a", "dense", 8)
first = len(index)
while True:
    ids = np.arange(first, first + 16)
    values = np.zeros((16, 8), np.float32)
    values[np.arange(16), ids % 8] = 1
    index.add(ids, DenseEmbeddings(values))
    first += 16
    print(first, flush=True)
"""


class TestMemoryOfAllKinds(KindBattery):
    """The oracle itself passes the battery."""

    persistent = False

    def make(self, folder: Path, kind: Kind) -> Index:
        return MemoryIndex(kind, width(kind))


class TestInMemory(KindBattery):
    persistent = False

    def make(self, folder: Path, kind: Kind) -> Index:
        return QdrantIndex(":memory:", "a", kind, width(kind))


class TestDenseInMemory(Battery):
    persistent = False

    def make(self, folder: Path, dim: int = DIM) -> Index:
        return QdrantIndex(":memory:", "a", "dense", dim)


@pytest.mark.parametrize("kind", KINDS)
class TestInAFolder:
    """What differs from memory: the client's folder writes each point on its own, which is slow."""

    test_what_was_flushed_is_there_after_closing = KindBattery.test_what_was_flushed_is_there_after_closing
    persistent = True

    def make(self, folder: Path, kind: Kind) -> Index:
        return QdrantIndex(str(folder), "a", kind, width(kind))


@pytest.mark.skipif(not LIVE, reason="OPENITR_QDRANT_URL names no server")
class TestLive(KindBattery):
    """Names hold the folder of the test, so that a second index of one test finds what the first one wrote."""

    @pytest.fixture(autouse=True)
    def _swept(self) -> Iterator[None]:
        self.prefix = f"openitr-test-{uuid.uuid4().hex[:8]}"
        yield
        client = connect(LIVE)
        for one in client.get_collections().collections:
            if one.name.startswith(self.prefix):
                client.delete_collection(one.name)
        client.close()

    def make(self, folder: Path, kind: Kind) -> Index:
        return QdrantIndex(LIVE, f"{self.prefix}-{folder.parent.name}-{folder.name}-{kind}", kind, width(kind))


def test_a_killed_writer_loses_nothing_that_add_returned_from(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _WRITER, str(tmp_path / "store")]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(5)]
    writer.kill()
    lines += writer.stdout.read().split("\n")[:-1]
    writer.wait()
    writer.stdout.close()
    index = QdrantIndex(str(tmp_path / "store"), "a", "dense")
    held = index.ids()
    assert set(range(int(lines[-1]))) <= set(held.tolist())
    assert (index.vectors(held).values[np.arange(len(held)), held % 8] == 1).all()  # type: ignore[union-attr]
    index.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    index = QdrantIndex(str(tmp_path / "store"), "a", "dense", 4)
    with pytest.raises(CollectionBusy):
        connect(tmp_path / "store")
    index.close()


def test_an_address_without_a_server_is_said_in_words() -> None:
    with pytest.raises(ServerError, match="no Qdrant answers at"):
        connect("http://127.0.0.1:9")


def test_another_kind_or_a_foreign_collection_is_refused() -> None:
    client = connect(":memory:")
    QdrantIndex(client, "a", "dense", 8)
    with pytest.raises(ShapeError, match="holds dense vectors, not late"):
        QdrantIndex(client, "a", "late", 8)
    with pytest.raises(ShapeError, match="holds 8 dimensions, not 9"):
        QdrantIndex(client, "a", "dense", 9)
    with pytest.raises(ShapeError, match="no width"):
        QdrantIndex(client, "b", "dense")
    from qdrant_client import models

    client.create_collection("c", vectors_config=models.VectorParams(size=8, distance=models.Distance.COSINE))
    with pytest.raises(ShapeError, match="foreign"):
        QdrantIndex(client, "c", "dense", 8)
    client.close()


def test_a_vocabulary_keeps_its_size_without_being_told() -> None:
    client = connect(":memory:")
    QdrantIndex(client, "a", "lexicon", 30_000)
    assert QdrantIndex(client, "a", "lexicon").dim == 30_000
    with pytest.raises(ShapeError):
        QdrantIndex(client, "a", "lexicon", 20_000)
    client.close()


class _Noting:
    """A client that writes down what a collection was created with."""

    def __init__(self, client: Any) -> None:
        self.client, self.asked = client, {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def create_collection(self, name: str, **how: Any) -> None:
        self.asked[name] = how
        self.client.create_collection(name, **how)


@pytest.mark.parametrize(("replicas", "needed"), [(None, None), (1, 1), (2, 2), (3, 2), (5, 3)])
def test_shards_and_replicas_are_asked_for_and_most_copies_must_have_a_write(
    replicas: int | None, needed: int | None
) -> None:
    client = _Noting(connect(":memory:"))
    QdrantIndex(client, "a", "dense", 8, shards=4, replicas=replicas)
    asked = client.asked["a"]
    assert asked["shard_number"] == 4 and asked["replication_factor"] == replicas
    assert asked["write_consistency_factor"] == needed
    client.close()


class _Lossy:
    """A client whose graph loses most hits, as one does under a filter or after many deletes."""

    _client = None  # not the local mode, which is always exact

    def __init__(self, client: Any) -> None:
        self.client, self.exact = client, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def query_points(self, *args: Any, **how: Any) -> Any:
        params = how.pop("search_params")
        found = self.client.query_points(*args, **how)
        if params.exact:
            self.exact += 1
        else:
            found.points = found.points[:2]
        return found


def test_where_the_graph_loses_hits_exact_search_finds_them() -> None:
    client = _Lossy(connect(":memory:"))
    index = QdrantIndex(client, "a", "dense", DIM, exact_up_to=0)
    data, reference = unit(50), MemoryIndex("dense", DIM)
    for one in (index, reference):
        one.add(np.arange(50), data)
    queries = unit(3, 1)
    found, true = index.search(queries, 10), reference.search(queries, 10)
    assert [r.ids.tolist() for r in found] == [r.ids.tolist() for r in true]
    assert client.exact == 3
    client.close()


def test_a_long_filter_is_sent_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    from openitr.index import qdrant

    monkeypatch.setattr(qdrant, "_ALLOWED", 7)
    index, reference = QdrantIndex(":memory:", "a", "dense", DIM), MemoryIndex("dense", DIM)
    for one in (index, reference):
        one.add(np.arange(60), unit(60))
    allowed = np.arange(0, 60, 2)
    found, true = index.search(unit(2, 1), 12, allowed), reference.search(unit(2, 1), 12, allowed)
    assert [r.ids.tolist() for r in found] == [r.ids.tolist() for r in true]
    index.close()


def test_items_without_a_shared_term_come_last_with_score_nought() -> None:
    from scipy.sparse import csr_matrix

    index = QdrantIndex(":memory:", "a", "lexicon", 4)
    rows = csr_matrix(np.array([[0, 0, 1, 0], [0, 0.5, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]], np.float32))
    index.add(ids_of(9, 4, 2, 7), LexiconEmbeddings(rows))
    asked = LexiconEmbeddings(csr_matrix(np.array([[0, 1, 0, 0], [0, 0, 0, 0]], np.float32)))
    found = index.search(asked, 4)
    assert found[0].ids.tolist() == [7, 4, 2, 9] and found[0].scores.tolist() == [1.0, 0.5, 0.0, 0.0]
    assert found[1].ids.tolist() == [2, 4, 7, 9]
    assert index.search(asked, 2, ids_of(9, 2))[0].ids.tolist() == [2, 9]
    assert index.vectors(ids_of(2)).matrix.nnz == 0  # type: ignore[union-attr]
    index.close()


@pytest.mark.parametrize("kind", KINDS)
def test_checksums_say_whether_a_copy_is_the_original(kind: Kind) -> None:
    data = some(kind, 12)
    index = QdrantIndex(":memory:", "a", kind, width(kind))
    index.add(np.arange(12), data, [{"path": f"{i}.jpg"} for i in range(12)])
    assert index.sums() == dict(enumerate(checksums(data)))
    assert checksums(index.vectors(np.arange(12))) == checksums(data)
    assert len(set(checksums(data))) == 12 and checksums(some(kind, 12, 1)) != checksums(data)
    assert [(id, payload["path"]) for id, payload in index.payloads()] == [(i, f"{i}.jpg") for i in range(12)]
    index.close()
