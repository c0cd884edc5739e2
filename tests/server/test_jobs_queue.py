"""Jobs that run: progress, cancelling, restarts, crashes, several at once. Each runs a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from openitr.collection import Collection, ingest, verify
from openitr.library import Library
from openitr.server.jobs import JobQueue
from openitr.server.problems import Problem
from tests.collection.fakes import ColourEncoder, paint_many
from tests.server.jobs_bed import ROOT, SLOW, album, settings, until, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


class House:
    """A library of 6 pictures, further folders, and queues over them."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.base, self.patch = base, monkeypatch
        self.library = album(base)
        self.queues: list[JobQueue] = []

    def queue(self, delay: float = 0.0, *, start: bool = True, **options: object) -> JobQueue:
        self.patch.setenv("OPENITR_TEST_DELAY", str(delay))
        chosen = settings(self.base, **{"allow_folders": [self.base], **options})
        made = JobQueue({"album": self.library}, chosen, command=SLOW)
        self.queues.append(made)
        if start:
            made.start()
        return made

    def folder(self, name: str, pictures: int, first: int = 1000) -> str:
        paint_many(self.base / name, pictures, first)
        return str(self.base / name)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    made = House(tmp_path, monkeypatch)
    yield made
    for queue in made.queues:
        queue.stop()
    made.library.close()


def whole(library: Library) -> bool:
    return [p for p in library.verify() if p.level == "error"] == []


def test_an_index_job_adds_pictures_that_the_open_library_sees(house: House) -> None:
    queue = house.queue()
    assert len(house.library) == 6 and len(house.library.collection.run().index) == 6
    job = queue.index(folder=house.folder("more", 5))
    assert (job.state, job.revision) == ("queued", 1)
    over = wait_for(queue, job)
    assert over.state == "done", over.error
    assert over.result is not None and over.result["added"] == 5 and over.result["skipped"] == 0
    assert (over.progress["done"], over.progress["total"], over.progress["committed"]) == (5, 5, 11)
    assert over.progress["line"].startswith("5 of 5 files")
    assert len(house.library) == 11
    assert len(house.library.collection.run().index) == 11
    newest = int(house.library.collection.ids()[-1])
    assert house.library.more_like(newest, k=20).total == 10
    assert house.library.thumbnail(newest)


def test_an_index_job_without_a_folder_brings_all_roots_up_to_date(house: House) -> None:
    queue = house.queue()
    assert wait_for(queue, queue.index(folder=house.folder("more", 5))).state == "done"
    house.folder("more", 2, first=3000)
    house.folder("pictures-album", 1, first=4000)
    over = wait_for(queue, queue.index())
    assert over.result is not None
    assert (over.result["added"], over.result["unchanged"]) == (3, 11)
    only = wait_for(queue, queue.index(root=1))
    assert only.result is not None and only.result["unchanged"] == 7


def test_two_jobs_of_one_collection_run_one_after_the_other(house: House) -> None:
    queue = house.queue(delay=0.01)
    first, second = queue.index(folder=house.folder("one", 20)), queue.index(folder=house.folder("two", 20, first=2000))
    wait_for(queue, first, "running")
    assert queue.get(second.id).state == "queued"
    assert queue.counts()["running"] == 1
    over, then = wait_for(queue, first), wait_for(queue, second)
    assert (over.state, then.state) == ("done", "done")
    assert str(over.finished) <= str(then.started)
    assert len(house.library) == 46


@pytest.mark.slow
def test_jobs_of_two_collections_run_side_by_side(house: House, tmp_path: Path) -> None:
    house.patch.setenv("OPENITR_TEST_DELAY", "0.02")
    with album(tmp_path, "other") as other:
        both = {"album": house.library, "other": other}
        queue = JobQueue(both, settings(tmp_path, allow_folders=[tmp_path]), command=SLOW)
        queue.start()
        try:
            jobs = [queue.index(name, folder=house.folder("one", 40)) for name in both]
            until(lambda: jobs[0] if queue.counts()["running"] == 2 else None)
            assert [wait_for(queue, job).state for job in jobs] == ["done", "done"]
            assert (len(house.library), len(other)) == (46, 46)
        finally:
            queue.stop()


