"""The first stage: the query as vectors, their combination, and the nearest items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats, Ints, LexiconEmbeddings, TokenEmbeddings
from openitr.encoders.base import Encoder
from openitr.errors import QueryError
from openitr.index.base import Index
from openitr.search.background import Background
from openitr.search.pipeline import Asked, Candidates, Column, Retriever
from openitr.search.word_weights import Spells, spelled, weighed
from openitr.search.worth import SPREAD
from openitr.types import MAX_K, Part, Query

_SAMPLE = 256


@runtime_checkable
class Encoded(Protocol):
    """A part that says itself how it is encoded: a picture with what should be different about it."""

    def encoded(self, encoder: Encoder) -> Embeddings:
        """One row."""
        ...


def encode_parts(parts: Sequence[Part], encoder: Encoder) -> list[Embeddings]:
    """One embedding of length 1 per part, in order; texts in one batch, pictures in another, neither without need."""
    rows: list[Embeddings | None] = [p.encoded(encoder) if isinstance(p, Encoded) else None for p in parts]
    texts = [i for i, part in enumerate(parts) if part.image is None and rows[i] is None]
    images = [i for i, part in enumerate(parts) if part.image is not None and rows[i] is None]
    if texts:
        made = encoder.encode_texts([parts[i].text for i in texts])
        for place, i in enumerate(texts):
            rows[i] = made[place : place + 1]
    if images:
        made = encoder.encode_images([image for i in images if (image := parts[i].image) is not None])
        for place, i in enumerate(images):
            rows[i] = made[place : place + 1]
    return [row for row in rows if row is not None]


def combine(vectors: Floats, weights: Sequence[float], spreads: Sequence[float]) -> Floats:
    """One unit vector that ranks by the weighted sum of the parts' standardised scores.

    Text-picture cosines lie in a narrower band than picture-picture ones (the modality gap, Liang et al.
    2022,
    arXiv:2203.02053), so a plain sum lets the picture decide alone. Dividing each part by the spread of
    its scores over unrelated pictures puts all on one scale; the means shift all items alike and drop out.

    Args:
        vectors: (p, d), one unit vector per part.
        weights: (p,) as the user gave them.
        spreads: (p,) standard deviation of each part's cosines with unrelated pictures.

    Returns:
        (1, d) float32.

    Raises:
        QueryError: The parts cancel out.

    >>> [f"{x:.3f}" for x in combine(np.eye(2, dtype=np.float32), [1, 1], [0.1, 0.2])[0]]
    ['0.894', '0.447']
    """
    scale = np.asarray(weights, np.float32) / np.asarray(spreads, np.float32)
    total = (vectors * scale[:, None]).sum(axis=0, dtype=np.float64)
    norm = float(np.linalg.norm(total))
    if norm < 1e-6 * float(np.abs(scale).max()):
        raise QueryError("the parts of the query cancel out", "change the weights")
    unit: Floats = (total / norm).astype(np.float32)[None, :]
    return unit


class Retrieve(Retriever):
    """Encode the query and fetch the nearest items among those that pass the filter.

    Args:
        index: Of the collection's run.
        encoder: The one the index was built with.
        background: Unrelated pictures, to weigh parts of different kinds; None samples the index.
        allowed: Ids that pass the filter, ascending; None for all.
        pool: Fetch at least so many, for the stages that follow to choose from.
    """

    gives: ClassVar[frozenset[str]] = frozenset({"candidates", "model scores"})

    def __init__(
        self,
        index: Index,
        encoder: Encoder,
        *,
        background: Background | None = None,
        allowed: Ints | None = None,
        pool: int = 200,
    ) -> None:
        self.index, self.encoder, self.background = index, encoder, background
        self.allowed, self.pool = allowed, pool

    def __repr__(self) -> str:
        chosen = "" if self.allowed is None else f", {len(self.allowed)} allowed"
        return f"Retrieve({self.encoder.spec}, {len(self.index)} items{chosen}, pool={self.pool})"

    @property
    def name(self) -> str:
        """ "match" where vectors are dense, else their kind."""
        return "match" if self.index.kind == "dense" else self.index.kind

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        total = len(self.index) if self.allowed is None else len(self.allowed)
        parts = [*query.parts, *query.negatives]
        # Nothing to rank: no need to load a model.
        if not total:
            return Candidates(np.empty(0, np.int64), np.empty(0, np.float32))
        asked = Asked(parts, len(query.parts), encode_parts(parts, self.encoder))
        if query.terms and self.index.kind == "lexicon":
            asked = weighed(asked, query.terms, self.encoder)
        # Every item may move up by a date sort, so all of them take part in it.
        fetch = MAX_K if query.sort == "date" else max(self.pool, query.offset + query.k)
        if self.index.kind == "dense":
            asked = replace(asked, vector=self._vector(asked))
            found = self._dense(asked, fetch)
        else:
            found = self._any_kind(asked, fetch)
        return replace(found, total=total, asked=asked)

    def score(self, query: Query, found: Candidates, ids: Ints) -> Candidates:
        """Exact scores of chosen pictures, in the order of ``ids``; the least there is for those without a vector."""
        asked, there = found.asked, self.holds(ids)
        scores: npt.NDArray[np.float32] = np.full(len(ids), self.floor(found), np.float32)
        if asked is not None and there.any():
            if asked.vector is not None:
                scores[there] = dense(self.index.vectors(ids[there])) @ asked.vector[0]
            elif _alone(asked) and self.index.kind == "lexicon" and isinstance(self.index, Spells):
                # Of thousands of lists, those of the question's few words are read.
                row = cast(LexiconEmbeddings, asked.rows[0]).matrix
                scores[there] = self.index.weights(ids[there], row.indices.astype(np.int64)) @ row.data
            else:
                scores[there] = _summed(asked, self.index.vectors(ids[there]))
        column = _matched(query.parts, scores)
        return Candidates(ids, scores, total=found.total, asked=asked, columns=[column])

    def holds(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which of these pictures have a vector."""
        known = self.index.ids()
        if not len(known):
            return np.zeros(len(ids), bool)
        return np.asarray(known[np.minimum(np.searchsorted(known, ids), len(known) - 1)] == ids)

    def floor(self, found: Candidates) -> float:
        """-1 for a cosine, 0 for term weights, -1 per token of the query for MaxSim; 0, the mean, for several parts."""
        if self.index.kind == "dense":
            return -1.0
        asked = found.asked
        if self.index.kind == "lexicon" or asked is None or asked.positives > 1:
            return 0.0
        row = asked.rows[0]
        return -float(len(row.values)) if isinstance(row, TokenEmbeddings) else 0.0

    def odds(self, query: Query, scored: Candidates) -> npt.NDArray[np.float64]:
        """1.5 for each standard deviation above the mean of unrelated pictures; NaN without a vector (ours)."""
        others = self._others(scored).astype(np.float64)
        spread = float(others.std()) if len(others) else 0.0
        # Where all are alike nothing is said.
        odds = SPREAD * (scored.scores - others.mean()) / spread if spread > 1e-6 else np.zeros(len(scored))
        return np.where(self.holds(scored.ids), odds, np.nan)

    def _others(self, scored: Candidates) -> npt.NDArray[Any]:
        """Scores of pictures that have nothing to do with the query: known ones, else some of the collection."""
        asked = scored.asked
        if asked is None:
            return scored.scores
        images = None if self.background is None else self.background.images
        if images is None or len(images) < 2:
            ids = self.index.ids()
            images = self.index.vectors(np.sort(np.random.default_rng(0).permutation(ids)[:_SAMPLE]))
        if asked.vector is not None:
            return np.asarray(dense(images) @ asked.vector[0])
        # Of several parts that cannot be added up scores are standardised already, over the candidates.
        return exact(asked.rows[0], images) if _alone(asked) else scored.scores

    def _vector(self, asked: Asked) -> Floats:
        """(1, d) what the index is asked with."""
        parts = asked.parts[: asked.positives]
        vectors = np.concatenate([dense(row) for row in asked.rows[: asked.positives]])
        if len(parts) == 1:
            return vectors if parts[0].weight > 0 else -vectors
        background = self.background or Background.of_collection(self.index, self.index.dim)
        return combine(vectors, [p.weight for p in parts], [background.spread(v) for v in vectors])

    def _dense(self, asked: Asked, fetch: int) -> Candidates:
        assert asked.vector is not None
        ranking = self.index.search(DenseEmbeddings(asked.vector), fetch, self.allowed)[0]
        column = _matched(asked.parts[: asked.positives], ranking.scores)
        return Candidates(ranking.ids, ranking.scores, columns=[column])

    def _any_kind(self, asked: Asked, fetch: int) -> Candidates:
        """Sparse and token embeddings cannot be added up: scores are, standardised, over all that any part finds."""
        parts, rows = asked.parts[: asked.positives], asked.rows[: asked.positives]
        rankings = [self.index.search(row, fetch, self.allowed)[0] for row in rows]
        if _alone(asked):
            ids, scores = rankings[0].ids, rankings[0].scores
            column = _matched(parts, scores)
            if self.index.kind == "lexicon":
                column = spelled(column, self.index, self.encoder, asked, ids)
            return Candidates(ids, scores, columns=[column])
        ids = np.unique(np.concatenate([ranking.ids for ranking in rankings]))
        scores = _summed(asked, self.index.vectors(ids))
        best = Candidates(ids, scores).ranked(scores, _matched(parts, scores))
        return best.take(np.arange(min(fetch, len(best))))


