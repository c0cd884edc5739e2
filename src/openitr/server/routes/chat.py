"""``POST /v1/chat``: a conversation about a picture, one turn at a time; the client keeps it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from openitr.server import answers, talking
from openitr.server.problems import Problem
from openitr.server.routes.needs import collection, described
from openitr.server.routes.search import parsed
from openitr.server.schemas import ChatRequest

router = APIRouter(tags=["search"])
_MOST = 1 << 19
_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ChatRequest"}}},
}


@router.post("/v1/chat", responses=described(answers.ChatAnswer), openapi_extra={"requestBody": _BODY})
async def chat(request: Request) -> Response:
    """Say what the picture shows, answer what is asked, or point at hits that are close or wrong."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, f"a turn cannot be sent as {kind or 'nothing'}", "send application/json")
    raw = await request.body()
    if len(raw) > _MOST:
        raise Problem(413, f"a conversation may hold {_MOST:,} bytes", "begin a new one, with what you know by now")
    asked = parsed(ChatRequest, raw)
    return await talking.chat(collection(request, asked.collection), asked)
