"""Reasoning-intensive retrieval over interleaved documents, by domain (MRMR, Zhang et al. 2025).

A retriever is any callable that scores queries against a corpus: ``retriever(queries, corpus) -> (n, m)``. Three come
with it: over captions in words, over sums of vectors, and a model that takes interleaved items itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from openitr.datasets.sources import ImageSource
from openitr.embeddings import DenseEmbeddings, Embeddings, Floats
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, InputError, ShapeError
from openitr.evaluate.babel import TextEncoder
from openitr.evaluate.interleaved import InterleavedItem, read_items
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.ranks import TIE
from openitr.evaluate.run import Run
from openitr.evaluate.scores import Scores, evaluate_run

Items = Sequence[InterleavedItem]
Retriever = Callable[[Items, Items], Floats]


@dataclass(frozen=True, eq=False)
class ReasoningBenchmark:
    """Queries, a corpus, and what is right.

    Args:
        queries: What is asked; ``metadata`` has what numbers are given by ("domain", "discipline", "task").
        corpus: What is ranked.
        qrels: Grades by query and document.
        own_corpus: Query id to the documents that are ranked for it alone (``split_corpus`` of the released harness);
            others rank the whole corpus.

    Raises:
        DatasetError: An id that stands twice, or that is judged and is not there.
    """

    queries: Items
    corpus: Items
    qrels: Qrels
    own_corpus: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, items in (("query", self.queries), ("document", self.corpus)):
            if len({item.id for item in items}) != len(items):
                raise DatasetError(f"a {what} id stands twice", "ids must be distinct")
        asked, there = {item.id for item in self.queries}, {item.id for item in self.corpus}
        named = [*((q, d) for q, own in self.qrels.items() for d in own)]
        named += [(q, d) for q, own in self.own_corpus.items() for d in own]
        for query, document in named:
            if query not in asked or document not in there:
                raise DatasetError(
                    f"query {query!r} names document {document!r}: one of them is not there", "see the ids"
                )

    @classmethod
    def load(cls, folder: str | Path) -> ReasoningBenchmark:
        """Read ``queries.jsonl``, ``corpus.jsonl`` (see :mod:`openitr.evaluate.interleaved`) and ``qrels.txt`` (TREC).

        A query with the key "corpus", a list of document ids, ranks these alone.
        """
        root = Path(folder)
        for name in ("queries.jsonl", "corpus.jsonl", "qrels.txt"):
            if not (root / name).is_file():
                raise DatasetError(
                    f"{root / name} is not there", "a folder has queries.jsonl, corpus.jsonl and qrels.txt"
                )
        queries = read_items(root / "queries.jsonl")
        own = {
            query.id: [str(one) for one in query.metadata["corpus"]] for query in queries if "corpus" in query.metadata
        }
        return cls(queries, read_items(root / "corpus.jsonl"), Qrels.from_trec(root / "qrels.txt"), own)

    def run(self, retriever: Retriever) -> Run:
        """Rank with a retriever; a query with a corpus of its own never sees another document.

        Raises:
            ShapeError: The retriever gives another shape than (queries, corpus).
        """
        ids = [document.id for document in self.corpus]
        row_of = {document: row for row, document in enumerate(ids)}
        ranked: dict[str, dict[str, float]] = {}
        shared = [query for query in self.queries if query.id not in self.own_corpus]
        if shared:
            for query, row in zip(shared, _scored(retriever, shared, self.corpus), strict=True):
                ranked[query.id] = dict(zip(ids, row, strict=True))
        for query in self.queries:
            if query.id in self.own_corpus:
                own = list(dict.fromkeys(self.own_corpus[query.id]))
                scores = _scored(retriever, [query], [self.corpus[row_of[one]] for one in own])
                ranked[query.id] = dict(zip(own, scores[0], strict=True))
        return Run(ranked, tolerance=TIE)

    def evaluate(self, retriever: Retriever, by: str = "domain", metrics: Sequence[str] = ("nDCG@10", "R@1")) -> Scores:
        """Measure a retriever, overall and by a key of the queries' metadata.

        Means of groups weighted by their number of queries give the overall number again, since every judged query
        that has the key is in one group.
        """
        groups = {query.id: str(query.metadata[by]) for query in self.queries if by in query.metadata}
        return evaluate_run(self.run(retriever), self.qrels, metrics, groups=groups)


def caption_then_text(caption: Callable[[ImageSource], str], encoder: TextEncoder) -> Retriever:
    """Every picture becomes its caption, in its place; then text against text.

    Args:
        caption: Says a picture in words; called once for each distinct picture.
        encoder: Embeds texts.
    """

    def retrieve(queries: Items, corpus: Items) -> Floats:
        pictures = dict.fromkeys(image for item in (*queries, *corpus) for image in item.images)
        captions = {image: caption(image) for image in pictures}
        asked, there = (encoder.encode_texts([item.worded(captions) for item in items]) for items in (queries, corpus))
        return asked.score(there)  # type: ignore[arg-type]

    return retrieve


def vector_sum(encoder: Encoder) -> Retriever:
    """An item is the normalised sum of the unit vectors of its pictures and of its text: two streams, order unseen.

    Raises:
        InputError: The encoder is not a dense one (when the retriever is called).
    """

    def embed(items: Items) -> DenseEmbeddings:
        from openitr.media.images import decode

        rows = []
        for item in items:
            parts: list[Embeddings] = []
            if item.images:
                decoded = [decode(image.read(), shrink_to=encoder.preparation.size).array for image in item.images]
                parts.append(encoder.encode_images(decoded))
            if item.text:
                parts.append(encoder.encode_texts([item.text]))
            dense = [part.values for part in parts if isinstance(part, DenseEmbeddings)]
            if len(dense) != len(parts):
                raise InputError(f"the model {encoder.spec!r} is not a dense one", "sums need one vector per item")
            rows.append(np.concatenate(dense).sum(axis=0))
        return DenseEmbeddings.normalise(np.stack(rows))

    def retrieve(queries: Items, corpus: Items) -> Floats:
        return embed(queries).score(embed(corpus))

    return retrieve


class InterleavedEncoder(Protocol):
    """A model that takes interleaved items as they are."""

    def encode_items(self, items: Items) -> Embeddings:
        """One embedding per item."""
        ...


def native(model: InterleavedEncoder) -> Retriever:
    """A model of its own kind, which sees the order of texts and pictures."""

    def retrieve(queries: Items, corpus: Items) -> Floats:
        return model.encode_items(queries).score(model.encode_items(corpus))  # type: ignore[arg-type]

    return retrieve


def reranked(first: Retriever, judge: Callable[[InterleavedItem, InterleavedItem], float], top: int = 10) -> Retriever:
    """The best ``top`` of a retriever, ordered anew by a judge of single pairs; its own order decides among equals.

    Args:
        first: Any retriever.
        judge: How well a document answers a query, higher is better.
        top: How many documents the judge sees for a query.
    """

    def retrieve(queries: Items, corpus: Items) -> Floats:
        scores = np.asarray(first(queries, corpus), np.float64)
        made = np.empty(scores.shape, np.float32)
        for row, query in enumerate(queries):
            order = np.argsort(-scores[row], kind="stable")
            seen = order[:top]
            verdicts = np.array([judge(query, corpus[int(at)]) for at in seen])
            better = seen[np.argsort(-verdicts, kind="stable")]
            # Places, not scores, are what is left to say: judge and retriever have no common scale.
            made[row, np.concatenate([better, order[top:]])] = -np.arange(len(order), dtype=np.float32)
        return made

    return retrieve


def _scored(retriever: Retriever, queries: Items, corpus: Items) -> list[list[float]]:
    found = np.asarray(retriever(queries, corpus))
    if found.shape != (len(queries), len(corpus)):
        raise ShapeError(
            f"a retriever gave scores of shape {found.shape}", f"({len(queries)}, {len(corpus)}) was expected"
        )
    return [[float(value) for value in row] for row in found]
