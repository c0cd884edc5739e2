"""Errors as answers: problem details (RFC 9457), with what to do about it as ``remedy``."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from openitr.errors import (
    CollectionBusy,
    CollectionError,
    DamagedCollection,
    InputError,
    NoSuchCollection,
    OpenITRError,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

MEDIA_TYPE = "application/problem+json"
# What SQLite says when others keep it waiting; anything else it says is our mistake.
_BUSY = re.compile(r"locked|busy|interrupted")
log = logging.getLogger("openitr.server")


class Problem(Exception):
    """An answer that is no success; raise it anywhere in a request.

    Args:
        status: HTTP status, 400 to 599.
        detail: What was wrong, with which value.
        remedy: What to do about it.
        headers: Further headers of the answer.
        kind: Its type, a name that programs can go by; "urn:openitr:FilterError" is that error of the package.

    >>> Problem(404, "there is no picture 7").title
    'Not Found'
    """

    def __init__(
        self,
        status: int,
        detail: str,
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
        kind: str = "about:blank",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.headers = dict(headers or {})
        self.kind = kind

    @property
    def title(self) -> str:
        """The name of the status."""
        return HTTPStatus(self.status).phrase

    def body(self) -> bytes:
        """The document, ASCII with escapes so that every text can be said."""
        document = {"type": self.kind, "title": self.title, "status": self.status, "detail": self.detail}
        if self.remedy:
            document["remedy"] = self.remedy
        return json.dumps(document).encode("ascii")

    def response(self) -> Response:
        """As an answer."""
        return Response(self.body(), self.status, self.headers, MEDIA_TYPE)


def busy(what: str, seconds: int = 1) -> Problem:
    """503: too much is waiting already."""
    return Problem(503, what, f"try again in {seconds} s", {"Retry-After": str(seconds)})


def problem_of(error: Exception, discreet: Any = None) -> Problem:
    """What an exception is as an answer; what is nobody's fault but ours is a 500 without particulars.

    Args:
        error: Raised while a request was answered.
        discreet: Takes the folders of this disk out of a text.
    """
    hide = discreet or (lambda text: text)
    if isinstance(error, Problem):
        return error
    if isinstance(error, OpenITRError):
        kind = f"urn:openitr:{type(error).__name__}"
        return Problem(_status(error), hide(error.message), hide(error.remedy), kind=kind)
    if isinstance(error, HTTPException):
        return Problem(error.status_code, str(error.detail), headers=error.headers)
    if isinstance(error, sqlite3.OperationalError):
        if "too " in str(error):
            return Problem(422, "this filter asks for too much at once", "use fewer values")
        if _BUSY.search(str(error)):
            return busy("the collection is busy")
    return Problem(500, "the server failed to answer; its log says why")


def _status(error: OpenITRError) -> int:
    if isinstance(error, InputError):
        return 422
    if isinstance(error, NoSuchCollection):
        return 404
    if isinstance(error, CollectionBusy):
        return 409
    if isinstance(error, CollectionError) and not isinstance(error, DamagedCollection):
        return 409
    # A damaged collection, a model or an extra that is missing: the operator's to mend.
    return 503


def install(app: FastAPI) -> None:
    """Make every error of an app a problem document."""
    from fastapi.exceptions import RequestValidationError

    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error, getattr(request.app.state, "discreet", None))
        if problem.status >= 500 and problem.status != 503:
            log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem.response()

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return of_validation(error.errors()).response()

    for kind in (Problem, OpenITRError, HTTPException, sqlite3.OperationalError):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(RequestValidationError, invalid)


def of_validation(errors: Any) -> Problem:
    """400 for what is no JSON, 422 for values that make no sense; the first few are named."""
    said = []
    for error in errors[:5]:
        if error["type"] in ("json_invalid", "json_type"):
            return Problem(400, "the body is no JSON", "send a JSON document")
        place = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))
        said.append(f"{place}: {error['msg']}" if place else str(error["msg"]))
    return Problem(422, "; ".join(said) or "the request makes no sense", "see /openapi.json")
