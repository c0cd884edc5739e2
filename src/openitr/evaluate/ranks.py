"""Where the right answers stand in each query's ranking, ties counted against the model.

For query q with right answers P (its positives) and wrong ones N (all else in the gallery), and s the score:

    first rank            1 + #{n in N: s(n) >= max over P of s(p)}         other right answers never push one back
    rank of the j-th      j + #{n in N: s(n) >= s(p_j)}                     P sorted by score, best first
    average precision     mean over j of  j / rank of the j-th

so a wrong answer with the same score stands in front. Scores within ``TIE`` of each other (relative to the score where
it exceeds 1) are the same: float32 products of equal vectors differ by as much with their place in a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Floats, Ints, TokenEmbeddings
from openitr.errors import ShapeError

TIE = 1e-6
_BLOCK = 1 << 22
_QUERIES = 512


@dataclass(frozen=True, eq=False)
class Positives:
    """The right answers of every query, as a ragged array.

    Args:
        offsets: (n + 1,) int64; query i owns ``items[offsets[i]:offsets[i + 1]]``, perhaps none.
        items: Rows of the gallery, each once per query.

    >>> owner = np.array([0, 0, 1])                       # three texts of two pictures
    >>> Positives.of_texts(owner).items.tolist(), Positives.of_images(owner, 2).offsets.tolist()
    ([0, 0, 1], [0, 2, 3])
    """

    offsets: Ints
    items: Ints

    @classmethod
    def of_texts(cls, owner: npt.ArrayLike) -> Positives:
        """Text to image: the one right picture of every text."""
        items = np.asarray(owner, np.int64)
        return cls(np.arange(len(items) + 1, dtype=np.int64), items)

    @classmethod
    def of_images(cls, owner: npt.ArrayLike, images: int) -> Positives:
        """Image to text: all texts of every picture; a picture without texts has none."""
        owners = np.asarray(owner, np.int64)
        counts = np.bincount(owners, minlength=images)
        return cls(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), np.argsort(owners, kind="stable"))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> Ints:
        """How many right answers each query has."""
        return np.diff(self.offsets)


@dataclass(frozen=True, eq=False)
class Ranks:
    """What one direction of retrieval came to.

    Args:
        queries: (m,) int64 rows of the queries that have a right answer; the others are not asked.
        first: (m,) int64 rank of the best right answer, 1 is best.
        average_precision: (m,) float64, 0 to 1.
        gallery: How many items were ranked.
    """

    queries: Ints
    first: Ints
    average_precision: npt.NDArray[np.float64]
    gallery: int


def rank_all(queries: Embeddings, gallery: Embeddings, positives: Positives) -> Ranks:
    """Rank the gallery for every query, block by block; the whole score matrix is never held.

    Args:
        queries: What is asked, embedded.
        gallery: What is ranked: the same kind and width.
        positives: The right answers, one entry per query.

    Raises:
        ShapeError: Counts that do not fit, or a right answer that is not in the gallery.

    >>> from openitr.embeddings import DenseEmbeddings
    >>> e = DenseEmbeddings(np.eye(3, dtype=np.float32))
    >>> rank_all(e, e, Positives.of_texts([0, 1, 0])).first.tolist()        # wrong 1 ties with right 0
    [1, 1, 3]
    """
    if len(positives) != len(queries):
        raise ShapeError(f"{len(queries)} queries, right answers for {len(positives)}", "one entry per query")
    if len(positives.items) and not 0 <= positives.items.min() <= positives.items.max() < len(gallery):
        raise ShapeError(f"a right answer is not among the {len(gallery)} items", "check the owners of the texts")
    asked = np.flatnonzero(positives.counts)
    first = np.empty(len(asked), np.int64)
    precision = np.empty(len(asked), np.float64)
    for start, stop, scores in blocks(queries, gallery, asked):
        for row in range(start, stop):
            own = positives.items[positives.offsets[asked[row]] : positives.offsets[asked[row] + 1]]
            first[row], precision[row] = rank_one(scores[row - start], own)
    return Ranks(asked, first, precision, len(gallery))


def rank_one(scores: Floats, positives: Ints) -> tuple[int, float]:
    """First rank and average precision of one query.

    Args:
        scores: (n,) of the whole gallery.
        positives: Rows of the right answers, at least one, each once.

    >>> rank_one(np.array([0.9, 0.8, 0.8, 0.1], np.float32), np.array([1, 3]))       # (1/3 + 2/4) / 2
    (3, 0.41666666666666663)
    """
    right = -np.sort(-scores[positives].astype(np.float64))
    reach = right - TIE * np.maximum(1.0, np.abs(right))
    wrong = np.delete(scores, positives) if len(positives) > 1 else None
    if wrong is None:
        # One right answer is the common case; it reaches itself, so it counts as its own 1.
        at = np.count_nonzero(scores >= reach[0])
        return int(at), 1.0 / at
    if len(right) > 16:
        ordered = np.sort(wrong)
        before = len(wrong) - np.searchsorted(ordered, reach, side="left")
    else:
        before = np.array([np.count_nonzero(wrong >= level) for level in reach])
    places = np.arange(1, len(right) + 1)
    return int(1 + before[0]), float(np.mean(places / (places + before)))


def blocks(queries: Embeddings, gallery: Embeddings, asked: Ints) -> Iterator[tuple[int, int, Floats]]:
    """(start, stop, scores of ``asked[start:stop]`` against the whole gallery), a few million numbers at a time."""
    rows = int(np.clip(_BLOCK // max(1, len(gallery)), 1, _QUERIES))
    columns = len(gallery)
    if isinstance(queries, TokenEmbeddings) and isinstance(gallery, TokenEmbeddings) and len(gallery):
        # MaxSim holds every token of the block against every token of the gallery before it adds up.
        per_query, per_item = len(queries.values) / max(1, len(queries)), len(gallery.values) / len(gallery)
        rows = int(np.clip(rows / per_query, 1, rows))
        columns = int(np.clip(_BLOCK / (rows * per_query * per_item), 1, len(gallery)))
    parts = (
        [gallery[at : at + columns] for at in range(0, len(gallery), columns)] if columns < len(gallery) else [gallery]
    )
    for start in range(0, len(asked), rows):
        some = queries[asked[start : start + rows]]
        found = [some.score(part) for part in parts]  # type: ignore[arg-type]
        yield start, min(start + rows, len(asked)), found[0] if len(found) == 1 else np.concatenate(found, axis=1)
