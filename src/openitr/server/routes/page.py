"""The page and its files, out of the package and nowhere else."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from openitr.server.problems import Problem

router = APIRouter(include_in_schema=False)
PAGE = (Path(__file__).parents[1] / "page").resolve()
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}


@router.get("/")
async def index(request: Request) -> Response:
    """The page; what it shows stands in the query string."""
    return _file(request, "index.html")


@router.get("/favicon.ico")
async def icon(request: Request) -> Response:
    """The page's icon, for browsers that ask by themselves."""
    return _file(request, "icon.svg")


@router.get("/static/{path:path}")
async def static(request: Request, path: str) -> Response:
    """A file of the page."""
    return _file(request, path)


def _file(request: Request, path: str) -> Response:
    place = (PAGE / path).resolve() if "\0" not in path else PAGE
    if not place.is_relative_to(PAGE) or place.suffix not in _TYPES or not place.is_file():
        raise Problem(404, "there is no such file")
    data = place.read_bytes()
    headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"', "Cache-Control": "no-cache"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=_TYPES[place.suffix])
