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

    stage: str = Field(description="Its name, such as match, words, fuse or calibrate.")
    score: float = Field(description="What it added, on a scale of its own.")
    text: str = Field(description="The same in words.")


class ItemAnswer(BaseModel):
    """A picture, in short."""

    id: int = Field(description="Stays when the file is moved or changed.")
    root: int = Field(description="Id of the indexed folder.")
    path: str = Field(description="Relative to that folder, with forward slashes.")
    name: str = Field(description="Last part of the path.")
    width: int = Field(description="Pixels, as it is shown.")
    height: int = Field(description="Pixels, as it is shown.")
    taken_at: str = Field("", description="ISO 8601, where the file says it.")


class WholeItem(ItemAnswer):
    """Everything known of a picture."""

    sha256: str = Field(description="Of the file, hexadecimal.")
    size: int = Field(description="Bytes of the file.")
    mtime_ns: int = Field(description="When the file was changed, nanoseconds since 1970.")
    mtime: str = Field(description="The same as ISO 8601, in UTC.")
    format: str = Field(description="What the content is, whatever the name says: jpeg, png, ...")
    facts: dict[str, Any] = Field(description="What the file says of itself: camera, latitude, ...")
    metadata: dict[str, Any] = Field(description="What was written beside it.")
    captions: list[str]
    notes: list[str] = Field(description="Oddities met while reading it.")
    file: str = Field("", description="Where it lies; only with --show-paths.")


class HitAnswer(BaseModel):
    """A picture that was found."""

    id: int = Field(description="Of the picture.")
    root: int = Field(description="Id of the indexed folder.")
    path: str = Field(description="Relative to that folder, with forward slashes.")
    score: float = Field(description="As the last stage ranks; says nothing beside the scores of another query.")
    probability: float = Field(description="That it is what was asked for, 0 to 1; comparable between queries.")
    bucket: str = Field(description="likely, maybe or rest, by probability")
    why: list[Reason] = Field(description="A reason for each stage; empty where `why` was false.")
    width: int = Field(description="Pixels, as it is shown.")
    height: int = Field(description="Pixels, as it is shown.")
    name: str = Field(description="Last part of the path.")
    item: WholeItem | None = Field(None, description="Only where `items` was true.")


class Counts(BaseModel):
    """How many of the hits are likely, maybe, and the rest."""

    likely: int
    maybe: int
    rest: int


class SearchAnswer(BaseModel):
    """Hits, best first."""

    query: dict[str, Any] = Field(description="What was understood; pictures by their names.")
    hits: list[HitAnswer]
    counts: Counts
    total: int = Field(description="How many pictures passed the filter.")
    notes: list[str] = Field([], description="What one should know of this answer.")
    took_ms: float = Field(description="From the whole request to the answer, milliseconds.")


class QuestionAnswer(BaseModel):
    """What would tell the most about which picture is meant."""

    text: str
    options: list[str] = Field(description="Answers to choose from; free words do as well.")
    gain: float = Field(description="Expected information gain, bits.")


class TurnAnswer(BaseModel):
    """What was said, and what was looked for then."""

    said: str
    looked_for: str = Field(description="In words.")


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

    query: str = Field(description="To search with.")
    added: list[str] = Field(description="Words that are new in it.")
    ids: list[int] = Field(description="Of its pictures, the most central first.")
    share: float = Field(description="Of what was found.")
    found: float | None = Field(None, description="Share of its pictures that the new words find, where it was tried.")
    notes: list[str] = []


class SuggestAnswer(BaseModel):
    """Better queries, the largest kind first; and hints on spelling and language."""

    query: str
    suggestions: list[SuggestionAnswer]
    results: int = Field(description="How many pictures were grouped.")
    did_you_mean: str | None = Field(None, description="The words in another spelling.")
    language: str | None = Field(None, description="Of the words, where the model was not made for it.")
    advice: str | None = Field(None, description="What the model reads, and which model reads more; a sentence.")
    notes: list[str]


class ItemsAnswer(BaseModel):
    """A page of pictures."""

    items: list[ItemAnswer]
    total: int = Field(description="On all pages.")


class Removed(BaseModel):
    """How many pictures were forgotten."""

    removed: int


