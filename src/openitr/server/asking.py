"""A search request as a query: pictures decoded, all parts encoded in company, then asked in a thread."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.responses import Response

from openitr.collection.filters import parse_where
from openitr.embeddings import Embeddings
from openitr.errors import QueryError
from openitr.media.prepare import Preparation
from openitr.search.answer import BUCKETS
from openitr.server import schemas
from openitr.server.answers import answer
from openitr.server.batching import BatchingEncoder
from openitr.server.facts import whole_item
from openitr.server.files import safe_path
from openitr.server.pictures import from_data_url
from openitr.server.served import ServedCollection
from openitr.types import Hits, ImageArray, Part, Query

_PICTURES = 16


class Known:
    """An encoder that has encoded already: hands out the rows of one query's texts and pictures.

    Args:
        encoder: The model they come from.
        texts, images: n rows, of the model's kind.
    """

    def __init__(self, encoder: BatchingEncoder, texts: Embeddings | None, images: Embeddings | None) -> None:
        self.spec, self.kind, self.dim = encoder.spec, encoder.kind, encoder.dim
        self.fingerprint, self.preparation = encoder.fingerprint, encoder.preparation
        self.manifest = encoder.manifest
        self._texts, self._images = texts, images

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """The rows of the query's texts."""
        assert self._texts is not None and len(texts) == len(self._texts)
        return self._texts

    def encode_images(self, images: Sequence[ImageArray]) -> Embeddings:
        """The rows of the query's pictures."""
        assert self._images is not None and len(images) == len(self._images)
        return self._images


async def search(
    served: ServedCollection, asked: schemas.SearchRequest, uploads: Sequence[tuple[str, bytes]] = ()
) -> Response:
    """Answer a search request.

    Args:
        served: The collection to ask.
        asked: The request, checked.
        uploads: Names and bytes of pictures that came beside it.
    """
    start = time.perf_counter()
    lane, library = served.house.quick, served.library
    where = asked.where if isinstance(asked.where, dict) else parse_where(asked.where or [])
    options: dict[str, Any] = {"where": where, "k": asked.k, "offset": asked.offset}
    pictures = listed(asked.image)
    alone = len(pictures) == 1 and not (asked.text or asked.but or asked.avoid or uploads)

    def respond(hits: Hits) -> Response:
        return answer(_document(served, asked, hits, (time.perf_counter() - start) * 1000))

    if alone and isinstance(id := pictures[0], int):

        def alike() -> Response:
            item = served.item(id)
            run = served.run(asked.run)
            return respond(library.more_like(item.id, run=run.name, sort=asked.sort, **options))

        return await lane.run(alike)
    runs = await served.models(asked.kind, asked.run)
    parts, avoid = await _parts(served, asked, pictures, uploads, runs[0][1])
    query = Query(parts, avoid, sort=asked.sort, **options)
    known = await asyncio.gather(*(_known(encoder, [*query.parts, *query.negatives]) for _, encoder in runs))
    # One run is named, so that it is the one whose model encoded; all together go by their fingerprints.
    how: dict[str, Any] = {"kind": "hybrid"} if asked.kind == "hybrid" else {"run": runs[0][0].name}
    return await lane.run(lambda: respond(library.search(query, model=known, diverse=asked.diverse, **how)))


def listed(value: Any) -> list[Any]:
    """One, several or none as a list."""
    return [] if value is None else value if isinstance(value, list) else [value]


async def _parts(
    served: ServedCollection,
    asked: schemas.SearchRequest,
    pictures: Sequence[Any],
    uploads: Sequence[tuple[str, bytes]],
    encoder: BatchingEncoder,
) -> tuple[list[Part], list[Part]]:
    """What to look for and what to avoid, pictures decoded side by side."""
    texts = [_text(t) for t in listed(asked.text)]
    if asked.but and asked.strength:
        texts.append(Part(asked.but, weight=asked.strength))
    avoid = listed(asked.avoid)
    shunned = [a for a in avoid if isinstance(a, schemas.PicturePart)]
    count = len(pictures) + len(uploads) + len(shunned)
    if count > _PICTURES:
        raise QueryError(f"{count} pictures in one query", f"give at most {_PICTURES}")

    async def decoded(source: Any, name: str = "picture") -> Part:
        weight = 1.0
        if isinstance(source, schemas.PicturePart):
            source, weight = source.image, source.weight
        array, label = await picture(served, source, encoder.preparation, name)
        return Part(image=array, weight=weight, label=label)

    given = [*map(decoded, pictures), *(decoded(data, name) for name, data in uploads), *map(decoded, shunned)]
    found = await asyncio.gather(*given)
    shown = iter(found[count - len(shunned) :])
    negatives = [next(shown) if isinstance(a, schemas.PicturePart) else _text(a) for a in avoid]
    return [*texts, *found[: count - len(shunned)]], negatives


def _text(given: str | schemas.TextPart) -> Part:
    return Part(given) if isinstance(given, str) else Part(given.text, weight=given.weight)


async def picture(
    served: ServedCollection, source: str | int | bytes, preparation: Preparation, label: str = "picture"
) -> tuple[ImageArray, str]:
    """A picture that a request brings or names, ready for a model, and what to call it.

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

    def decode() -> tuple[ImageArray, str]:
        if isinstance(source, int):
            item = served.item(source)
            place: bytes | Path = safe_path(served, item)
            return house.pictures.decode(place, preparation, item.name).array, item.name
        data = from_data_url(source) if isinstance(source, str) else source
        return house.pictures.decode(data, preparation, label).array, label

    return await house.decoding.run(decode)


async def _known(encoder: BatchingEncoder, parts: Sequence[Part]) -> Known:
    """The parts encoded, texts and pictures side by side."""
    texts = [part.text for part in parts if part.image is None]
    images = [part.image for part in parts if part.image is not None]
    waiting = {}
    if texts:
        waiting["texts"] = asyncio.wrap_future(encoder.texts.submit(texts))
    if images:
        waiting["images"] = asyncio.wrap_future(encoder.images.submit(images))
    made = dict(zip(waiting, await asyncio.gather(*waiting.values()), strict=True))
    return Known(encoder, made.get("texts"), made.get("images"))


def _document(served: ServedCollection, asked: schemas.SearchRequest, hits: Hits, took_ms: float) -> dict[str, Any]:
    found = []
    for hit in hits:
        facts = hit.to_json() | {"width": hit.item.width, "height": hit.item.height, "name": hit.item.name}
        if not asked.why:
            facts["why"] = []
        if asked.items:
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
