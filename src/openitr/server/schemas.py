"""What requests may hold, checked before anything is done with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from openitr.search.dialogue.turns import MAX_CHARS
from openitr.types import MAX_K

MAX_ID = 2**53 - 1
MAX_PARTS = 32
Id = Annotated[StrictInt, Field(ge=1, le=MAX_ID)]
Words = Annotated[StrictStr, Field(min_length=1, max_length=10_000)]
Weight = Annotated[StrictFloat | StrictInt, Field(ge=-1000, le=1000)]
Address = Annotated[StrictStr, Field(min_length=1, description="A data URL: data:image/jpeg;base64,...")]
Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]


class Body(BaseModel):
    """What all bodies share: a field that is not known is a mistake, and said so."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class TextPart(Body):
    """Words with a weight; below zero they push away."""

    text: Words
    weight: Weight = 1


class PicturePart(Body):
    """A picture, as a data URL or the id of one in the collection, with a weight."""

    image: Id | Address
    weight: Weight = 1


Picture = Id | Address | PicturePart
Avoided = Words | TextPart | PicturePart
Where = dict[str, dict[str, Any]] | Annotated[list[StrictStr], Field(max_length=100)]


class SearchRequest(Body):
    """A query: words, pictures, or both."""

    collection: Name | None = None
    text: Words | Annotated[list[Words | TextPart], Field(max_length=MAX_PARTS)] | None = Field(
        None, description="What to look for."
    )
    image: Picture | Annotated[list[Picture], Field(max_length=MAX_PARTS)] | None = Field(
        None, description="Pictures to look like; an id alone means more like it."
    )
    but: Words | None = Field(
        None, description="What should be different from the picture, which is left out of the answer itself."
    )
    strength: Annotated[StrictFloat | StrictInt, Field(ge=0, le=4)] = Field(
        1, description="How much `but` counts: 0 not at all, 1 as usual."
    )
    composer: Name | None = Field(
        None,
        description="How `but` is followed: pdv, weimocir, cirevl, or a name that the server was started with; "
        "left out, as weighted words, which works with every kind.",
    )
    rerank: Name | None = Field(
        None,
        description="What looks again at the best, by words: logic, comclip, cotrr, or a name that the server was "
        "started with.",
    )
    avoid: Avoided | Annotated[list[Avoided], Field(max_length=MAX_PARTS)] | None = Field(
        None, alias="not", description="What the hits should not show."
    )
    where: Where | None = Field(None, description='Filter: {"width": {"gte": 800}} or ["width>=800"].')
    k: Annotated[StrictInt, Field(ge=1, le=MAX_K)] = 20
    offset: Annotated[StrictInt, Field(ge=0, le=10_000_000)] = 0
    sort: Literal["relevance", "date"] = "relevance"
    kind: Literal["dense", "lexicon", "late", "hybrid"] | None = Field(
        None, description="How to look: by the run of a kind, or by all runs and what is written of the pictures."
    )
    run: Name | None = None
    diverse: Annotated[StrictFloat | StrictInt, Field(ge=0, le=1)] = Field(
        0, description="How much hits should differ from each other."
    )
    why: StrictBool = Field(True, description="Say of every hit what each stage added to its score.")
    items: StrictBool = Field(False, description="Give everything known of every hit, as /v1/items/{id} does.")


class ChatRequest(Body):
    """One turn of a conversation: at most one of `say`, `like`, `reject` and `undo`; none looks at it again."""

    collection: Name | None = None
    state: dict[str, Any] | None = Field(
        None, description="The conversation so far, as the last answer gave it; left out, a new one begins."
    )
    say: Annotated[StrictStr, Field(min_length=1, max_length=MAX_CHARS)] | None = Field(
        None, description="What the picture shows, an answer to the question, or a correction."
    )
    like: Id | None = Field(None, description="Id of a picture that is close.")
    reject: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = Field(
        None, description="Ids of pictures that are never to be shown again in this conversation."
    )
    undo: StrictBool = Field(False, description="Take the last turn back.")
    k: Annotated[StrictInt, Field(ge=1, le=1000, description="Hits per turn, said at the beginning.")] = 20
    where: Where | None = Field(None, description="Filter, said at the beginning.")
    kind: Literal["dense", "lexicon", "late", "hybrid"] | None = Field(
        None, description="How to look, said at the beginning."
    )
    run: Name | None = Field(None, description="Which run, said at the beginning.")
    why: StrictBool = Field(True, description="Say of every hit what each stage added to its score.")
    items: StrictBool = Field(False, description="Give everything known of every hit, as /v1/items/{id} does.")


class SuggestRequest(Body):
    """Words to make better ones of."""

    collection: Name | None = None
    text: Annotated[StrictStr, Field(min_length=1, max_length=500)]
    groups: Annotated[StrictInt, Field(ge=2, le=20)] | None = Field(
        None, description="How many kinds of pictures to tell apart; counted if left out."
    )
    where: Where | None = Field(None, description="Filter of the search.")
    run: Name | None = Field(None, description="Which dense run.")


class Ids(Body):
    """Pictures by id."""

    collection: Name | None = None
    ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)]


class ExportRequest(Body):
    """Pictures to download, by id."""

    collection: Name | None = None
    ids: Annotated[list[Id], Field(min_length=1, max_length=2_000)]


class EmbedRequest(Body):
    """Texts or pictures to turn into vectors."""

    collection: Name | None = None
    run: Name | None = None
    texts: Annotated[list[Words], Field(min_length=1, max_length=256)] | None = None
    images: Annotated[list[Address], Field(min_length=1, max_length=64)] | None = None


class ExplainRequest(Body):
    """A picture and the words to look for in it."""

    collection: Name | None = None
    run: Name | None = None
    id: Id
    text: Words
    grid: Annotated[StrictInt, Field(ge=3, le=10)] = 6


class SessionRequest(Body):
    """The key to sign in with."""

    key: Annotated[StrictStr, Field(max_length=1000)]