def test_cancelling_a_running_job_leaves_a_whole_collection(house: House) -> None:
    queue = house.queue(delay=0.015)
    job = queue.index(folder=house.folder("many", 300))
    until(lambda: queue.get(job.id) if queue.get(job.id).progress["total"] == 300 else None)
    start = time.monotonic()
    queue.cancel(job.id)
    over = wait_for(queue, job, seconds=15)
    assert over.state == "cancelled" and over.result is None and over.error is None
    assert time.monotonic() - start < 8
    assert whole(house.library)
    assert 6 < len(house.library) < 306
    # The collection is free again, and the same job goes on where it stopped.
    house.patch.setenv("OPENITR_TEST_DELAY", "0")
    again = wait_for(queue, queue.index(folder=str(house.base / "many")))
    assert again.state == "done" and len(house.library) == 306


def test_cancelling_a_queued_job_never_starts_it(house: House) -> None:
    queue = house.queue(delay=0.02)
    first, second = queue.index(folder=house.folder("one", 60)), queue.index(folder=house.folder("two", 5, first=2000))
    assert queue.cancel(second.id).state == "cancelled"
    assert wait_for(queue, first).state == "done"
    assert queue.get(second.id).started is None
    assert queue.cancel(first.id).state == "done"
    assert len(house.library) == 66


def test_a_worker_that_is_killed_fails_its_job_and_nothing_else(house: House) -> None:
    queue = house.queue()
    job = queue._submit("reindex", "album", model="crash")
    over = wait_for(queue, job)
    assert over.state == "failed" and "SIGKILL" in str(over.error)
    assert wait_for(queue, queue.index(folder=house.folder("more", 5))).state == "done"


def test_an_error_of_the_library_is_said_in_its_words(house: House) -> None:
    queue = house.queue()
    folder = house.folder("gone", 1)
    job = queue._submit("index", "album", folders=[str(house.base / "nowhere")])
    over = wait_for(queue, job)
    assert over.state == "failed" and "there is no such folder" in str(over.error)
    # What was a folder when it was asked for may be a link to elsewhere by now.
    other = house.folder("other", 1)
    Path(folder).rename(house.base / "away")
    Path(folder).symlink_to(other)
    over = wait_for(queue, queue._submit("index", "album", folders=[folder]))
    assert over.state == "failed" and "leads elsewhere" in str(over.error)


def test_a_collection_that_is_written_elsewhere_is_waited_for(house: House) -> None:
    queue = house.queue()
    with house.library.collection.writing():
        job = queue.index(folder=house.folder("more", 3))
        waiting = until(lambda: queue.get(job.id) if "waiting" in queue.get(job.id).progress["line"] else None)
        assert waiting.state == "running" and str(os.getpid()) in waiting.progress["line"]
    assert wait_for(queue, job).state == "done"


@pytest.mark.slow
def test_stopping_in_good_order_queues_the_running_job_again(house: House) -> None:
    queue = house.queue(delay=0.015)
    job = queue.index(folder=house.folder("many", 250))
    until(lambda: queue.get(job.id) if queue.get(job.id).progress["total"] == 250 else None)
    queue.stop()
    assert whole(house.library)
    assert 6 < len(house.library) < 256
    again = house.queue()
    over = wait_for(again, job)
    assert over.state == "done" and len(house.library) == 256
    assert not [place for place in Path("/proc").glob("[0-9]*") if _is_worker_of(place)]


def _is_worker_of(place: Path) -> bool:
    """Whether a process is a worker that this test started; its temporary home is in its environment."""
    try:
        return (
            b"slow_worker" in (place / "cmdline").read_bytes()
            and os.environ["OPENITR_HOME"].encode() in (place / "environ").read_bytes()
        )
    except OSError:
        return False


