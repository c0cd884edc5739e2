"""The last stage: buckets in order, the page that was asked for, and the items themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Ints
from openitr.search.pipeline import Candidates, Stage
from openitr.types import Bucket, Hit, Hits, Item, Query

BUCKETS: tuple[Bucket, ...] = ("likely", "maybe", "rest")


def bucket_numbers(probabilities: npt.NDArray[np.float64], likely: float, maybe: float) -> npt.NDArray[np.int64]:
    """0, 1 or 2 per probability: likely, maybe or rest.

    >>> bucket_numbers(np.array([0.9, 0.5, 0.49, 0.1]), 0.5, 0.2).tolist()
    [0, 0, 1, 2]
    """
    return np.where(probabilities >= likely, 0, np.where(probabilities >= maybe, 1, 2))


def taken_at(item: Item) -> str:
    """When a picture was taken, as text that sorts by time: what the file says, else when it was last changed."""
    stated = item.facts.get("taken_at")
    if isinstance(stated, str) and stated:
        return stated
    return str(np.datetime64(item.mtime_ns, "ns").astype("datetime64[s]"))


class Answer(Stage):
    """Group by bucket, sort, cut the page, look up the items.

    Args:
        items: Ids to items, in that order; ids that are gone are left out.
        likely, maybe: Least probability of the two buckets.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"candidates", "probabilities"})
    gives: ClassVar[frozenset[str]] = frozenset({"hits"})

    def __init__(self, items: Callable[[Ints], Sequence[Item]], *, likely: float, maybe: float) -> None:
        self.items, self.likely, self.maybe = items, likely, maybe

    def __repr__(self) -> str:
        return f"Answer(likely >= {self.likely:.2f}, maybe >= {self.maybe:.2f})"

    def __call__(self, query: Query, candidates: Candidates) -> Hits:
        probabilities = candidates.probabilities
        if probabilities is None:
            probabilities = np.zeros(len(candidates))
        buckets = bucket_numbers(probabilities, self.likely, self.maybe)
        if query.sort == "date":
            found = {item.id: item for item in self.items(candidates.ids)}
            # Two stable sorts: newest first, then by bucket; equal dates stay by relevance.
            rows = [r for r in range(len(candidates)) if int(candidates.ids[r]) in found]
            rows.sort(key=lambda r: taken_at(found[int(candidates.ids[r])]), reverse=True)
            rows.sort(key=lambda r: int(buckets[r]))
            rows = rows[query.offset : query.offset + query.k]
        else:
            order = np.argsort(buckets, kind="stable")
            rows = [int(r) for r in order[query.offset : query.offset + query.k]]
            found = {item.id: item for item in self.items(candidates.ids[rows])}
        hits = [
            Hit(
                item=found[int(candidates.ids[row])],
                score=float(candidates.scores[row]),
                probability=float(probabilities[row]),
                bucket=BUCKETS[buckets[row]],
                why=[column.reason(row) for column in candidates.columns],
            )
            for row in rows
            if int(candidates.ids[row]) in found
        ]
        return Hits(query, hits, total=candidates.total, notes=tuple(candidates.notes))
