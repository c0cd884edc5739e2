"""A query as a request: words as they are, pictures small and without what their files say of themselves."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openitr.errors import FilterError, QueryError
from openitr.search.compose.named import NAMED
from openitr.types import ImageArray, Part, Query

if TYPE_CHECKING:
    from openitr.search.compose import Change

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


@dataclass(frozen=True)
class Theirs:
    """A composer that the server may know.

    Args:
        name: As it was started with.
    """

    name: str


def changed(change: Change) -> dict[str, Any]:
    """What should be different about a picture, as fields of a request.

    Raises:
        QueryError: A composer that only this machine has.
    """
    composer: Any = change.composer
    if isinstance(composer, Theirs):
        composer = composer.name
    elif composer is not None and not isinstance(composer, str):
        name = getattr(composer, "name", "this one")
        raise QueryError(f"a server has no composer {name}", f"use {', '.join(NAMED)}, or ask where the collection is")
    return {"but": change.text, "strength": change.strength, "composer": composer}


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


_SIGNS = {"eq": "=", "ne": "!=", "gte": ">=", "lte": "<=", "match": "~"}


def lines_of(where: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A filter in its JSON form as the expressions that a query string holds.

    >>> lines_of({"width": {"gte": 800}, "tag": {"in": ["sea", "sky"]}})
    ['width>=800', 'tag=sea|sky']
    """
    lines = []
    for field, tests in where.items():
        for test, value in tests.items():
            words = [_word(v) for v in value] if test == "in" else [_word(value)]
            if any("|" in word for word in words):
                raise FilterError(f"{field}: a value with a | in it cannot be asked of a server here", "use search()")
            lines.append(f"{field}{_SIGNS.get(test, '=')}{'|'.join(words)}")
    return lines


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
