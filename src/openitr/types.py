"""What passes between rooms: items, queries, hits.

Images travel as (height, width, 3) uint8 RGB arrays. Everything here is plain data; ``to_json`` makes it JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from openitr.errors import QueryError

ImageArray: TypeAlias = npt.NDArray[np.uint8]
Scalar: TypeAlias = str | int | float | bool
Bucket = Literal["likely", "maybe", "rest"]

MAX_K = 10_000


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of a collection.

    Args:
        id: Stable for the life of the item: it survives a move or an edit of the file.
        root: Id of the indexed folder the path is relative to.
        path: Relative to the root, with forward slashes.
        sha256: Of the file's bytes, hex.
        size: Of the file, bytes.
        mtime_ns: Modification time of the file, ns since 1970.
        width, height: Pixels after EXIF orientation.
        format: What the content is ("jpeg", "png", ...), whatever the extension says.
        facts: What the file says of itself (``taken_at`` as ISO 8601, ``camera``, ``latitude``, ...).
        metadata: What the user says of it (from sidecars), typed text, number or bool, or a list of texts.
        captions: Texts that came with the picture.
        notes: Oddities met while reading it ("extension says png, content is jpeg").
    """

    id: int
    root: int
    path: str
    sha256: str
    size: int
    mtime_ns: int
    width: int
    height: int
    format: str
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    metadata: Mapping[str, Scalar | Sequence[str]] = field(default_factory=dict)
    captions: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def folder(self) -> str:
        """The folder part of the path, "" at the root.

        >>> Item(1, 1, "2024/may/a.jpg", "", 0, 0, 1, 1, "jpeg").folder
        '2024/may'
        """
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, eq=False)
class Part:
    """One weighted piece of a query: a text or a picture.

    Args:
        text: Words, or "" for a picture.
        image: (height, width, 3) uint8 RGB, or None for words.
        weight: Any finite number; below zero pushes away.
        label: How to name the piece in an explanation (the file name of a picture).

    Raises:
        QueryError: Neither or both of text and image, blank text, or a weight that is zero or not finite.
    """

    text: str = ""
    image: ImageArray | None = None
    weight: float = 1.0
    label: str = ""

    def __post_init__(self) -> None:
        if self.image is None and not self.text.strip():
            raise QueryError("an empty text finds nothing", "say what to look for, or give a picture")
        if self.image is not None and self.text:
            raise QueryError("a query part is a text or a picture, not both", "give them as two parts")
        if not np.isfinite(self.weight) or self.weight == 0:
            raise QueryError(f"weight {self.weight} is of no use", "use a finite number other than 0")

    def __str__(self) -> str:
        name = self.label or self.text or "picture"
        return name if self.weight == 1 else f"{self.weight:g}:{name}"


@dataclass(frozen=True, eq=False)
class Query:
    """What to look for.

    Args:
        parts: At least one piece; pictures and texts mix, their weighted embeddings are added.
        negatives: Texts or pictures the hits should not be like.
        where: Filter in JSON form, ``{"field": {"eq"|"ne"|"gte"|"lte"|"in"|"match": value}}``; applied before vectors.
        k: How many hits, 1 to 10,000.
        offset: How many of the best to pass over (paging).
        sort: "relevance", or "date" (newest first inside each bucket).
        terms: Factor per word where a lexicon run is asked: 2 counts it twice, 0 forbids pictures that show it.

    Raises:
        QueryError: No part, k or offset out of range, an unknown sort.
    """

    parts: Sequence[Part]
    negatives: Sequence[Part] = ()
    where: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    k: int = 20
    offset: int = 0
    sort: Literal["relevance", "date"] = "relevance"
    terms: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.parts:
            raise QueryError("the query is empty", "say what to look for, or give a picture")
        if not 1 <= self.k <= MAX_K:
            raise QueryError(f"k is {self.k}", f"use 1 to {MAX_K}")
        if self.offset < 0:
            raise QueryError(f"offset is {self.offset}", "use 0 or more")
        if self.sort not in ("relevance", "date"):
            raise QueryError(f"cannot sort by {self.sort!r}", 'use "relevance" or "date"')

    def to_json(self) -> dict[str, Any]:
        """The query as it is echoed in an answer; pictures by their label."""
        return {
            "parts": [
                {"kind": "text" if p.image is None else "image", "value": p.text or p.label, "weight": p.weight}
                for p in self.parts
            ],
            "not": [p.text or p.label for p in self.negatives],
            "where": {name: dict(test) for name, test in self.where.items()},
            "k": self.k,
            "offset": self.offset,
            "sort": self.sort,
            **({"terms": dict(self.terms)} if self.terms else {}),
        }


@dataclass(frozen=True, slots=True)
class Reason:
    """What one stage added to a hit's score, in numbers and in words."""

    stage: str
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer to a query.

    Args:
        item: The picture.
        score: As the last stage ranks; comparable within one query only.
        probability: That the picture is relevant, 0 to 1, calibrated per query; comparable between queries.
        bucket: "likely", "maybe" or "rest", by probability.
        why: What each stage added.
    """

    item: Item
    score: float
    probability: float
    bucket: Bucket
    why: Sequence[Reason] = ()

    @property
    def id(self) -> int:
        """Id of the item."""
        return self.item.id

    @property
    def path(self) -> str:
        """Path of the item, relative to its root."""
        return self.item.path

    def explain(self) -> str:
        """Why this hit, a line per stage."""
        return "\n".join(f"{r.stage}: {r.score:+.3f}  {r.text}" for r in self.why)

    def to_json(self) -> dict[str, Any]:
        """The hit as in the contract of ``openitr search --json``."""
        return {
            "id": self.item.id,
            "root": self.item.root,
            "path": self.item.path,
            "score": round(float(self.score), 6),
            "probability": round(float(self.probability), 4),
            "bucket": self.bucket,
            "why": [{"stage": r.stage, "score": round(float(r.score), 6), "text": r.text} for r in self.why],
        }


@dataclass(frozen=True, eq=False)
class Hits(Sequence[Hit]):
    """The answer to one query, best first.

    Args:
        query: What was asked.
        hits: At most k.
        took_ms: Wall time, milliseconds.
        total: How many items passed the filter.
        notes: What one should know of this answer ("reranked the first 24 of 50: ...").
    """

    query: Query
    hits: Sequence[Hit]
    took_ms: float = 0.0
    total: int = 0
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, position: Any) -> Any:
        return self.hits[position]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def likely(self) -> list[Hit]:
        """The hits that are probably relevant; empty is an honest "nothing relevant"."""
        return [hit for hit in self.hits if hit.bucket == "likely"]

    def to_json(self) -> dict[str, Any]:
        """The answer as in the contract of ``openitr search --json``."""
        return {
            "query": self.query.to_json(),
            "hits": [hit.to_json() for hit in self.hits],
            "took_ms": round(self.took_ms, 2),
            "total": self.total,
            **({"notes": list(self.notes)} if self.notes else {}),
        }
