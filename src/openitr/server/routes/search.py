"""``POST /v1/search``: the whole query as JSON, or as a multipart form with pictures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import Response

from openitr.server import answers, asking
from openitr.server.problems import Problem, of_validation
from openitr.server.routes.needs import collection, described
from openitr.server.schemas import SearchRequest

router = APIRouter(tags=["search"])
_FILES = 16
_QUERY = {"$ref": "#/components/schemas/SearchRequest"}
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": _QUERY},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "query": {"type": "string", "description": "The JSON of the query; may be left out."},
                    "image": {"type": "array", "items": {"type": "string", "format": "binary"}},
                },
            }
        },
    },
}


@router.post("/v1/search", responses=described(answers.SearchAnswer), openapi_extra={"requestBody": _BODY})
async def search(request: Request) -> Response:
    """Search by words, by picture, or both; hits come as likely, maybe and rest."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    uploads: list[tuple[str, bytes]] = []
    if kind == "application/json":
        raw: str | bytes = await request.body()
    elif kind == "multipart/form-data":
        raw, uploads = await _form(request)
    else:
        raise Problem(
            415, f"a query cannot be sent as {kind or 'nothing'}", "send application/json or multipart/form-data"
        )
    asked = parsed(SearchRequest, raw)
    return await asking.search(collection(request, asked.collection), asked, uploads)


def parsed(model: Any, raw: str | bytes) -> Any:
    """A body as its model.

    Raises:
        Problem: 400, no JSON; 422, values that make no sense.
    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise of_validation(error.errors(include_url=False, include_input=False)) from error


async def _form(request: Request) -> tuple[str, list[tuple[str, bytes]]]:
    """The field ``query`` and the pictures of a form."""
    query, uploads = "{}", []
    try:
        async with request.form(max_files=_FILES, max_fields=_FILES, max_part_size=1 << 20) as form:
            for name, value in form.multi_items():
                if name == "query" and isinstance(value, str):
                    query = value
                elif name == "image" and not isinstance(value, str):
                    uploads.append((value.filename or "picture", await value.read()))
                else:
                    raise Problem(422, f"there is no field {name!r} of that kind", "send `query` (JSON) and `image`")
    except (MultiPartException, HTTPException) as error:
        said = error.message if isinstance(error, MultiPartException) else error.detail
        raise Problem(400, f"the form cannot be read: {said}", "send multipart/form-data") from error
    return query, uploads
