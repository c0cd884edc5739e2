"""A query as a request: words as they are, pictures small and without what their files say of themselves."""

from __future__ import annotations

import base64
import io
from typing import Any

from openitr.errors import QueryError
from openitr.types import ImageArray, Part, Query

_SMALL = 256 * 1024
_QUALITY = 95


def request_of(query: Query) -> tuple[dict[str, Any], list[tuple[str, tuple[str, bytes, str]]]]:
    """The JSON of a query, and the pictures that go beside it.

    Pictures of weight 1 travel as files. Weighted ones, and those that hits should not be like, go into the JSON,
    where a weight can be said.

    >>> request_of(Query([Part(text="a dog"), Part(text="grass", weight=0.5)], k=3))[0]["text"]
    [{'text': 'a dog', 'weight': 1.0}, {'text': 'grass', 'weight': 0.5}]
    """
    if query.terms:
        raise QueryError("a server does not weigh words yet", "ask the collection where it lies")
    body: dict[str, Any] = {"k": query.k, "offset": query.offset, "sort": query.sort}
    files: list[tuple[str, tuple[str, bytes, str]]] = []
    texts: list[dict[str, Any]] = []
    weighted: list[dict[str, Any]] = []
    for part in query.parts:
        if part.image is None:
            texts.append({"text": part.text, "weight": part.weight})
        elif part.weight == 1:
            kind, data = encoded(part.image)
            files.append(("image", (part.label or "picture", data, kind)))
        else:
            weighted.append({"image": data_url(part.image), "weight": part.weight})
    if texts:
        body["text"] = texts
    if weighted:
        body["image"] = weighted
    if query.where:
        body["where"] = {field: dict(test) for field, test in query.where.items()}
    if query.negatives:
        body["not"] = [_negative(part) for part in query.negatives]
    return body, files


def encoded(image: ImageArray) -> tuple[str, bytes]:
    """A picture as a file and its media type: without loss where that is small, else as a good JPEG."""
    from PIL import Image

    picture, file = Image.fromarray(image), io.BytesIO()
    picture.save(file, "PNG")
    if file.tell() <= _SMALL:
        return "image/png", file.getvalue()
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return "image/jpeg", file.getvalue()


def data_url(image: ImageArray) -> str:
    """A picture as a data URL."""
    kind, data = encoded(image)
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _negative(part: Part) -> Any:
    plain: Any = part.text if part.image is None else {"image": data_url(part.image)}
    if part.weight == 1:
        return plain
    return {"text": part.text, "weight": part.weight} if part.image is None else {**plain, "weight": part.weight}
