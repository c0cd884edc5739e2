"""That the server is up, what it counts, and signing in."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

import openitr
from openitr.server import answers
from openitr.server.answers import answer
from openitr.server.problems import Problem
from openitr.server.routes.needs import described, house
from openitr.server.schemas import SessionRequest
from openitr.server.sessions import COOKIE, Sessions

router = APIRouter(tags=["system"])


@router.get("/healthz", responses=described(answers.Health))
async def health(request: Request) -> Response:
    """That the server is up; needs no key."""
    served = house(request)
    pictures = await served.quick.run(lambda: sum(len(one.library) for one in served))
    document = {"status": "ok", "version": openitr.__version__, "collections": len(served), "pictures": pictures}
    return answer(document)


@router.get(
    "/metrics",
    responses={200: {"description": "Prometheus' text format.", "content": {"text/plain": {}}}},
)
async def metrics(request: Request) -> Response:
    """What Prometheus collects."""
    body, kind = request.app.state.metrics.exposition()
    return Response(body, headers={"content-type": kind})


@router.get("/v1/session", responses=described(answers.SessionAnswer))
async def session(request: Request) -> Response:
    """Whether a key is needed and was given, and what may be done."""
    return answer(_state(request, _sessions(request).holds(request.scope)))


@router.post("/v1/session", responses=described(answers.SessionAnswer))
async def sign_in(request: Request, asked: SessionRequest) -> Response:
    """Trade the key for a cookie that scripts cannot read."""
    sessions = _sessions(request)
    token = sessions.sign_in(asked.key, request.scope)
    if token is None:
        raise Problem(401, "this is not the key", "it was printed, or chosen, when the server was started")
    made = answer(_state(request, True))
    secure = request.url.scheme == "https"
    made.set_cookie(COOKIE, token, max_age=sessions.seconds, httponly=True, samesite="strict", secure=secure)
    return made


@router.delete("/v1/session", responses=described(answers.SessionAnswer))
async def sign_out(request: Request) -> Response:
    """Forget this session."""
    sessions = _sessions(request)
    sessions.sign_out(request.cookies.get(COOKIE, ""))
    made = answer(_state(request, not sessions.key_needed))
    made.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return made


def _sessions(request: Request) -> Sessions:
    found: Sessions = request.app.state.sessions
    return found


def _state(request: Request, signed_in: bool) -> dict[str, bool]:
    settings = house(request).settings
    return {
        "key_needed": _sessions(request).key_needed,
        "signed_in": signed_in,
        "read_only": settings.read_only,
        "show_paths": settings.show_paths,
    }
