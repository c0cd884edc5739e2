"""What routes take from the app and from the query string."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request

from openitr.server.problems import Problem
from openitr.server.schemas import MAX_ID
from openitr.server.served import Served, ServedCollection

CollectionName = Annotated[str | None, Query(max_length=200, description="Which collection; the first if left out.")]
ItemId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of a picture.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="Pass over so many.")]
Name = Annotated[str, Path(max_length=200, description="Name of a collection.")]


def house(request: Request) -> Served:
    """Everything that is served."""
    found: Served = request.app.state.served
    return found


def collection(request: Request, name: str | None) -> ServedCollection:
    """A collection by name, or the default one; 404 when there is none of that name."""
    return house(request).get(name)


async def nothing_unknown(request: Request) -> None:
    """422 for a query parameter that the route does not read: a filter that is passed over would be a wrong answer."""
    if not request.scope["query_string"] or not request.url.path.startswith("/v1/"):
        return
    dependant = request.scope["route"].dependant
    known = [field.alias for one in (dependant, *dependant.dependencies) for field in one.query_params]
    for name in request.query_params:
        if name not in known:
            there = f"use {', '.join(known)}" if known else "leave it out; this address takes none"
            raise Problem(422, f"there is no parameter {name!r} here", there)


def writable(request: Request) -> None:
    """403 when nothing may be changed."""
    if house(request).settings.read_only:
        raise Problem(403, "this server is read-only", "start it without --read-only")


def described(model: Any, status: int = 200, words: str = "") -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of a route's answer, which is sent without being checked against it."""
    return {status: {"model": model, "description": words or (model.__doc__ or "").strip()}}
