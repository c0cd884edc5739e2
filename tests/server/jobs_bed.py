"""What tests of jobs stand on: a painted folder, a collection of part of it, a queue with a worker of a known speed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from openitr.collection import Collection, ingest
from openitr.library import Library
from openitr.server.jobs import Job, JobQueue
from openitr.server.problems import Problem
from openitr.server.routes.jobs import router
from openitr.server.settings import Settings
from tests.collection.fakes import ColourEncoder, paint_many

ROOT = Path(__file__).parents[2]
SLOW = (sys.executable, "-m", "tests.server.slow_worker")


def album(base: Path, name: str = "album", pictures: int = 6) -> Library:
    """A collection of a few pictures in ``base/pictures``."""
    folder = base / f"pictures-{name}"
    paint_many(folder, pictures)
    with Collection.create(base / name) as collection:
        ingest(collection, folder, encoder=ColourEncoder(), workers=1)
    return Library(Collection.open(base / name))


def app_of(queue: JobQueue) -> FastAPI:
    """An app with nothing but the jobs."""
    app = FastAPI()
    app.state.jobs = queue
    app.include_router(router)

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    app.add_exception_handler(Problem, answer)
    return app


def wait_for(queue: JobQueue, job: Job, *states: str, seconds: float = 30.0) -> Job:
    """Wait until a job is in one of the states, or over."""

    def look() -> Job | None:
        now = queue.get(job.id)
        return now if now.state in states or now.over else None

    return until(look, seconds)


def until(found: Callable[[], Job | None], seconds: float = 30.0) -> Job:
    """Ask again until there is an answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (answer := found()) is not None:
            return answer
        time.sleep(0.03)
    raise TimeoutError("it did not come to that")


def settings(base: Path, **options: object) -> Settings:
    """Settings with the state in the test's folder."""
    return Settings(state_folder=base / "state", **options)  # type: ignore[arg-type]
