"""The jobs on disk: order, restarts, what is remembered."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import CollectionError, NewerFormat
from openitr.server.jobs import store as module
from openitr.server.jobs.store import JobStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    made = JobStore(tmp_path / "state" / "jobs.sqlite")
    yield made
    made.close()


def test_jobs_are_claimed_in_order_and_per_collection(store: JobStore) -> None:
    a1, b1, a2 = store.submit("index", "/a", {}), store.submit("index", "/b", {}), store.submit("eval", "/a", {})
    assert [job.id for job in store.recent(["/a", "/b"], 10)] == [a2.id, b1.id, a1.id]
    assert [job.id for job in store.recent(["/a"], 1)] == [a2.id]
    claimed = [store.claim(["/a"]), store.claim(["/b"]), store.claim(["/a", "/b"]), store.claim(["/a", "/b"])]
    assert [job.id if job else None for job in claimed] == [a1.id, b1.id, a2.id, None]
    assert store.counts(["/a"]) == {"queued": 0, "running": 2, "done": 0, "failed": 0, "cancelled": 0}


def test_a_job_lives_through_its_states_and_counts_its_changes(store: JobStore) -> None:
    job = store.submit("reindex", "/a", {"model": "conse"})
    assert (job.state, job.revision, job.call) == ("queued", 1, {"model": "conse"})
    store.claim(["/a"])
    store.progress(job.id, {"done": 3, "total": 9, "line": "3 of 9"})
    store.finish(job.id, "done", result={"added": 9})
    over = store.get(job.id)
    assert over is not None and over.over
    assert over.progress == {"done": 3, "total": 9, "line": "3 of 9"}
    assert (over.result, over.error) == ({"added": 9}, None)
    assert over.created <= str(over.started) <= str(over.finished)
    assert over.revision == 4
    # What is over stays as it is.
    store.progress(job.id, {"done": 5})
    store.cancel(job.id)
    store.finish(job.id, "failed", error="late")
    assert store.get(job.id) == over


def test_what_a_killed_server_left_is_queued_again_once(store: JobStore, tmp_path: Path) -> None:
    job, other = store.submit("index", "/a", {}), store.submit("index", "/b", {})
    for state in ("queued", "failed"):
        assert store.claim(["/a"]) is not None
        again = JobStore(store.path)
        again.recover("/a")
        now = again.get(job.id)
        assert now is not None and now.state == state
        again.close()
    assert "2 times" in str(now.error)
    untouched = store.get(other.id)
    assert untouched is not None and untouched.state == "queued"


def test_a_stop_in_good_order_is_not_held_against_a_job(store: JobStore) -> None:
    job = store.submit("index", "/a", {})
    for _ in range(5):
        assert store.claim(["/a"]) is not None
        store.put_back(job.id)
        store.recover("/a")
    now = store.get(job.id)
    assert now is not None and now.state == "queued"


def test_cancelled_while_the_server_was_killed(store: JobStore) -> None:
    job = store.submit("index", "/a", {})
    store.claim(["/a"])
    store.cancel(job.id)
    assert store.unwanted([job.id, "other"]) == [job.id]
    store.recover("/a")
    now = store.get(job.id)
    assert now is not None and now.state == "cancelled" and now.finished


def test_old_finished_jobs_are_forgotten_and_waiting_ones_never(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    waiting = store.submit("index", "/waiting", {})
    for _ in range(6):
        job = store.submit("index", "/a", {})
        store.claim(["/a"])
        store.finish(job.id, "done", result={})
    assert store.get(waiting.id) is not None
    assert store.counts(["/a"])["done"] == 3


def test_the_file_is_private_and_a_newer_one_is_refused(store: JobStore) -> None:
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    with sqlite3.connect(store.path) as db:
        db.execute(f"PRAGMA user_version = {module.FORMAT + 1}")
    db.close()
    with pytest.raises(NewerFormat, match="update"):
        JobStore(store.path)


def test_a_queue_of_an_older_layout_is_begun_anew(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        db.execute("CREATE TABLE jobs (number INTEGER PRIMARY KEY, done INTEGER)")
        db.execute("PRAGMA user_version = 1")
    db.close()
    store = JobStore(tmp_path / "jobs.sqlite")
    job = store.submit("index", "/a", {})
    assert store.claim(["/a"]) is not None and store.recent(["/a"], 9)[0].id == job.id
    store.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_text("no database at all, whatever its name says")
    with pytest.raises(CollectionError, match=r"jobs\.sqlite"):
        JobStore(tmp_path / "jobs.sqlite")


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["submit", "claim", "finish", "cancel", "recover", "put_back"]), st.integers(0, 3))
    )
)
def test_no_history_loses_or_doubles_a_job(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Against a model in plain Python: each job is in one state, and queued ones are claimed oldest first."""
    store = JobStore(tmp_path_factory.mktemp("jobs") / "jobs.sqlite")
    ids: list[str] = []
    states: dict[str, str] = {}
    starts: dict[str, int] = {}
    unwanted: set[str] = set()
    for what, number in steps:
        target = ids[number % len(ids)] if ids else ""
        running = states.get(target) == "running"
        if what == "submit":
            made = store.submit("index", "/a", {}).id
            ids.append(made)
            states[made], starts[made] = "queued", 0
        elif what == "claim":
            job = store.claim(["/a"])
            oldest = next((id for id in ids if states[id] == "queued"), None)
            assert (job.id if job else None) == oldest
            if oldest:
                states[oldest], starts[oldest] = "running", starts[oldest] + 1
        elif what == "finish" and target:
            store.finish(target, "done", result={})
            states[target] = "done" if running else states[target]
        elif what == "cancel" and target:
            store.cancel(target)
            if states[target] == "queued":
                states[target] = "cancelled"
            elif running:
                unwanted.add(target)
        elif what == "put_back" and target:
            store.put_back(target)
            if running:
                states[target], starts[target] = "queued", starts[target] - 1
        elif what == "recover":
            store.recover("/a")
            for id in ids:
                if states[id] == "running":
                    states[id] = "cancelled" if id in unwanted else "failed" if starts[id] >= 2 else "queued"
        assert {job.id: job.state for job in store.recent(["/a"], 1000)} == states
    store.close()
