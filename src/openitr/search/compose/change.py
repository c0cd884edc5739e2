"""What should be different about a picture, on its way through a search: the same for command line, library, server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from openitr.embeddings import DenseEmbeddings
from openitr.encoders.base import Encoder
from openitr.errors import QueryError
from openitr.search.compose.base import MAX_STRENGTH, Composer, asked
from openitr.search.compose.named import check_composer, composer_named
from openitr.search.compose.parts import digests, edited, leaving_out
from openitr.types import Hits, Part, Query


@dataclass(frozen=True, eq=False)
class ComposedPart(Part):
    """A picture with what should be different about it: a part of a query that a composer encodes.

    Args:
        change: What should be different.
        strength: 0 to 4.
        composer: See :func:`~openitr.search.compose.named.composer_named`.
        notes: What people should know of the encoding; filled in by it.
    """

    change: str = ""
    strength: float = 1.0
    composer: str | Composer = "pdv"
    notes: list[str] = field(default_factory=list)

    def encoded(self, encoder: Encoder) -> DenseEmbeddings:
        """One row, in the space of the encoder.

        Raises:
            QueryError: The encoder makes no dense embeddings, or no such composer.
        """
        if encoder.kind != "dense":
            raise QueryError(
                f"composers work on dense vectors, and {encoder.spec} makes {encoder.kind} ones",
                "ask with --kind dense, or without a composer",
            )
        assert self.image is not None
        composer = composer_named(self.composer, encoder)
        start = getattr(composer, "start", None)
        if start is None:
            return composer.compose(self.image, self.change, self.strength)
        started = start(self.image, self.change)
        self.notes[:] = started.notes
        made: DenseEmbeddings = started.at(self.strength)
        return made


@dataclass(frozen=True, eq=False)
class Change:
    """What should be different about the picture of a query, and how that is found.

    Args:
        text: "in red", "without the dog".
        strength: 0 looks for the picture as it is, 1 is usual, at most 4.
        composer: "pdv", "weimocir", "cirevl", the folder of a trained one, or a ready one; None follows the direction
            of the words in the scale of weighted parts, which works with every kind of run.
        shown: SHA-256 (hex) of the files that were shown: they are never answers.

    Raises:
        QueryError: A blank text, a strength out of range, no such composer.

    >>> change = Change("in red", 1.5)
    >>> import numpy as np
    >>> query = Query([Part(image=np.zeros((4, 4, 3), np.uint8), label="dress.jpg")])
    >>> [str(part) for part in change.asked(query).parts]
    ['dress.jpg', '0.75:a photo, in red', '-0.75:a photo']
    >>> [str(part) for part in Change("in red", composer="pdv").asked(query).parts]
    ['dress.jpg, in red']
    """

    text: str
    strength: float = 1.0
    composer: str | Composer | None = None
    shown: Collection[str] = ()

    def __post_init__(self) -> None:
        asked(self.text)
        if not 0 <= self.strength <= MAX_STRENGTH:
            raise QueryError(f"strength {self.strength} is out of range", f"use 0 to {MAX_STRENGTH:g}; 1 is usual")
        if isinstance(self.composer, str):
            check_composer(self.composer)

    @classmethod
    def of(
        cls,
        but: str | Change,
        strength: float = 1.0,
        composer: str | Composer | None = None,
        images: Iterable[object] = (),
    ) -> Change:
        """A change as people say it, with the pictures that are shown (bytes or files); a ready one as it is."""
        return but if isinstance(but, Change) else cls(but, strength, composer, digests(images))

    def asked(self, query: Query) -> Query:
        """The query with the change in it.

        Raises:
            QueryError: It has no picture, or more than one for a composer.
        """
        if self.composer is None:
            return edited(query, self.text, self.strength)
        pictures = [part for part in query.parts if part.image is not None]
        if len(pictures) != 1:
            raise QueryError(
                f"“{self.text}” changes one picture, and there are {len(pictures) or 'none'}", "give one with --image"
            )
        parts = [self._composed(part) if part is pictures[0] else part for part in query.parts]
        return replace(query, parts=parts)

    def answered(self, query: Query, answer: Callable[[Query], Hits]) -> Hits:
        """The answer to the changed query, without what was shown.

        Args:
            query: With the picture, before the change.
            answer: Asks a query.

        Raises:
            QueryError: It has no picture, or more than one for a composer; or its page ends beyond the hits that can
                be had.
        """
        changed = self.asked(query)
        hits = leaving_out(changed, self.shown, answer)
        said = [note for part in changed.parts if isinstance(part, ComposedPart) for note in part.notes]
        return replace(hits, notes=(*hits.notes, *dict.fromkeys(said)))

    def _composed(self, part: Part) -> Part:
        assert self.composer is not None
        return ComposedPart(
            image=part.image,
            weight=part.weight,
            label=f"{part.label or 'picture'}, {self.text.strip()}",
            change=self.text.strip(),
            strength=self.strength,
            composer=self.composer,
        )
