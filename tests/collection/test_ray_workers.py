"""Indexing on several machines: the same collection as on one, whatever dies on the way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.collection import Collection, ingest, ray_node, ray_workers, verify
from openitr.collection.ray_node import Job, answer
from openitr.collection.ray_workers import Carried, RayPool, workers_of
from openitr.embeddings import DenseEmbeddings
from openitr.errors import FingerprintMismatch, InputError, ModelError, ServerError
from openitr.media.pool import DecodePool
from openitr.media.results import Decoded, Failed
from tests.collection.conftest import Album
from tests.collection.fakes import ColourEncoder, paint, paint_many


class _Lost(Exception):
    """What Ray raises when it gives up."""


class _TaskError(_Lost):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Ray:
    """Ray in one process: runs a batch when its result is asked for, and can lose batches."""

    class exceptions:
        RayError, RayTaskError = _Lost, _TaskError

    def __init__(self) -> None:
        self.sent: list[list[Job]] = []
        self.cancelled = 0
        self.lose = False

    def is_initialized(self) -> bool:
        return True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def remote(self, function: Any) -> Any:
        outer = self

        class Task:
            def options(self, **how: Any) -> Any:
                assert how["max_retries"] > 0
                return self

            def remote(self, *args: Any) -> Any:
                outer.sent.append(args[2])
                return lambda: function(*args)

        return Task()

    def get(self, under_way: Any) -> Any:
        if self.lose:
            raise _Lost("ObjectLostError: the owner died\nand more")
        try:
            return under_way()
        except Exception as error:
            raise _TaskError(error) from error

    def cancel(self, under_way: Any, force: bool) -> None:
        self.cancelled += 1


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Ray]:
    made, encoder = _Ray(), ColourEncoder()
    monkeypatch.setattr(ray_workers, "_join", lambda address: (made, False))
    monkeypatch.setattr(ray_workers, "_BATCH", 4)
    with DecodePool(encoder.preparation, workers=1) as pool:
        monkeypatch.setattr(ray_node, "_tools", lambda spec, fingerprint: (encoder, pool))
        yield made


def test_the_collection_is_the_same_as_from_one_machine(ray: _Ray, album: Album, tmp_path: Path) -> None:
    paint_many(album.folder, 10)
    (album.folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (album.folder / "empty.jpg").write_bytes(b"")
    shutil.copy(album.folder / "part0" / "picture0000.png", album.folder / "twice.png")
    one = album.ingest(workers="ray://auto")
    other = Album((tmp_path / "other").mkdir() or tmp_path / "other")
    shutil.rmtree(other.folder)
    shutil.copytree(album.folder, other.folder)
    two = other.ingest(workers=1)
    assert (one.added, one.skipped) == (two.added, two.skipped) and one.skipped == 2
    assert album.state() == other.state()
    reasons = [{row["file"]: row["reason"] for row in each.collection.skipped()} for each in (album, other)]
    assert reasons[0] == reasons[1]
    assert all(job.data is None for jobs in ray.sent for job in jobs), "bytes were sent although the disk is shared"
    assert [problem for problem in verify(album.collection) if problem.level == "error"] == []
    # Nothing is left to do, and a moved file is told by its hash.
    sent = len(ray.sent)
    assert album.ingest(workers="ray://auto").unchanged == one.added and len(ray.sent) == sent
    (album.folder / "twice.png").rename(album.folder / "thrice.png")
    assert album.ingest(workers="ray://auto").moved == 1 and len(ray.sent) == sent
    other.collection.close()


def test_where_no_disk_is_shared_bytes_travel(ray: _Ray, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    paint_many(album.folder, 20)
    source = ray_node._source
    monkeypatch.setattr(ray_node, "_source", lambda job: source(job) if job.data is not None else None)
    album.ingest(workers="ray://auto")
    state = album.state()
    # The batches under way came back empty and were sent again, the others went with their bytes at once.
    with_bytes = [all(job.data is not None for job in jobs) for jobs in ray.sent]
    assert with_bytes == sorted(with_bytes) or True in with_bytes
    assert sum(with_bytes) == 5
    monkeypatch.undo()
    with Collection.create(album.folder.parent / "again") as again:
        ingest(again, album.folder, encoder=album.encoder, workers=1)
        assert {item.path: item.mtime_ns for item in again.items(again.ids())} == {
            item.path: item.mtime_ns for item in album.collection.items(album.collection.ids())
        }
        vectors = again.run().index.vectors(again.ids()).values
        for item, vector in zip(again.items(again.ids()), vectors, strict=True):
            assert state[item.path][-1] == vector.tolist()


def test_a_file_that_changed_meanwhile_is_read_again(ray: _Ray, album: Album) -> None:
    """The file that a machine sees is not the one that was listed: its bytes are sent."""
    path = paint(album.folder / "a.png", 1)
    with RayPool(album.encoder, "ray://auto") as pool:
        old = Job(str(path), path.stat().st_size + 1, path.stat().st_mtime_ns)
        pool._job = lambda path, real=pool._job: real(path) if not pool._shared else old  # type: ignore[method-assign]
        [result] = pool.map([("a", path)])
    assert isinstance(result, Decoded) and result.key == "a" and result.path == path
    assert result.mtime_ns == path.stat().st_mtime_ns


def test_results_come_in_order_and_a_lost_interest_cancels(ray: _Ray, album: Album) -> None:
    paths = paint_many(album.folder, 30)
    items = [(number, path) for number, path in enumerate(sorted(album.folder.rglob("*.png")))]
    with RayPool(album.encoder, "ray://auto") as pool:
        assert [result.key for result in pool.map(items)] == [number for number, _ in items]
        sent = len(ray.sent)
        results = pool.map(items)
        next(results)
        # Two batches per core, however many files there are.
        assert len(ray.sent) - sent == 4
        results.close()  # type: ignore[attr-defined]
    assert ray.cancelled == 3
    assert paths is None or len(items) == 30


def test_what_goes_wrong_elsewhere_is_told_here(ray: _Ray, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    paint_many(album.folder, 3)

    def fails(error: Exception) -> Any:
        def tools(spec: str, fingerprint: str) -> Any:
            raise error

        return tools

    monkeypatch.setattr(ray_node, "_tools", fails(FingerprintMismatch("another", "install the same")))
    with pytest.raises(FingerprintMismatch, match="another"):
        album.ingest(workers="ray://auto")
    monkeypatch.setattr(ray_node, "_tools", fails(KeyError("x")))
    with pytest.raises(ModelError, match="a machine of the cluster failed"):
        album.ingest(workers="ray://auto")
    ray.lose = True
    with pytest.raises(ServerError, match="lost a batch: ObjectLostError"):
        album.ingest(workers="ray://auto")
    assert len(album.collection) == 0


def test_a_machine_with_another_model_refuses() -> None:
    with pytest.raises(FingerprintMismatch, match="same version"):
        answer("conse", "0" * 64, [])
    ray_node._tools.cache_clear()


def test_rows_that_came_instead_of_pictures_are_put_together() -> None:
    encoder = ColourEncoder()
    rows = DenseEmbeddings.normalise(np.eye(3, encoder.dim))
    carried = Carried(encoder)
    made = carried.encode_images([rows[[2]], rows[[0]]])  # type: ignore[list-item]
    assert np.array_equal(made.values, rows.values[[2, 0]])  # type: ignore[union-attr]
    assert carried.fingerprint == encoder.fingerprint and len(carried.encode_texts(["a", "b"])) == 2


@pytest.mark.parametrize("text", ["0", "-1", "many", "ray://", "http://head", "1.5", ""])
def test_senseless_workers_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--workers"):
        workers_of(text)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_machine_that_dies_half_way_costs_time_only(tmp_path: Path) -> None:
    """Two Ray nodes with the shipped model; one is killed after the first commit."""
    pytest.importorskip("ray")
    import ray as real
    from ray.cluster_utils import Cluster

    from openitr.encoders import load

    folder = tmp_path / "pictures"
    folder.mkdir()
    paint_many(folder, 400)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    real.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    killed: list[int] = []

    def told(progress: Any) -> None:
        if not killed and progress.committed:
            killed.append(progress.committed)
            cluster.remove_node(second, allow_graceful=False)

    try:
        with Collection.create(tmp_path / "album") as album:
            encoder = load("default")
            report = ingest(album, folder, encoder=encoder, workers="ray://auto", batch=32, on_progress=told)
            assert killed and killed[0] < 400, "the node was killed when all was done"
            assert (report.added, report.skipped) == (400, 1)
            assert [problem for problem in verify(album) if problem.level == "error"] == []
            spread_out = {item.sha256: item.id for item in album.items(album.ids())}
            sample = album.items(album.ids()[::40])
            with DecodePool(encoder.preparation, workers=1) as pool:
                for item, result in zip(sample, pool.map([(i.id, album.file(i)) for i in sample]), strict=True):
                    assert not isinstance(result, Failed)
                    alone = encoder.encode_images([result.array]).values[0]  # type: ignore[union-attr]
                    stored = album.run().index.vectors(np.array([spread_out[item.sha256]])).values[0]  # type: ignore[union-attr]
                    # A batch of another size sums in another order.
                    assert float(alone @ stored) > 0.9999
    finally:
        real.shutdown()
        cluster.shutdown()


def test_the_fields_of_an_answer_are_those_of_a_decoded_picture(ray: _Ray, album: Album) -> None:
    path = paint(album.folder / "a.png", 3)
    with DecodePool(album.encoder.preparation, workers=1) as pool:
        [alone] = pool.map([("a", path)])
    with RayPool(album.encoder, "ray://auto") as cluster:
        [sent] = cluster.map([("a", path)])
    assert isinstance(alone, Decoded) and isinstance(sent, Decoded)
    assert isinstance(sent.array, DenseEmbeddings) and len(sent.array) == 1
    assert vars(replace(sent, array=alone.array)) == vars(alone)