def _alone(asked: Asked) -> bool:
    """Whether one wanted part is all there is: its scores stand for the query as they are."""
    return asked.positives == 1 and asked.parts[0].weight > 0


def _summed(asked: Asked, stored: Embeddings) -> npt.NDArray[np.float32]:
    """(m,) scores with a sparse or token query: those of its only part, or the weighted sum of standardised ones."""
    parts, rows = asked.parts[: asked.positives], asked.rows[: asked.positives]
    if _alone(asked):
        return exact(rows[0], stored)
    total: npt.NDArray[np.float64] = np.zeros(len(stored))
    for part, row in zip(parts, rows, strict=True):
        scores = exact(row, stored)
        total += part.weight * (scores - scores.mean()) / max(float(scores.std()), 1e-6)
    return total.astype(np.float32)


def _matched(parts: Sequence[Part], scores: npt.NDArray[np.float32]) -> Column:
    names = " + ".join(f"“{p}”" if p.image is None else str(p) for p in parts)
    how = "matches" if parts[0].image is None else "looks like"
    how = how if len(parts) == 1 else "fits the mix of"
    return Column("match", scores, lambda score: f"{how} {names} (score {score:.3f})")


def dense(row: Embeddings) -> Floats:
    """The (n, d) values of dense embeddings."""
    assert isinstance(row, DenseEmbeddings)
    return row.values


def exact(row: Embeddings, stored: Embeddings) -> npt.NDArray[np.float32]:
    """(n,) exact scores of one query embedding against stored ones of its kind."""
    return np.asarray(row.score(stored)[0], np.float32)  # type: ignore[arg-type]
