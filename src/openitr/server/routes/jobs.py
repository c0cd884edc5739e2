"""Long work: ``/v1/jobs`` and ``/v1/eval``. The queue is ``app.state.jobs``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from openitr.embeddings import Kind
from openitr.server.jobs import Job, JobQueue
from openitr.server.jobs.events import Listeners

router = APIRouter(prefix="/v1", tags=["jobs"])

_Name = Annotated[str, Field(min_length=1, max_length=256)]
_Path = Annotated[str, Field(min_length=1, max_length=4096)]
# What `--kind` is on the command line; `kind` says which sort of job it is.
_Vectors = Literal[Kind, "hybrid"]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    collection: Annotated[_Name | None, Field(description="The first one served if left out.")] = None


class IndexJob(_Asked):
    """Bring a root, a folder, or all roots of a collection up to date."""

    kind: Literal["index"]
    root: Annotated[int | None, Field(ge=0, lt=2**63, description="Id of a root.")] = None
    folder: Annotated[_Path | None, Field(description="Below a root or an allowed folder.")] = None
    retry: Annotated[bool, Field(description="Look again at files that could not be read before.")] = False
    restore: Annotated[bool, Field(description="Take pictures again that were removed.")] = False
    model: Annotated[_Path | None, Field(description="Of the run that is begun, or that of the active one.")] = None
    vectors: Annotated[_Vectors | None, Field(description="Begin a run of this kind where there is none.")] = None


class ReindexJob(_Asked):
    """Build a run with another model, or with the shipped one of a kind; at least one of the two is said."""

    kind: Literal["reindex"]
    model: Annotated[_Path | None, Field(description="A shipped model, or a folder below an allowed one.")] = None
    vectors: Annotated[Kind | None, Field(description="What the model makes; alone: the shipped model for it.")] = None


class EvalAsked(_Asked):
    """Measure a model on image-text pairs."""

    data: Annotated[_Path, Field(description="A pair dataset below an allowed folder.")]
    model: Annotated[_Path | None, Field(description="The collection's own if left out.")] = None
    split: _Name | None = None
    lang: _Name | None = None


class EvalJob(EvalAsked):
    """Measure a model on image-text pairs."""

    kind: Literal["eval"]


class Progress(BaseModel):
    """How far a job is; 0 of 0 where that is not known. Indexing says more: added, skipped, rate, eta, committed."""

    model_config = ConfigDict(extra="allow")

    done: int
    total: int
    line: str


class JobAnswer(BaseModel):
    """A job."""

    id: str
    kind: Literal["index", "reindex", "eval"]
    collection: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: Progress
    created: str
    started: str | None
    finished: str | None
    result: dict[str, Any] | None
    error: str | None


class JobsAnswer(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobAnswer]


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What may go wrong, for the OpenAPI document."""
    said = {400: "No JSON", 403: "Not allowed here", 404: "No such thing", 422: "A value that makes no sense"}
    said[503] = "Too much is waiting"
    return {
        status: {"description": said[status], "content": {"application/problem+json": {"schema": {"type": "object"}}}}
        for status in statuses
    }


def _queue(request: Request) -> JobQueue:
    queue: JobQueue = request.app.state.jobs
    return queue


def _accepted(request: Request, response: Response, job: Job) -> dict[str, Any]:
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return _queue(request).to_json(job)


@router.post("/jobs", status_code=202, response_model=JobAnswer, responses=_problems(400, 403, 404, 422, 503))
def submit(
    request: Request,
    response: Response,
    asked: Annotated[IndexJob | ReindexJob | EvalJob, Field(discriminator="kind")],
) -> dict[str, Any]:
    """Queue indexing, reindexing or an evaluation."""
    queue = _queue(request)
    call = asked.model_dump(exclude={"kind"})
    job = getattr(queue, asked.kind)(call.pop("collection"), **call)
    return _accepted(request, response, job)


@router.post("/eval", status_code=202, response_model=JobAnswer, responses=_problems(400, 403, 404, 422, 503))
def evaluate(request: Request, response: Response, asked: EvalAsked) -> dict[str, Any]:
    """Queue an evaluation."""
    call = asked.model_dump()
    return _accepted(request, response, _queue(request).eval(call.pop("collection"), **call))


@router.get("/jobs", response_model=JobsAnswer, responses=_problems(422))
def jobs(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> dict[str, Any]:
    """Jobs of all served collections, newest first."""
    queue = _queue(request)
    return {"jobs": [queue.to_json(job) for job in queue.recent(limit)]}


@router.get("/jobs/{id}", response_model=JobAnswer, responses=_problems(404, 422))
def job(request: Request, id: str) -> dict[str, Any]:
    """One job."""
    queue = _queue(request)
    return queue.to_json(queue.get(id))


@router.delete("/jobs/{id}", response_model=JobAnswer, responses=_problems(403, 404, 422))
def cancel(request: Request, id: str) -> dict[str, Any]:
    """Cancel a job; what was committed stays. A job that runs is over some moments later."""
    queue = _queue(request)
    return queue.to_json(queue.cancel(id))


@router.get(
    "/jobs/{id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"description": "`progress` and `done` events with the job as data", "content": {"text/event-stream": {}}},
        **_problems(404, 422, 503),
    },
)
async def events(
    request: Request,
    id: str,
    last_event_id: Annotated[str, Header(max_length=64)] = "",
) -> Response:
    """Progress of a job, live."""
    queue = _queue(request)
    await run_in_threadpool(queue.get, id)
    state = request.app.state
    if not hasattr(state, "listeners"):
        state.listeners = Listeners()
    seen = int(last_event_id) if last_event_id.isascii() and last_event_id.isdecimal() else 0
    listeners: Listeners = state.listeners
    listeners.check()
    return StreamingResponse(
        listeners.follow(queue, id, seen),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
