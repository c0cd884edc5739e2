"""What passes back and forth in a conversation about a picture, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from openitr.errors import QueryError
from openitr.types import Hits, Item, Query

MAX_TURNS = 200
"""So many turns a conversation may have."""
MAX_CHARS = 2000
"""So many characters may be said at once."""


@runtime_checkable
class Searcher(Protocol):
    """What a conversation searches: a library, a library on a server, or whatever answers the same three calls."""

    def search(self, query: Query, *, kind: str | None = None, run: str | None = None) -> Hits:
        """Answer a query."""
        ...

    def item(self, id: int) -> Item:
        """One picture by id; an InputError where there is none."""
        ...

    def thumbnail(self, id: int) -> bytes:
        """A small copy of a picture, in a format that can be decoded."""
        ...


@dataclass(frozen=True)
class Question:
    """What is asked of the user.

    Args:
        text: The question.
        options: Answers to choose from; free words do as well.
        gain: Expected information gain, bits.
        adds: What each option adds to what is looked for; "" for nothing.
        avoids: What each option says the picture does not show; "" for nothing.

    Raises:
        QueryError: ``adds`` or ``avoids`` of another length than ``options``.

    >>> Question("Is there a dog in it?", ("yes", "no"), 0.9, ("a dog", ""), ("", "a dog")).options
    ('yes', 'no')
    """

    text: str
    options: tuple[str, ...] = ()
    gain: float = 0.0
    adds: tuple[str, ...] = ()
    avoids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for of_options in (self.adds, self.avoids):
            if of_options and len(of_options) != len(self.options):
                raise QueryError(f"{len(of_options)} meanings for {len(self.options)} options", "give one for each")

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "text": self.text,
            "options": list(self.options),
            "gain": round(float(self.gain), 4),
            "adds": list(self.adds),
            "avoids": list(self.avoids),
        }


@dataclass(frozen=True)
class Step:
    """What one turn changed.

    Args:
        adds: Words that the picture fits.
        avoids: Words that it does not fit.
        liked: Ids of pictures it is like.
        rejected: Ids of pictures it is not.
        instead: Whether ``adds`` stands for all that was looked for before.
        doubts: Words that were asked about and denied; they count less than what the user turned away from unasked.
    """

    adds: tuple[str, ...] = ()
    avoids: tuple[str, ...] = ()
    liked: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()
    instead: bool = False
    doubts: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return not (self.adds or self.avoids or self.liked or self.rejected or self.doubts)


@dataclass(frozen=True)
class Memory:
    """What is known after some steps, oldest first, nothing twice.

    >>> Memory.of([Step(("a dog",)), Step(("on a beach",), ("snow",)), Step(liked=(7,)), Step(rejected=(7,))])
    Memory(wanted=('a dog', 'on a beach'), avoid=('snow',), liked=(), rejected=(7,), doubt=())
    """

    wanted: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    liked: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()
    doubt: tuple[str, ...] = ()

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Memory:
        """Fold steps; what was said last stands."""
        wanted, avoid = dict[str, None](), dict[str, None]()
        liked, rejected = dict[int, None](), dict[int, None]()
        doubt = dict[str, None]()
        for step in steps:
            if step.instead:
                wanted.clear()
            _said(step.adds, wanted, avoid)
            _said(step.avoids, avoid, wanted)
            _said(step.doubts, doubt, wanted)
            for text in (*step.adds, *step.avoids):
                doubt.pop(text, None)
            _said(step.liked, liked, rejected)
            _said(step.rejected, rejected, liked)
        return cls(tuple(wanted), tuple(avoid), tuple(liked), tuple(rejected), tuple(doubt))


def _said(new: Sequence[Any], of_it: dict[Any, None], against: dict[Any, None]) -> None:
    for one in new:
        of_it[one] = None
        against.pop(one, None)


@dataclass(frozen=True, eq=False)
class Turn:
    """One turn of a conversation, as it is answered.

    Args:
        said: What the user said or did.
        query: What is searched now, to be read.
        hits: Best first, none of those that were excluded.
        question: What would tell the most, or None where no question tells enough.
        excluded: Ids that are never shown again.
        notes: What did not go as planned.
        step: What the turn changed.
    """

    said: str
    query: str
    hits: Hits
    question: Question | None = None
    excluded: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    step: Step = field(default_factory=Step)

    def to_json(self) -> dict[str, Any]:
        """As plain data, hits as ``openitr search --json`` has them."""
        return {
            "said": self.said,
            "query": self.query,
            "hits": [hit.to_json() for hit in self.hits],
            "question": None if self.question is None else self.question.to_json(),
            "excluded": list(self.excluded),
            "notes": list(self.notes),
        }
