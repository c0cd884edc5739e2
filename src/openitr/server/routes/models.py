"""What models do beside searching: vectors of texts and pictures, and where in a picture the words are."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from openitr.search.retrieve import dense, exact
from openitr.server import answers
from openitr.server.answers import answer
from openitr.server.asking import picture
from openitr.server.problems import Problem
from openitr.server.routes.needs import collection, described, house
from openitr.server.schemas import EmbedRequest, ExplainRequest

router = APIRouter(tags=["models"])


@router.get("/v1/models", responses=described(answers.ModelsAnswer))
async def models(request: Request) -> Response:
    """The models that can be used here, and what the others need."""
    from openitr.encoders import available

    found = await house(request).quick.run(available)
    return answer({"models": [asdict(model) for model in found]})


@router.post("/v1/embed", responses=described(answers.EmbedAnswer))
async def embed(request: Request, asked: EmbedRequest) -> Response:
    """Vectors of texts or of pictures, of length 1, from the model of a run."""
    if (asked.texts is None) == (asked.images is None):
        raise Problem(422, "texts or images are wanted, one of them", 'send {"texts": ["..."]}')
    served = collection(request, asked.collection)
    run, encoder = await served.model(asked.run)
    if encoder.kind != "dense":
        raise Problem(422, f"the run {run.name!r} has {encoder.kind} embeddings, not vectors", "name a dense run")
    if asked.texts is not None:
        made = await asyncio.wrap_future(encoder.texts.submit(asked.texts))
    else:
        # One after the other: a request for many pictures leaves decoders to those for one.
        arrays = [(await picture(served, image, encoder.preparation))[0].array for image in asked.images or ()]
        made = await asyncio.wrap_future(encoder.images.submit(arrays))
    document: dict[str, Any] = {"kind": encoder.kind, "dim": encoder.dim, "model": served.house.discreet.spec(run.spec)}
    document["fingerprint"] = encoder.fingerprint

    def dumped() -> Response:
        return answer(document | {"embeddings": [[round(float(x), 7) for x in row] for row in dense(made)]})

    return await served.house.quick.run(dumped)


@router.post("/v1/explain", responses=described(answers.ExplainAnswer))
async def explain(request: Request, asked: ExplainRequest) -> Response:
    """Where in a picture the words are: what is lost of the score when a patch is covered."""
    served = collection(request, asked.collection)
    _, encoder = await served.model(asked.run)
    shown, _ = await picture(served, asked.id, encoder.preparation)

    def covered() -> Response:
        from openitr.diagnose.explain import occlusion_map

        lost = occlusion_map(encoder, shown.array, asked.text, grid=asked.grid)
        base = exact(encoder.encode_images([shown.array]), encoder.encode_texts([asked.text]))[0]
        rows, cols = lost.shape
        values = [[round(float(x), 6) for x in row] for row in lost]
        return answer({"rows": rows, "cols": cols, "values": values, "base": round(float(base), 6)})

    return await served.house.slow.run(covered)