class CollectionShort(BaseModel):
    """A collection in a list."""

    name: str
    pictures: int
    model: str = Field(description="Of the run that answers; empty where nothing is indexed.")
    default: bool = Field(description="Whether it answers when none is named.")
    read_only: bool = Field(description="Whether nothing can be removed or indexed.")


class CollectionsAnswer(BaseModel):
    """The collections that are served."""

    collections: list[CollectionShort]


class CollectionAnswer(BaseModel):
    """What a collection holds."""

    name: str
    items: int = Field(description="How many pictures it holds.")
    runs: list[dict[str, Any]] = Field(description="Vectors by model, the active run first.")
    roots: list[dict[str, Any]] = Field(description="Indexed folders.")
    captions: int = Field(description="How many texts came with the pictures.")
    formats: dict[str, int] = Field(description="How many pictures are jpeg, png, ...")
    fields: dict[str, list[str]] = Field(description="What filters can ask for, with the types that were met.")
    skipped: dict[str, int] = Field(description="How many files could not be read, by reason.")
    bytes: dict[str, int] = Field(description="On disk, by what they hold.")
    created: str = Field(description="ISO 8601.")
    format: int = Field(description="Of the files of the collection.")
    read_only: bool = Field(description="Whether nothing can be removed or indexed.")
    composers: list[str] = Field([], description="How `but` may be followed here.")
    rerankers: list[str] = Field([], description="What may look again at the best hits here.")
    path: str = Field("", description="Where it lies; only with --show-paths.")


class FieldAnswer(BaseModel):
    """What a field holds."""

    name: str
    kind: str = Field(description="text, number, bool or date")
    count: int = Field(description="How many pictures have it.")
    values: list[dict[str, Any]] = Field([], description="The most frequent values with their counts.")
    min: float | str | None = Field(None, description="Of numbers and dates.")
    max: float | str | None = Field(None, description="Of numbers and dates.")


class FieldsAnswer(BaseModel):
    """The fields that filters can ask for."""

    fields: list[FieldAnswer]


class SkippedFile(BaseModel):
    """A file that could not be read."""

    root: int = Field(description="Id of the indexed folder.")
    path: str = Field(description="Relative to that folder.")
    reason: str
    remedy: str


class SkippedAnswer(BaseModel):
    """A page of files that could not be read."""

    skipped: list[SkippedFile]
    total: int = Field(description="On all pages.")


class DuplicateItem(ItemAnswer):
    """A picture in a group of duplicates."""

    size: int = Field(description="Bytes of the file.")
    why: str = Field(description="Why it is in the group.")


class DuplicatesGroup(BaseModel):
    """Pictures that are the same, or look it."""

    kind: str = Field(description="copy, near or similar")
    keeper: int = Field(description="Id of the picture to keep.")
    items: list[DuplicateItem]


class DuplicatesAnswer(BaseModel):
    """A page of groups, the surest first."""

    groups: list[DuplicatesGroup]
    total: int = Field(description="On all pages.")


class ModelsAnswer(BaseModel):
    """The models that can be used here."""

    models: list[dict[str, Any]]


class EmbedAnswer(BaseModel):
    """Vectors, in the order of what was sent."""

    kind: str = Field(description="Kind of embeddings.")
    dim: int = Field(description="Numbers in a vector.")
    model: str
    fingerprint: str = Field(description="Of weights and preprocessing; vectors of another cannot be compared.")
    embeddings: list[list[float]]


class ExplainAnswer(BaseModel):
    """How much of the score is lost when a patch of the picture is covered."""

    rows: int = Field(description="Of the grid over the picture.")
    cols: int = Field(description="Of the grid over the picture.")
    values: list[list[float]] = Field(description="Lost score by row and column.")
    base: float = Field(description="Score of the picture as it is.")


class SessionAnswer(BaseModel):
    """What the page may do."""

    key_needed: bool = Field(description="Whether the server asks for a key at all.")
    signed_in: bool = Field(description="Whether this client may ask.")
    read_only: bool = Field(description="Whether nothing can be removed or indexed.")
    show_paths: bool = Field(description="Whether answers name folders of the server's disk.")
