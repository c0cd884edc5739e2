"""Jobs on disk: one SQLite file that every server of this user shares; each touches the jobs of its collections only.

    queued ---> running ---> done | failed | cancelled
       ^           |
       +-----------+   the server stopped or was killed

Every change counts up the job's ``revision``, by which listeners know what they have seen.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from openitr.errors import CollectionError, NewerFormat

Kind = Literal["index", "reindex", "eval"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")
FORMAT = 2
KEPT = 1000
_TRIES = 2

_SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, place TEXT NOT NULL,
    call TEXT NOT NULL, state TEXT NOT NULL, starts INTEGER NOT NULL DEFAULT 0, unwanted INTEGER NOT NULL DEFAULT 0,
    progress TEXT NOT NULL DEFAULT '{"done": 0, "total": 0, "line": ""}', created TEXT NOT NULL, started TEXT,
    finished TEXT, result TEXT, error TEXT,
    revision INTEGER NOT NULL DEFAULT 1);
CREATE INDEX jobs_by_state ON jobs (state, number);
"""
_COLUMNS = "id, kind, place, call, state, progress, created, started, finished, result, error, revision"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work.

    Args:
        id: Unguessable.
        kind: "index", "reindex" or "eval".
        place: Directory of its collection, links resolved.
        call: What the worker is asked to do.
        state: Where it stands.
        progress: ``done`` and ``total`` files, 0 of 0 where that is not known; a ``line`` of words; what else the
            worker said.
        created, started, finished: ISO 8601, UTC.
        result: What a job that is done gave.
        error: Why a job failed, for people.
        revision: Counts the changes, from 1.
    """

    id: str
    kind: Kind
    place: str
    call: Mapping[str, Any]
    state: State
    progress: Mapping[str, Any]
    created: str
    started: str | None
    finished: str | None
    result: Mapping[str, Any] | None
    error: str | None
    revision: int

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")


class JobStore:
    """The jobs of all servers of one user.

    Args:
        path: The database; made where there is none.

    Raises:
        NewerFormat: A newer OpenITR wrote it.
        CollectionError: The file cannot be used.

    >>> import tempfile
    >>> store = JobStore(Path(tempfile.mkdtemp()) / "jobs.sqlite")
    >>> job = store.submit("index", "/photos", {"folder": "/pictures"})
    >>> store.claim(["/photos"]).id == job.id, store.get(job.id).state
    (True, 'running')
    >>> store.close()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        with self._lock:
            self._db  # noqa: B018  what is wrong with the file is said at once

    @property
    def _db(self) -> sqlite3.Connection:
        """The one connection, opened again after a close; used with the lock held."""
        if self._connection is None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Calls of jobs name folders of this disk: nobody else's to read.
                self.path.touch(mode=0o600)
                db = sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False)
                try:
                    _prepare(db, self.path)
                except BaseException:
                    db.close()
                    raise
            except (OSError, sqlite3.DatabaseError) as error:
                remedy = "move that file away; it holds no pictures"
                raise CollectionError(f"{self.path}: {error}", remedy) from error
            self._connection = db
        return self._connection

    def close(self) -> None:
        """Release the file; idempotent."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def submit(self, kind: Kind, place: str, call: Mapping[str, Any]) -> Job:
        """Queue a job; the oldest finished ones are forgotten when there are many."""
        id = secrets.token_hex(8)
        with self._lock:
            self._db.execute(
                "INSERT INTO jobs (id, kind, place, call, state, created) VALUES (?, ?, ?, ?, 'queued', ?)",
                (id, kind, place, json.dumps(call), _now()),
            )
            self._db.execute(
                "DELETE FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND number <= "
                "(SELECT max(number) FROM jobs) - ?",
                (KEPT,),
            )
            # Read before anyone can claim it, so that the answer is the job as it was queued.
            row = self._db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (id,)).fetchone()
        return _job(row)

    def get(self, id: str) -> Job | None:
        """A job by id."""
        with self._lock:
            row = self._db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (id,)).fetchone()
        return None if row is None else _job(row)

    def recent(self, places: Collection[str], limit: int) -> list[Job]:
        """The newest jobs of some collections, newest first."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE place IN (SELECT value FROM json_each(?)) "
                "ORDER BY number DESC LIMIT ?",
                (json.dumps(list(places)), limit),
            ).fetchall()
        return [_job(row) for row in rows]

    def counts(self, places: Collection[str]) -> dict[State, int]:
        """How many jobs of some collections are in each state."""
        with self._lock:
            found = dict(
                self._db.execute(
                    "SELECT state, count(*) FROM jobs WHERE place IN (SELECT value FROM json_each(?)) GROUP BY state",
                    (json.dumps(list(places)),),
                ).fetchall()
            )
        return {state: found.get(state, 0) for state in STATES}

    def claim(self, places: Collection[str]) -> Job | None:
        """Start the oldest queued job of some collections; None when there is none."""
        # Looking costs no lock on the file, unlike an update that changes nothing.
        if not self.counts(places)["queued"]:
            return None
        with self._lock:
            row = self._db.execute(
                "UPDATE jobs SET state = 'running', starts = starts + 1, started = ?, revision = revision + 1 "
                "WHERE number = (SELECT number FROM jobs WHERE state = 'queued' AND place IN "
                f"(SELECT value FROM json_each(?)) ORDER BY number LIMIT 1) RETURNING {_COLUMNS}",
                (_now(), json.dumps(list(places))),
            ).fetchone()
        return None if row is None else _job(row)

    def progress(self, id: str, progress: Mapping[str, Any]) -> None:
        """Say how far a running job is."""
        self._change("progress = ?", (json.dumps(progress),), id, "running")

    def finish(self, id: str, state: State, *, result: Mapping[str, Any] | None = None, error: str = "") -> None:
        """End a running job."""
        made = None if result is None else json.dumps(result)
        self._change(
            "state = ?, finished = ?, result = ?, error = ?", (state, _now(), made, error or None), id, "running"
        )

    def cancel(self, id: str) -> None:
        """Drop a queued job, or mark a running one as unwanted; whoever runs it ends it."""
        self._change("state = 'cancelled', finished = ?", (_now(),), id, "queued")
        self._change("unwanted = 1", (), id, "running")

    def unwanted(self, ids: Collection[str]) -> list[str]:
        """Which of these running jobs were cancelled."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id FROM jobs WHERE unwanted = 1 AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
        return [row[0] for row in rows]

    def put_back(self, id: str) -> None:
        """Queue a running job again because the server stops in good order."""
        self._change("state = 'queued', started = NULL, starts = starts - 1", (), id, "running")

    def recover(self, place: str) -> None:
        """Queue again what a server that was killed left running; what it was killed over twice has failed."""
        gone = "UPDATE jobs SET revision = revision + 1, finished = ?, state = "
        now = _now()
        with self._lock:
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            db.execute(f"{gone} 'cancelled' WHERE state = 'running' AND place = ? AND unwanted = 1", (now, place))
            said = f"the server ended {_TRIES} times while this ran, perhaps for lack of memory; it is not tried again"
            db.execute(
                f"{gone} 'failed', error = ? WHERE state = 'running' AND place = ? AND starts >= ?",
                (now, said, place, _TRIES),
            )
            db.execute(
                "UPDATE jobs SET revision = revision + 1, started = NULL, state = 'queued' "
                "WHERE state = 'running' AND place = ?",
                (place,),
            )
            db.execute("COMMIT")

    def _change(self, what: str, values: tuple[Any, ...], id: str, state: State) -> None:
        with self._lock:
            self._db.execute(
                f"UPDATE jobs SET {what}, revision = revision + 1 WHERE id = ? AND state = ?", (*values, id, state)
            )


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    # A job that was accepted is remembered even through a power cut.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("BEGIN IMMEDIATE")
    format = db.execute("PRAGMA user_version").fetchone()[0]
    if format < FORMAT:
        # A queue holds nothing that cannot be asked for again: one of an older layout is begun anew.
        db.execute("DROP TABLE IF EXISTS jobs")
        for statement in _SCHEMA.split(";")[:-1]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {FORMAT}")
    db.execute("COMMIT")
    if format > FORMAT:
        raise NewerFormat(f"{path} was written by a newer OpenITR", "update: pip install --upgrade openitr")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _job(row: tuple[Any, ...]) -> Job:
    id, kind, place, call, state, progress, created, started, finished, result, error, revision = row
    given = None if result is None else json.loads(result)
    steps = json.loads(progress)
    return Job(id, kind, place, json.loads(call), state, steps, created, started, finished, given, error, revision)
