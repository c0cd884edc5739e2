"""``POST /v1/suggest``: better queries, out of what a query finds."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from openitr.collection.filters import parse_where
from openitr.search.suggest import for_library
from openitr.server import answers
from openitr.server.answers import answer
from openitr.server.routes.needs import collection, described
from openitr.server.schemas import SuggestRequest
from openitr.server.shared import Shared

router = APIRouter(tags=["search"])


@router.post("/v1/suggest", responses=described(answers.SuggestAnswer))
async def suggest(request: Request, asked: SuggestRequest) -> Response:
    """Group what the words find, and change them as little as can be for each group; no language model takes part."""
    served = collection(request, asked.collection)
    where = asked.where if isinstance(asked.where, dict) else parse_where(asked.where or [])
    (run, encoder), *_ = await served.models("dense", asked.run)
    library = Shared(served, [encoder], run.name)

    def suggested() -> Response:
        found = for_library(library, asked.text, groups=asked.groups, where=where, run=run.name)
        return answer(found.to_json())

    return await served.house.slow.run(suggested)
