"""More like this: an item of the collection as the query, by its stored vector."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np

from openitr.embeddings import DenseEmbeddings
from openitr.search.answer import Answer
from openitr.search.calibrate import UNCALIBRATED, Calibrate
from openitr.search.pipeline import Asked, Candidates, Column, Stage
from openitr.types import MAX_K, Hits, Item, Part, Query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openitr.collection import Collection, Run
    from openitr.embeddings import Ints
    from openitr.index.base import Index

_POOL = 200


class Nearest(Stage):
    """Items nearest to one of them, which is left out."""

    needs: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[frozenset[str]] = frozenset({"candidates"})

    def __init__(self, index: Index, item: Item, allowed: Ints | None) -> None:
        self.index, self.item, self.allowed = index, item, allowed

    def __repr__(self) -> str:
        return f"Nearest(item {self.item.id})"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        row = self.index.vectors(np.array([self.item.id], np.int64))
        fetch = MAX_K if query.sort == "date" else max(_POOL, query.offset + query.k) + 1
        ranking = self.index.search(row, fetch, self.allowed)[0]
        keep = ranking.ids != self.item.id
        ids, scores = ranking.ids[keep], ranking.scores[keep]
        column = Column("match", scores, lambda score: f"looks like {self.item.name} (score {score:.3f})")
        total = (len(self.index) if self.allowed is None else len(self.allowed)) - int((~keep).sum())
        vector = row.values if isinstance(row, DenseEmbeddings) else None
        asked = Asked(query.parts, len(query.parts), [row], vector)
        return replace(candidates, ids=ids, scores=scores, total=total, asked=asked, columns=[column])


def like_item(
    collection: Collection,
    run: Run,
    item: Item,
    *,
    k: int,
    where: Mapping[str, Mapping[str, Any]],
    offset: int = 0,
    sort: str = "relevance",
) -> Hits:
    """Hits like an item; probabilities are estimated from the collection alone, for the model stays unloaded."""
    allowed = collection.matching(where or None)
    if allowed is not None:
        allowed = np.intersect1d(allowed, run.index.ids(), assume_unique=True)
    query = Query([Part(text=item.name)], (), where, k, offset, cast(Literal["relevance", "date"], sort))
    likely, maybe = UNCALIBRATED
    stages = Nearest(run.index, item, allowed) >> Calibrate(run.index, None)
    return (stages >> Answer(collection.items, likely=likely, maybe=maybe))(query)
