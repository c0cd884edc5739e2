"""A search request as a query: pictures decoded, all parts encoded in company, then asked in a thread."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.responses import Response

from openitr.collection.filters import parse_where
from openitr.errors import QueryError
from openitr.media.prepare import Preparation
from openitr.media.results import Decoded
from openitr.search.answer import BUCKETS
from openitr.search.parts import understood
from openitr.server import schemas
from openitr.server.answers import answer
from openitr.server.batching import BatchingEncoder
from openitr.server.composed import change_of, check, check_alone
from openitr.server.facts import whole_item
from openitr.server.files import safe_path
from openitr.server.pictures import from_data_url
from openitr.server.served import ServedCollection
from openitr.types import Hits, Part, Query

_PICTURES = 16


async def search(
    served: ServedCollection,
    asked: schemas.SearchRequest,
    uploads: Sequence[tuple[str, bytes]] = (),
    *,
    since: float | None = None,
) -> Response:
    """Answer a search request.

    Args:
        served: The collection to ask.
        asked: The request, checked.
        uploads: Names and bytes of pictures that came beside it.
        since: When it was asked (:func:`time.perf_counter`); now if None.
    """
    start = time.perf_counter() if since is None else since
    lane, library = served.house.quick, served.library
    where = asked.where if isinstance(asked.where, dict) else parse_where(asked.where or [])
    options: dict[str, Any] = {"where": where, "k": asked.k, "offset": asked.offset}
    pictures = listed(asked.image)
    named = served.house.named
    check(asked, len(pictures) + len(uploads), named)
    alone = len(pictures) == 1 and not (asked.text or asked.but or asked.avoid or uploads)

    def respond(hits: Hits) -> Response:
        took_ms = (time.perf_counter() - start) * 1000
        return answer(document(served, hits, took_ms, why=asked.why, items=asked.items))

    if alone and isinstance(id := pictures[0], int):
        check_alone(asked)

        def alike() -> Response:
            item = served.item(id)
            run = served.runs(asked.kind, asked.run)[0]
            return respond(library.more_like(item.id, run=run.name, sort=asked.sort, **options))

        return await lane.run(alike)
    runs = await served.models(asked.kind, asked.run)
    parts, avoid, shown = await _parts(served, asked, pictures, uploads, runs[0][1])
    query = Query(parts, avoid, sort=asked.sort, **options)
    change = change_of(asked, await named.composer(asked.composer, runs[0][1], served.house.loading))
    ahead = change.asked(query) if change is not None else query
    await _encoded([encoder for _, encoder in runs], [*ahead.parts, *ahead.negatives])
    models = [encoder for _, encoder in runs]
    # One run is named, so that it is the one whose model encoded; all together go by their fingerprints.
    how: dict[str, Any] = {"kind": "hybrid"} if asked.kind == "hybrid" else {"run": runs[0][0].name}
    if asked.rerank is not None:
        how["rerank"] = await named.reranker(asked.rerank, served, *runs[0])
    if named.slow(asked.rerank):
        lane = served.house.slow

    def found(query: Query) -> Hits:
        return library.search(query, model=models, diverse=asked.diverse, **how)

    if change is None:
        return await lane.run(lambda: respond(found(query)))
    # A composer asks a language model where there is one, which takes its time.
    if asked.composer is not None and await served.house.lmm() is not None:
        lane = served.house.slow
    leaving = replace(change, shown=shown)
    return await lane.run(lambda: respond(leaving.answered(query, found)))


def listed(value: Any) -> list[Any]:
    """One, several or none as a list."""
    return [] if value is None else value if isinstance(value, list) else [value]


async def _parts(
    served: ServedCollection,
    asked: schemas.SearchRequest,
    pictures: Sequence[Any],
    uploads: Sequence[tuple[str, bytes]],
    encoder: BatchingEncoder,
) -> tuple[list[Part], list[Part], set[str]]:
    """What to look for, what to avoid, and the SHA-256 of the pictures to look like; they are decoded side by side."""
    told = [understood(t) if isinstance(t, str) else ([_text(t)], []) for t in listed(asked.text)]
    texts, denied = [part for wanted, _ in told for part in wanted], [part for _, shun in told for part in shun]
    avoid = listed(asked.avoid)
    shunned = [a for a in avoid if isinstance(a, schemas.PicturePart)]
    count = len(pictures) + len(uploads) + len(shunned)
    if count > _PICTURES:
        raise QueryError(f"{count} pictures in one query", f"give at most {_PICTURES}")

    async def decoded(source: Any, name: str = "picture") -> tuple[Part, str]:
        weight = 1.0
        if isinstance(source, schemas.PicturePart):
            source, weight = source.image, source.weight
        made, label = await picture(served, source, encoder.preparation, name)
        return Part(image=made.array, weight=weight, label=label), made.sha256

    given = [*map(decoded, pictures), *(decoded(data, name) for name, data in uploads), *map(decoded, shunned)]
    found = await asyncio.gather(*given)
    wanted, unwanted = found[: count - len(shunned)], iter(found[count - len(shunned) :])
    negatives = [next(unwanted)[0] if isinstance(a, schemas.PicturePart) else _text(a) for a in avoid]
    return [*texts, *(part for part, _ in wanted)], [*negatives, *denied], {sha256 for _, sha256 in wanted}


def _text(given: str | schemas.TextPart) -> Part:
    return Part(given) if isinstance(given, str) else Part(given.text, weight=given.weight)


async def picture(
    served: ServedCollection, source: str | int | bytes, preparation: Preparation, label: str = "picture"
) -> tuple[Decoded[Any], str]:
    """A picture that a request brings or names, its array ready for a model, and what to call it.

    Args:
        served: The collection that ids belong to.
        source: Bytes, a data URL, or an id.
        preparation: Of the model.
        label: What to call bytes.

    Raises:
        Problem: 404, there is no picture of that id.
        QueryError: An address, or a data URL that holds nothing.
        UnreadableImage: It cannot be decoded.
    """
    house = served.house

    def decode() -> tuple[Decoded[Any], str]:
        if isinstance(source, int):
            item = served.item(source)
            place: bytes | Path = safe_path(served, item)
            return house.pictures.decode(place, preparation, item.name), item.name
        data = from_data_url(source) if isinstance(source, str) else source
        return house.pictures.decode(data, preparation, label), label

    return await house.decoding.run(decode)


async def _encoded(encoders: Sequence[BatchingEncoder], parts: Sequence[Part]) -> None:
    """Have the parts encoded in company, texts and pictures side by side; the search finds them made."""
    texts = [part.text for part in parts if part.image is None]
    images = [part.image for part in parts if part.image is not None]
    waiting = [encoder.texts.submit(texts) for encoder in encoders] if texts else []
    waiting += [encoder.images.submit(images) for encoder in encoders] if images else []
    # All are under way already, so that they may be waited for one by one.
    for made in waiting:
        await asyncio.wrap_future(made)


def document(
    served: ServedCollection, hits: Hits, took_ms: float, *, why: bool = True, items: bool = False
) -> dict[str, Any]:
    """An answer as plain data.

    Args:
        served: The collection that was asked.
        hits: What was found.
        took_ms: Milliseconds, all in all.
        why: Say of every hit what each stage added to its score.
        items: Give everything known of every hit.
    """
    found = []
    for hit in hits:
        facts = hit.to_json() | {"width": hit.item.width, "height": hit.item.height, "name": hit.item.name}
        if not why:
            facts["why"] = []
        if items:
            facts["item"] = whole_item(served, hit.item)
        found.append(facts)
    counts = Counter(hit.bucket for hit in hits)
    return {
        "query": hits.query.to_json(),
        "hits": found,
        "counts": {bucket: counts[bucket] for bucket in BUCKETS},
        "total": hits.total,
        "notes": list(hits.notes),
        "took_ms": round(took_ms, 2),
    }
