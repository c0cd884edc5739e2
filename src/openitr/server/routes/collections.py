"""What is served: collections, their runs, folders and fields, what could not be read, and what is there twice."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from openitr.collection import info
from openitr.collection.browse import skipped_page
from openitr.collection.summary import summarise
from openitr.server import answers
from openitr.server.answers import answer
from openitr.server.repeated import duplicates
from openitr.server.routes.needs import Name, Offset, collection, described, house
from openitr.server.served import ServedCollection

router = APIRouter(prefix="/v1/collections", tags=["collections"])
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("", responses=described(answers.CollectionsAnswer))
async def collections(request: Request) -> Response:
    """The collections that are served, the default one first."""
    served = house(request)

    def listed() -> Response:
        return answer({"collections": [_short(one) for one in served]})

    return await served.quick.run(listed)


def _short(served: ServedCollection) -> dict[str, Any]:
    return {
        "name": served.name,
        "pictures": len(served.library),
        "model": served.spec,
        "default": served.name == served.house.default,
        "read_only": served.house.settings.read_only,
    }


@router.get("/{name}", responses=described(answers.CollectionAnswer))
async def one(request: Request, name: Name) -> Response:
    """What a collection holds."""
    served = collection(request, name)
    return await served.house.quick.run(lambda: answer(served.kept.get("info", lambda: _about(served))))


def _about(served: ServedCollection) -> dict[str, Any]:
    """``openitr info``, without folders of this disk unless they may be shown."""
    facts = info(served.library.collection)
    show, hide = served.house.settings.show_paths, served.house.discreet
    runs = [run | {"spec": hide.spec(run["model"])} for run in facts["runs"]]
    for run in runs:
        del run["model"]
    roots = []
    for root in facts["roots"]:
        name = root["path"].replace("\\", "/").rstrip("/").rpartition("/")[2]
        entry = {"id": root["id"], "name": name, "items": root["items"], "there": root["there"]}
        roots.append(entry | ({"path": root["path"]} if show else {}))
    kinds = [run["kind"] for run in runs if run["state"] == "active"]
    facts |= served.house.named.offered(kinds[0] if kinds else "dense")
    facts |= {"name": served.name, "runs": runs, "roots": roots, "read_only": served.house.settings.read_only}
    if not show:
        del facts["path"]
    return facts


@router.get("/{name}/fields", responses=described(answers.FieldsAnswer))
async def fields(request: Request, name: Name) -> Response:
    """The fields that filters can ask for, with their commonest values or their range."""
    served = collection(request, name)

    def found() -> Response:
        return answer({"fields": served.kept.get("fields", lambda: summarise(served.library.collection))})

    return await served.house.quick.run(found)


@router.get("/{name}/skipped", responses=described(answers.SkippedAnswer))
async def skipped(request: Request, name: Name, offset: Offset = 0, limit: Limit = 100) -> Response:
    """Files that look like pictures and could not be read, with what to do about it."""
    served = collection(request, name)

    def page() -> Response:
        found, total = skipped_page(served.library.collection, offset, limit)
        hide = served.house.discreet
        for row in found:
            row |= {"reason": hide(row["reason"]), "remedy": hide(row["remedy"])}
        return answer({"skipped": found, "total": total})

    return await served.house.quick.run(page)


@router.get("/{name}/duplicates", responses=described(answers.DuplicatesAnswer))
async def repeated(
    request: Request,
    name: Name,
    kind: Annotated[str | None, Query(pattern="^(copy|near|similar)$", description="Only groups of this kind.")] = None,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """Copies, near copies and similar pictures, the surest first; nothing is deleted."""
    served = collection(request, name)
    groups = await duplicates(served)
    chosen = [group for group in groups if kind in (None, group["kind"])]
    return answer({"groups": chosen[offset : offset + limit], "total": len(chosen)})
