"""A served collection with the calls of a library, asked with the models that all requests share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from openitr.server.batching import BatchingEncoder
from openitr.server.served import ServedCollection
from openitr.types import Hits, Item, Query

if TYPE_CHECKING:
    from openitr.collection import Run
    from openitr.encoders.base import Encoder


class Shared:
    """What conversations and suggestions search.

    Args:
        served: The collection.
        encoders: Of the runs that answer.
        run: Name of the run where one answers, None where several do.
    """

    def __init__(self, served: ServedCollection, encoders: Sequence[BatchingEncoder], run: str | None) -> None:
        self.served, self.encoders, self.run = served, encoders, run
        self.collection = served.library.collection

    def search(self, query: str | Query, *, run: str | None = None, **how: Any) -> Hits:
        """Answer a query."""
        return self.served.library.search(query, run=self.run or run, model=list(self.encoders), **how)

    def item(self, id: int) -> Item:
        """One picture by id; an InputError where there is none."""
        return self.served.library.item(id)

    def thumbnail(self, id: int) -> bytes:
        """A small copy of a picture."""
        return self.served.library.thumbnail(id)

    def encoder(self, run: Run | None = None) -> Encoder:
        """The shared model of a run."""
        return self.served.encoder(run or self.served.run(self.run))
