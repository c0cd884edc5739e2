"""Pictures one by one: browsing, facts, small copies, originals, forgetting and downloading them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from openitr.collection import browse, parse_where
from openitr.media.formats import HEAD, sniff
from openitr.server import answers
from openitr.server.answers import answer
from openitr.server.archive import archive
from openitr.server.facts import whole_item
from openitr.server.files import INLINE, disposition, open_file, safe_path
from openitr.server.problems import Problem
from openitr.server.routes.needs import CollectionName, ItemId, Offset, collection, described, writable
from openitr.server.schemas import ExportRequest, Ids
from openitr.server.served import ServedCollection

router = APIRouter(tags=["items"])
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes.", "content": {"image/*": {}, "application/octet-stream": {}}},
    304: {"description": "Not changed since."},
}
_ZIP: dict[int | str, dict[str, Any]] = {200: {"description": "An archive.", "content": {"application/zip": {}}}}


@router.get("/v1/items", responses=described(answers.ItemsAnswer))
async def items(
    request: Request,
    collection_name: Annotated[CollectionName, Query(alias="collection")] = None,
    where: Annotated[list[str] | None, Query(max_length=100, description="Filters, such as width>=800.")] = None,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    sort: Literal["date", "path", "added"] = "date",
) -> Response:
    """Browse without a question, newest first."""
    served = collection(request, collection_name)
    filters = parse_where(where or [])

    def page() -> Response:
        found = served.library.collection
        ids = served.kept.get(("order", repr(filters), sort), lambda: browse.order(found, filters, sort))
        briefs = browse.briefs(found, ids[offset : offset + limit])
        return answer({"items": [brief.to_json() for brief in briefs], "total": len(ids)})

    return await served.house.quick.run(page)


@router.get("/v1/items/{id}", responses=described(answers.WholeItem))
async def item(
    request: Request, id: ItemId, collection_name: Annotated[CollectionName, Query(alias="collection")] = None
) -> Response:
    """Everything known of a picture."""
    served = collection(request, collection_name)
    return await served.house.quick.run(lambda: answer(whole_item(served, served.item(id))))


@router.get("/v1/items/{id}/thumbnail", responses=_BYTES)
async def thumbnail(
    request: Request, id: ItemId, collection_name: Annotated[CollectionName, Query(alias="collection")] = None
) -> Response:
    """A small copy of a picture."""
    served = collection(request, collection_name)
    stored = await served.house.quick.run(browse.stored_thumbnail, served.library.collection, id)
    if stored is None:
        raise Problem(404, f"there is no picture {id}", "it may have been removed")
    digest, data = stored
    headers = {"ETag": f'"{digest}-small"', "Cache-Control": "private, max-age=600"}
    if _same(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if data is None:
        data = await served.house.decoding.run(_made_again, served, id)
    kind = INLINE.get(sniff(data[:HEAD]) or "", "application/octet-stream")
    return Response(data, headers=headers, media_type=kind)


def _made_again(served: ServedCollection, id: int) -> bytes:
    """A thumbnail that was lost, from the file, by a worker process."""
    from openitr.media.prepare import Preparation

    item = served.item(id)
    return served.house.pictures.decode(safe_path(served, item), Preparation(32), item.name).thumbnail


@router.get("/v1/items/{id}/file", responses=_BYTES)
async def original(
    request: Request,
    id: ItemId,
    collection_name: Annotated[CollectionName, Query(alias="collection")] = None,
    download: Annotated[bool, Query(description="As a download, whatever it is.")] = False,
) -> Response:
    """The picture's own file, if it lies where it was indexed."""
    served = collection(request, collection_name)

    def opened() -> Response:
        item = served.item(id)
        file = open_file(served, item)
        shown = item.format in INLINE
        headers = {
            "Content-Disposition": disposition(item.name, inline=shown and not download),
            "Content-Length": str(file.about.st_size),
            "Cache-Control": "private, no-cache",
        }
        if (file.about.st_size, file.about.st_mtime_ns) == (item.size, item.mtime_ns):
            headers["ETag"] = f'"{item.sha256}"'
        if "ETag" in headers and _same(request, headers["ETag"]):
            file.close()
            return Response(status_code=304, headers={k: headers[k] for k in ("ETag", "Cache-Control")})
        kind = INLINE[item.format] if shown else "application/octet-stream"
        return StreamingResponse(file, headers=headers, media_type=kind)

    return await served.house.quick.run(opened)


def _same(request: Request, etag: str) -> bool:
    """Whether the client has this version already."""
    wanted = request.headers.get("if-none-match", "")
    return wanted.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in wanted.split(",")]


@router.post("/v1/items/remove", responses=described(answers.Removed))
async def remove(request: Request, asked: Ids) -> Response:
    """Forget pictures; their files stay where they are."""
    writable(request)
    served = collection(request, asked.collection)
    removed = await served.house.slow.run(served.library.remove, asked.ids)
    return answer({"removed": removed})


@router.post("/v1/items/export", responses=_ZIP)
async def export(request: Request, asked: ExportRequest) -> Response:
    """Original files as one archive, with what is known of them."""
    served = collection(request, asked.collection)
    items = await served.house.quick.run(served.library.collection.items, asked.ids)
    if not items:
        raise Problem(404, "none of these pictures is there", "they may have been removed")
    documents = [whole_item(served, item) for item in items]
    headers = {"Content-Disposition": disposition(f"{served.name}.zip", inline=False)}
    return StreamingResponse(archive(served, items, documents), headers=headers, media_type="application/zip")
