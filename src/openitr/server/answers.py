"""Answers as they are described in the OpenAPI document, and as they are sent.

Models here describe; what is sent is plain data, dumped once: checking our own answers field by field would cost more
than finding them.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response


def answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer; ASCII with escapes, for a file name need not be valid text."""
    body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
    return Response(body, status, headers, "application/json")


class ProblemDocument(BaseModel):
    """What was wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str = Field("", description="What to do about it.")


class Health(BaseModel):
    """That the server is up."""

    status: str
    version: str
    collections: int
    pictures: int


class Reason(BaseModel):
    """What one stage added to a score."""

    stage: str
    score: float
    text: str


class ItemAnswer(BaseModel):
    """A picture, in short."""

    id: int
    root: int
    path: str
    name: str
    width: int
    height: int
    taken_at: str = ""


class WholeItem(ItemAnswer):
    """Everything known of a picture."""

    sha256: str
    size: int
    mtime_ns: int
    mtime: str
    format: str
    facts: dict[str, Any]
    metadata: dict[str, Any]
    captions: list[str]
    notes: list[str]
    file: str = Field("", description="Where it lies; only with --show-paths.")


class HitAnswer(BaseModel):
    """A picture that was found."""

    id: int
    root: int
    path: str
    score: float
    probability: float
    bucket: str = Field(description="likely, maybe or rest")
    why: list[Reason]
    width: int
    height: int
    name: str
    item: WholeItem | None = None


class Counts(BaseModel):
    """How many of the hits are likely, maybe, and the rest."""

    likely: int
    maybe: int
    rest: int


class SearchAnswer(BaseModel):
    """Hits, best first."""

    query: dict[str, Any]
    hits: list[HitAnswer]
    counts: Counts
    total: int = Field(description="How many pictures passed the filter.")
    notes: list[str] = Field([], description="What one should know of this answer.")
    took_ms: float


class QuestionAnswer(BaseModel):
    """What would tell the most about which picture is meant."""

    text: str
    options: list[str] = Field(description="Answers to choose from; free words do as well.")
    gain: float = Field(description="Expected information gain, bits.")


class TurnAnswer(BaseModel):
    """What was said, and what was looked for then."""

    said: str
    looked_for: str


class ChatAnswer(SearchAnswer):
    """Hits after this turn, none of those that were excluded; and the conversation, for the next one."""

    said: str
    looked_for: str = Field(description="What is looked for now, in words.")
    question: QuestionAnswer | None = None
    excluded: list[int] = Field(description="Ids that are not shown again in this conversation.")
    turns: list[TurnAnswer]
    state: dict[str, Any] = Field(description="To be sent back with the next turn, as it is.")


class SuggestionAnswer(BaseModel):
    """The words, changed for one kind of what they find."""

    query: str
    added: list[str]
    ids: list[int] = Field(description="Of its pictures, the most central first.")
    share: float = Field(description="Of what was found.")
    found: float | None = None
    notes: list[str] = []


class SuggestAnswer(BaseModel):
    """Better queries, the largest kind first; and hints on spelling and language."""

    query: str
    suggestions: list[SuggestionAnswer]
    results: int = Field(description="How many pictures were grouped.")
    did_you_mean: str | None = None
    language: str | None = Field(None, description="Of the words, where the model does not speak it.")
    notes: list[str]


class ItemsAnswer(BaseModel):
    """A page of pictures."""

    items: list[ItemAnswer]
    total: int


class Removed(BaseModel):
    """How many pictures were forgotten."""

    removed: int


class CollectionShort(BaseModel):
    """A collection in a list."""

    name: str
    pictures: int
    model: str
    default: bool
    read_only: bool


class CollectionsAnswer(BaseModel):
    """The collections that are served."""

    collections: list[CollectionShort]


class CollectionAnswer(BaseModel):
    """What a collection holds."""

    name: str
    items: int
    runs: list[dict[str, Any]]
    roots: list[dict[str, Any]]
    captions: int
    formats: dict[str, int]
    fields: dict[str, list[str]]
    skipped: dict[str, int]
    bytes: dict[str, int]
    created: str
    format: int
    read_only: bool
    composers: list[str] = Field([], description="How `but` may be followed here.")
    rerankers: list[str] = Field([], description="What may look again at the best hits here.")
    path: str = Field("", description="Where it lies; only with --show-paths.")


class FieldAnswer(BaseModel):
    """What a field holds."""

    name: str
    kind: str = Field(description="text, number, bool or date")
    count: int
    values: list[dict[str, Any]] = []
    min: float | str | None = None
    max: float | str | None = None


class FieldsAnswer(BaseModel):
    """The fields that filters can ask for."""

    fields: list[FieldAnswer]


class SkippedFile(BaseModel):
    """A file that could not be read."""

    root: int
    path: str
    reason: str
    remedy: str


class SkippedAnswer(BaseModel):
    """A page of files that could not be read."""

    skipped: list[SkippedFile]
    total: int


class DuplicateItem(ItemAnswer):
    """A picture in a group of duplicates."""

    size: int
    why: str


class DuplicatesGroup(BaseModel):
    """Pictures that are the same, or look it."""

    kind: str
    keeper: int
    items: list[DuplicateItem]


class DuplicatesAnswer(BaseModel):
    """A page of groups, the surest first."""

    groups: list[DuplicatesGroup]
    total: int


class ModelsAnswer(BaseModel):
    """The models that can be used here."""

    models: list[dict[str, Any]]


class EmbedAnswer(BaseModel):
    """Vectors, in the order of what was sent."""

    kind: str
    dim: int
    model: str
    fingerprint: str
    embeddings: list[list[float]]


class ExplainAnswer(BaseModel):
    """How much of the score is lost when a patch of the picture is covered."""

    rows: int
    cols: int
    values: list[list[float]]
    base: float


class SessionAnswer(BaseModel):
    """What the page may do."""

    key_needed: bool
    signed_in: bool
    read_only: bool
    show_paths: bool