def serving(base: Path, *words: str, delay: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.server.serving_jobs", str(base), *words]
    environment = {**os.environ, "OPENITR_TEST_DELAY": str(delay)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_kill_the_server_in_the_middle_and_start_again(house: House, tmp_path: Path) -> None:
    folder = house.folder("many", 220)
    watching = house.queue(start=False)
    server = serving(tmp_path, folder, delay=0.015)
    id = said(server)
    job = until(lambda: watching.get(id) if watching.get(id).progress["done"] >= 1 else None)
    assert job.state == "running"
    server.send_signal(signal.SIGKILL)
    server.wait()
    assert server.stdout is not None
    server.stdout.close()
    # Nobody is there to say so, but the orphaned worker ends by itself: the lock of the collection is free again.
    until(lambda: job if _free(house.library.collection) else None, seconds=15)
    assert whole(house.library)
    assert watching.get(id).state == "running"
    queue = house.queue()
    over = wait_for(queue, job)
    assert over.state == "done", over.error
    assert len(house.library) == 226
    with Collection.create(tmp_path / "undisturbed") as undisturbed:
        for place in (tmp_path / "pictures-album", Path(folder)):
            ingest(undisturbed, place, encoder=ColourEncoder(), workers=1)
        assert _state(undisturbed) == _state(house.library.collection)
        assert [p for p in verify(undisturbed) if p.level == "error"] == []


def _free(collection: Collection) -> bool:
    try:
        with collection.writing():
            return True
    except Exception:
        return False


def _state(collection: Collection) -> dict[str, list[float]]:
    ids = collection.ids()
    vectors = collection.run().index.vectors(ids).values
    return {item.path: vector.tolist() for item, vector in zip(collection.items(ids), vectors, strict=True)}


@pytest.mark.slow
def test_a_job_that_kills_the_server_twice_is_given_up(house: House, tmp_path: Path) -> None:
    folder = house.folder("many", 300)
    watching = house.queue(start=False)
    job, seen = watching.index(folder=folder), None
    for _ in range(2):
        server = serving(tmp_path, delay=0.02)
        # "running" alone may be what the one before was killed over.
        seen = until(
            lambda seen=seen: now if (now := watching.get(job.id)).started not in (None, seen) else None
        ).started
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()
    queue = house.queue()
    over = wait_for(queue, job)
    assert over.state == "failed" and "2 times" in str(over.error)
    assert wait_for(queue, queue.index(folder=house.folder("more", 3, first=5000))).state == "done"


def test_a_second_server_shows_the_jobs_and_takes_over(house: House) -> None:
    first = house.queue(delay=0.02)
    running = first.index(folder=house.folder("one", 30))
    wait_for(first, running, "running")
    second = house.queue(delay=0.02)
    job = second.index(folder=house.folder("two", 30, first=2000))
    assert first.get(job.id).state == "queued"
    until(lambda: job if second.counts()["running"] else None)
    # Whose collection it is is settled: the first one runs both jobs.
    assert not second._running and not second._locks
    first.stop()
    over = wait_for(second, job)
    assert over.state == "done" and len(house.library) == 66


def test_a_read_only_server_changes_nothing(house: House) -> None:
    queue = house.queue(read_only=True)
    for ask in (lambda: queue.index(root=1), lambda: queue.reindex(model="conse"), lambda: queue.cancel("x")):
        with pytest.raises(Problem) as caught:
            ask()
        assert caught.value.status == 403
    assert queue.recent() == []


def test_what_is_asked_for_must_be_there(house: House) -> None:
    queue = house.queue(start=False)
    cases = [
        (lambda: queue.index("nobody"), 404),
        (lambda: queue.index(root=99), 422),
        (lambda: queue.index(root=1, folder=str(house.base)), 422),
        (lambda: queue.get("nothing"), 404),
        (lambda: queue.cancel("nothing"), 404),
        (lambda: queue.reindex(model="nonsense"), 422),
        (lambda: queue.eval(data="nowhere"), 422),
    ]
    for ask, status in cases:
        with pytest.raises(Problem) as caught:
            ask()
        assert caught.value.status == status
    for _ in range(100):
        queue.index()
    with pytest.raises(Problem) as caught:
        queue.index()
    assert caught.value.status == 503
