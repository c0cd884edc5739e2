"""Takes jobs, starts them one at a time per collection, and ends those that are cancelled."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openitr.collection.places import data_folder
from openitr.errors import CollectionBusy
from openitr.index.lock import FileLock
from openitr.server.jobs.admit import Admission
from openitr.server.jobs.process import WORKER, JobProcess, Outcome
from openitr.server.jobs.store import Job, JobStore, Kind, State
from openitr.server.problems import Problem, busy

if TYPE_CHECKING:
    from openitr.library import Library
    from openitr.server.settings import Settings

_PARALLEL = 2
_WAITING = 100
_TICK = 1.0
log = logging.getLogger("openitr.server")


class JobQueue:
    """The jobs of the collections that a server serves.

    Several servers of one user share the file; the one that started first runs the jobs of a collection, the others
    show them and take over when it ends.

    Args:
        libraries: By name; the first is the default.
        settings: ``allow_folders``, ``read_only`` and ``state_folder`` are looked at.
        discreet: Takes the folders of this disk out of a text.
        command: The worker.
        parallel: Jobs of different collections that run at a time.
    """

    def __init__(
        self,
        libraries: Mapping[str, Library],
        settings: Settings,
        discreet: Callable[[str], str] = str,
        *,
        command: Sequence[str] = WORKER,
        parallel: int = _PARALLEL,
    ) -> None:
        self.libraries = dict(libraries)
        self.read_only = settings.read_only
        self.admission = Admission(settings.allow_folders)
        self.discreet = discreet
        self.command, self.parallel = tuple(command), parallel
        self.folder = settings.state_folder or data_folder() / "server"
        self.store = JobStore(self.folder / "jobs.sqlite")
        self._places = {name: os.path.realpath(library.path) for name, library in self.libraries.items()}
        self._names = {place: name for name, place in reversed(self._places.items())}
        self._running: dict[str, JobProcess] = {}
        self._busy: dict[str, str] = {}
        self._threads: list[threading.Thread] = []
        self._locks: dict[str, FileLock] = {}
        self._changed = threading.Condition()
        self._open = False
        self._thread: threading.Thread | None = None
        self._listeners: set[Callable[[], None]] = set()

    # For the server

    def start(self) -> None:
        """Go on with what was left, and run what comes."""
        if self._thread is None and not self.read_only:
            self._open = True
            self._thread = threading.Thread(target=self._serve, name="openitr-jobs", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End running jobs behind their last commit and queue them again; idempotent. Takes some seconds."""
        with self._changed:
            self._open = False
            running = list(self._running.values())
            self._changed.notify_all()
        for process in running:
            process.stop()
        for thread in [*self._threads, *([self._thread] if self._thread else [])]:
            thread.join()
        self._thread = None
        for lock in self._locks.values():
            lock.release()
        self._locks = {}
        self.store.close()

    # For clients

    def index(
        self,
        collection: str | None = None,
        *,
        root: int | None = None,
        folder: str | None = None,
        retry: bool = False,
        restore: bool = False,
        model: str | None = None,
        vectors: str | None = None,
    ) -> Job:
        """Queue bringing a known root, a folder, or all known roots up to date.

        Args:
            collection: By name; the first if None.
            root: Id of a known folder; all of them if neither this nor ``folder`` is said.
            folder: Below a known or an allowed one.
            retry: Look again at files that could not be read.
            restore: Take pictures again that were removed.
            model: Of the run that is begun, or that of the active one.
            vectors: Begin a run of this kind where there is none; "hybrid" begins two.

        Raises:
            Problem: 403 for a folder or a model outside, 404 and 422 for a collection, root or model that is not there.
        """
        name, library = self._library(collection)
        roots = library.collection.roots()
        if root is not None and folder is not None:
            raise Problem(422, "a job indexes a root or a folder, not both", "give one of them")
        if root is not None:
            if root not in roots:
                raise Problem(422, f"{name} has no root {root}", f"roots: {', '.join(map(str, roots)) or 'none yet'}")
            chosen = [roots[root]]
        elif folder is not None:
            chosen = [self.admission.folder(folder, list(roots.values()))]
        else:
            chosen = list(roots.values())
        if not chosen:
            raise Problem(422, f"{name} was made of no folder yet", "give a folder below an --allow-folder")
        if model is not None and vectors == "hybrid":
            raise Problem(422, "hybrid takes a model for each of its kinds", "leave the model out")
        places = [os.path.realpath(place) for place in chosen]
        call = {"folders": places, "retry": retry, "restore": restore}
        return self._submit("index", name, **call, model=self._model(library, model), vectors=vectors)

    def reindex(self, collection: str | None = None, *, model: str | None = None, vectors: str | None = None) -> Job:
        """Queue building a run with another model, or with the shipped one of a kind.

        Raises:
            Problem: 403 for a model outside, 404 and 422 for a collection or model that is not there, or none at all.
        """
        name, library = self._library(collection)
        if model is None and vectors is None:
            raise Problem(422, "one model builds one run", "name a model, or one of the kinds dense, lexicon, late")
        return self._submit("reindex", name, model=self._model(library, model), vectors=vectors)

    def eval(
        self,
        collection: str | None = None,
        *,
        data: str,
        model: str | None = None,
        split: str | None = None,
        lang: str | None = None,
    ) -> Job:
        """Queue measuring a model, the collection's own by default, on a pair dataset.

        Raises:
            Problem: 403 for data or a model outside, 404 and 422 for what is not there.
        """
        name, library = self._library(collection)
        place = self.admission.data(data)
        used = self._specs(library)
        chosen = self.admission.model(model, used) if model else next(iter(used), "default")
        return self._submit("eval", name, data=str(place), model=chosen, split=split, lang=lang)

    def get(self, id: str) -> Job:
        """A job of a served collection.

        Raises:
            Problem: 404, there is none.
        """
        job = self.store.get(id)
        if job is None or job.place not in self._names:
            raise Problem(404, f"there is no job {id!r}", "see /v1/jobs; of finished jobs the last 1000 are kept")
        return job

    def recent(self, limit: int = 50) -> list[Job]:
        """Jobs of the served collections, newest first."""
        return self.store.recent(self._names, limit)

    def counts(self) -> dict[State, int]:
        """How many are in each state."""
        return self.store.counts(self._names)

    def cancel(self, id: str) -> Job:
        """Drop a job, or end it behind its last commit; one that is over stays as it is.

        Raises:
            Problem: 404, there is none; 403 on a server that may change nothing.
        """
        self._may_change()
        self.store.cancel(self.get(id).id)
        self._wake()
        return self.get(id)

    def to_json(self, job: Job) -> dict[str, Any]:
        """A job as clients see it, without folders of this disk."""
        hide = self.discreet
        return {
            "id": job.id,
            "kind": job.kind,
            "collection": self._names.get(job.place, ""),
            "state": job.state,
            "progress": _hidden(job.progress, hide),
            "created": job.created,
            "started": job.started,
            "finished": job.finished,
            "result": None if job.result is None else _hidden(job.result, hide),
            "error": None if job.error is None else hide(job.error),
        }

    def listen(self, call: Callable[[], None]) -> Callable[[], None]:
        """Have a function called, from any thread, whenever a job of this server changes; the answer ends that."""
        with self._changed:
            self._listeners.add(call)

        def leave() -> None:
            with self._changed:
                self._listeners.discard(call)

        return leave

    # Inside

    def _library(self, name: str | None) -> tuple[str, Library]:
        name = next(iter(self.libraries)) if name is None else name
        if name not in self.libraries:
            raise Problem(404, f"there is no collection {name!r}", f"there are: {', '.join(self.libraries)}")
        return name, self.libraries[name]

    def _model(self, library: Library, named: str | None) -> str | None:
        return None if named is None else self.admission.model(named, self._specs(library))

    def _specs(self, library: Library) -> list[str]:
        collection = library.collection
        return [collection.run(name).spec for name in collection.run_names()]

    def _may_change(self) -> None:
        if self.read_only:
            raise Problem(403, "this server changes nothing", "start it without --read-only")

    def _submit(self, kind: Kind, name: str, **call: Any) -> Job:
        self._may_change()
        if self.counts()["queued"] >= _WAITING:
            raise busy(f"{_WAITING} jobs are waiting already", 60)
        place = self._places[name]
        job = self.store.submit(kind, place, {"kind": kind, "place": place, **call})
        self._wake()
        return job

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
            listeners = list(self._listeners)
        for call in listeners:
            call()

    def _serve(self) -> None:
        """The thread that starts and ends jobs; whatever happens to one of them, it goes on."""
        while self._open:
            try:
                self._take_places()
                self._end_unwanted()
                self._start_some()
            except Exception:
                log.exception("the queue of jobs has trouble; it tries again")
                time.sleep(_TICK)
            with self._changed:
                # Other servers change the file without a word, so it is looked at now and then.
                self._changed.wait(_TICK if self._open else 0)

    def _take_places(self) -> None:
        """Become the one who runs the jobs of each collection that nobody else does it for."""
        for place in self._names:
            if place in self._locks:
                continue
            digest = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:16]
            lock = FileLock(self.folder / f"{digest}.lock", f"jobs of {place} are run")
            with contextlib.suppress(CollectionBusy):
                lock.take()
                self._locks[place] = lock
                self.store.recover(place)

    def _end_unwanted(self) -> None:
        with self._changed:
            running = dict(self._running)
        for id in self.store.unwanted(running) if running else ():
            running[id].stop()

    def _start_some(self) -> None:
        while True:
            with self._changed:
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                free = [place for place in self._locks if place not in self._busy.values()]
                if not self._open or not free or len(self._busy) >= self.parallel:
                    return
                job = self.store.claim(free)
                if job is None:
                    return
                self._busy[job.id] = job.place
            thread = threading.Thread(target=self._run, args=(job,), name=f"openitr-job-{job.id}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, job: Job) -> None:
        try:
            self._finish(job, self._outcome(job))
        except Exception:
            log.exception("the job %s has trouble", job.id)
            with contextlib.suppress(Exception):
                self.store.finish(job.id, "failed", error="the server failed over it; its log says why")
        finally:
            with self._changed:
                self._running.pop(job.id, None)
                self._busy.pop(job.id, None)
            self._wake()

    def _outcome(self, job: Job) -> Outcome:
        def told(progress: Mapping[str, Any]) -> None:
            self.store.progress(job.id, progress)
            self._wake()

        try:
            process = JobProcess(job.call, told, self.command)
        except OSError as error:
            return Outcome(error=f"no process could be started: {error.strerror or error}")
        with self._changed:
            self._running[job.id] = process
            if not self._open:
                process.stop()
        self._wake()
        return process.wait()

    def _finish(self, job: Job, outcome: Outcome) -> None:
        if outcome.result is not None:
            self.store.finish(job.id, "done", result=outcome.result)
        elif self.store.unwanted([job.id]):
            self.store.finish(job.id, "cancelled")
        elif not self._open:
            self.store.put_back(job.id)
        else:
            self.store.finish(job.id, "failed", error=outcome.error)


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:
    """The same plain data with every text made discreet."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {key: _hidden(part, hide) for key, part in value.items()}
    return [_hidden(part, hide) for part in value] if isinstance(value, list | tuple) else value
