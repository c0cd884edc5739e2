"""A stage that keeps the first page from showing one scene twenty times."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from openitr.errors import QueryError
from openitr.index.base import Index
from openitr.search.pipeline import Candidates, Column, Stage
from openitr.search.retrieve import dense
from openitr.search.scales import scaled
from openitr.types import Query


class Diversify(Stage):
    """Maximal marginal relevance: each next hit trades its score against its likeness to those already
    chosen.

    Source: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998, equation 1.

    Args:
        index: Dense, the one that was searched.
        balance: 1 keeps the order, 0 looks at difference only.
        top: How many hits are reordered; the rest follow as they were.

    Raises:
        QueryError: ``balance`` outside 0..1, or an index that is not dense.
    """

    gives: ClassVar[frozenset[str]] = frozenset({"diverse"})

    def __init__(self, index: Index, *, balance: float = 0.7, top: int = 100) -> None:
        if not 0 <= balance <= 1:
            raise QueryError(f"balance is {balance}", "use 0 to 1")
        if index.kind != "dense":
            raise QueryError(f"diversity needs dense embeddings, not {index.kind} ones", "leave the stage out")
        self.index, self.balance, self.top = index, balance, top

    def __repr__(self) -> str:
        return f"Diversify(balance={self.balance:g}, top={self.top})"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        top = min(self.top, len(candidates))
        if top < 2:
            return candidates
        vectors = dense(self.index.vectors(candidates.ids[:top]))
        likeness = vectors @ vectors.T
        scores = candidates.scores[:top].astype(np.float64)
        asked = candidates.asked
        if candidates.fused or (asked is not None and asked.vector is None):
            # Scores that are no cosines are brought to where likenesses lie.
            scores = scaled(scores, "minmax")
        nearest = np.full(top, -1.0)
        free = np.ones(top, bool)
        order = [0]
        while len(order) < top:
            free[order[-1]] = False
            nearest = np.maximum(nearest, likeness[order[-1]])
            value = self.balance * scores - (1 - self.balance) * nearest
            order.append(int(np.argmax(np.where(free, value, -np.inf))))
        rows = np.concatenate([np.array(order), np.arange(top, len(candidates))])
        moved = np.zeros(len(candidates))
        moved[:top] = np.arange(top) - np.argsort(np.array(order))
        column = Column("diversify", moved, _moved)
        return replace(candidates, columns=[*candidates.columns, column]).take(rows)


def _moved(places: float) -> str:
    if not places:
        return "kept its place"
    return f"moved {'up' if places > 0 else 'down'} {abs(places):.0f} places, so that hits differ"
