"""The OpenAPI document, with the problems that any route may answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from openitr.server.answers import ProblemDocument
from openitr.server.problems import MEDIA_TYPE
from openitr.server.schemas import ChatRequest, SearchRequest

_ANY = {
    400: "Malformed.",
    401: "A key is needed.",
    403: "Not allowed.",
    408: "It did not arrive in time.",
    413: "Too large.",
    422: "A value that makes no sense.",
    429: "Too many requests.",
    431: "A head that is too large.",
    503: "Busy; Retry-After says when to try again.",
}
_MAYBE = {
    404: "Not there.",
    405: "Another method is wanted.",
    409: "Not in this state.",
    415: "Another type is wanted.",
}
_REFERENCE = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Make ``/openapi.json`` say all that can be answered."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (ProblemDocument, SearchRequest, ChatRequest):
        made = model.model_json_schema(ref_template=_REFERENCE)
        schemas |= made.pop("$defs", {})
        schemas[model.__name__] = made
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schema = {"$ref": _REFERENCE.format(model="ProblemDocument")}
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, words in (_ANY | _MAYBE).items():
                problem = {"description": words, "content": {MEDIA_TYPE: {"schema": schema}}}
                operation["responses"][str(status)] = problem
    return document
