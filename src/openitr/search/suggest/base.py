"""What a suggestion is, and the groups that suggestions are made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openitr.embeddings import Floats, Ints


@dataclass(frozen=True)
class Suggestion:
    """A changed query for one group of a query's results.

    Args:
        query: The query with the least that tells the group from the others.
        added: What was put in ("in the snow",); empty where nothing tells the group apart.
        ids: Of the group's pictures, the most central first.
        share: Of the results that are in the group, 0 to 1.
        found: Share of the group that the changed query finds within its first len(ids) of the results (CroQS's
            closed-set recall); None where it was not measured.
        notes: What a reader should know ("the language model was down: ...").
    """

    query: str
    added: tuple[str, ...]
    ids: tuple[int, ...]
    share: float
    found: float | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "query": self.query,
            "added": list(self.added),
            "ids": list(self.ids),
            "share": round(self.share, 4),
            **({} if self.found is None else {"found": round(self.found, 4)}),
            **({"notes": list(self.notes)} if self.notes else {}),
        }


@dataclass(frozen=True, eq=False)
class Results:
    """The pictures that a query found, as vectors, and what is known of them.

    Args:
        ids: (n,) of the pictures.
        vectors: (n, d) unit vectors.
        texts: What is written of each: tags, captions, words of the file name; empty where nothing is known.
    """

    ids: Ints
    vectors: Floats
    texts: Sequence[Sequence[str]] = ()

    def written(self, row: int) -> Sequence[str]:
        """What is written of one picture."""
        return self.texts[row] if len(self.texts) else ()


@dataclass(frozen=True)
class Named:
    """What a namer found for one group.

    Args:
        query: The changed query.
        added: What was put in; empty where nothing was found.
        found: Closed-set recall, where it was measured.
        notes: What did not go as planned.
    """

    query: str
    added: tuple[str, ...] = ()
    found: float | None = None
    notes: tuple[str, ...] = ()
