"""The app: routes over what is served, behind the guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI

import openitr
from openitr.library import Library
from openitr.server import problems
from openitr.server.crew import Crew, Door
from openitr.server.describe import describe
from openitr.server.guard import Guard
from openitr.server.jobs import JobQueue
from openitr.server.jobs.store import State
from openitr.server.lanes import Lane
from openitr.server.mcp import mount
from openitr.server.metrics import Metrics
from openitr.server.routes import chat, collections, items, jobs, models, needs, page, search, suggest, system
from openitr.server.served import Served
from openitr.server.sessions import Sessions
from openitr.server.settings import Settings


def create_app(libraries: Mapping[str, Library], settings: Settings | None = None) -> FastAPI:
    """The server's app, for any ASGI server.

    Args:
        libraries: What is served, by name; the first is the default. Whoever opened them closes them.
        settings: What is allowed.

    >>> import tempfile
    >>> from openitr.library import create
    >>> with tempfile.TemporaryDirectory() as home, create(home + "/photos") as library:
    ...     create_app({"photos": library}).title
    'OpenITR'
    """
    settings = settings or Settings()
    metrics, sessions = Metrics(), Sessions(settings.api_key)
    served = Served(libraries, settings, told=metrics.called)
    queue = JobQueue(libraries, settings, served.discreet)
    crew = Crew(libraries, settings, metrics) if settings.workers else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Answers come at once; the first search waits for the model if it must.
        warming = asyncio.ensure_future(served.loading.run(served.warm))
        queue.start()
        if crew is not None:
            crew.start(after=warming)
        try:
            async with mcp():
                yield
        finally:
            warming.cancel()
            if crew is not None:
                await crew.close()
            await asyncio.to_thread(queue.stop)
            await asyncio.to_thread(served.close)

    app = FastAPI(
        title="OpenITR",
        version=openitr.__version__,
        description="Search pictures in words, by picture, or both.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.served, app.state.settings = served, settings
    app.state.jobs, app.state.crew = queue, crew
    app.state.metrics, app.state.sessions, app.state.discreet = metrics, sessions, served.discreet
    for room in (search, chat, suggest, items, collections, models, jobs, system):
        app.include_router(room.router, dependencies=[Depends(needs.nothing_unknown)])
    app.include_router(page.router)
    mcp = mount(app, served, settings)
    _watch(metrics, served, queue, crew)
    problems.install(app)
    describe(app)
    if crew is not None:
        app.add_middleware(Door, crew=crew, served=served)
    app.add_middleware(Guard, settings=settings, sessions=sessions, metrics=metrics)
    return app


def _watch(metrics: Metrics, served: Served, queue: JobQueue, crew: Crew | None) -> None:
    """Numbers that are asked for when somebody collects them."""

    def waiting(lane: Lane) -> float:
        return lane.pending

    def jobs_in(state: State) -> float:
        return queue.counts()[state]

    for lane in served.lanes:
        metrics.watch("openitr_waiting", "Calls that wait or run.", partial(waiting, lane), kind=lane.name)
    for one in served:
        metrics.watch("openitr_pictures", "Pictures in a collection.", one.library.__len__, collection=one.name)
    if crew is not None:
        metrics.watch("openitr_workers", "Workers that take questions.", lambda: crew.ready)
        metrics.watch("openitr_waiting", "Calls that wait or run.", lambda: crew.pending, kind="workers")
    for state in queue.counts():
        metrics.watch("openitr_jobs", "Jobs by state.", partial(jobs_in, state), state=state)
