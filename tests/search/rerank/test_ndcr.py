"""The trained reasoner as a scorer: vectors by id, a trace that adds up, errors that name what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.embeddings import DenseEmbeddings
from openitr.errors import QueryError, ShapeError
from openitr.index.memory import MemoryIndex
from openitr.models import TextTransformer, WordTokenizer
from openitr.models.propositions import PropositionReasoner
from openitr.search import NDCRReranker, Rerank
from openitr.search.pipeline import Candidates
from openitr.types import Part, Query

WORDS = WordTokenizer.fit(["red on the left, no circle on the right"], length=12)
VECTORS = DenseEmbeddings.normalise(np.random.default_rng(0).normal(size=(10, 8)))


def reranker(index: MemoryIndex | None = None) -> NDCRReranker:
    torch.manual_seed(0)
    text = TextTransformer(len(WORDS), length=12, width=16, depth=1)
    return NDCRReranker(PropositionReasoner(text, 8, width=16, slots=2, heads=2), WORDS, index)


def test_order_and_trace_agree() -> None:
    order, trace = reranker().rerank("red on the left", VECTORS.values)
    assert order == np.argsort(-trace.final, kind="stable").tolist()
    assert trace.each.shape == trace.denied.shape == (2, 10)
    for numbers in (*trace.each, *trace.denied, trace.whole, trace.joint, trace.final, trace.shares):
        assert numbers.sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= trace.gate <= 1
    # A text beyond the tower's length is read as far as it goes.
    assert sorted(reranker().rerank("red on the left " * 20, VECTORS.values)[0]) == list(range(10))


def test_as_a_stage_it_looks_vectors_up_by_id() -> None:
    index = MemoryIndex("dense", 8)
    index.add(np.arange(10) * 3, VECTORS)
    made = reranker(index)
    ids = np.random.default_rng(1).permutation(10) * 3
    stage = Rerank(made, top=10, batch=10, deadline_ms=None)
    got = stage(Query([Part("red on the left")], negatives=[Part("circle")]), Candidates(ids, np.zeros(10)))
    order, _ = made.rerank("red on the left, no circle", index.vectors(ids).values)  # type: ignore[union-attr]
    assert got.ids.tolist() == ids[order].tolist()


def test_wrong_calls_are_named() -> None:
    with pytest.raises(ShapeError, match="8"):
        reranker().rerank("red", np.zeros((10, 4), np.float32))
    for made, query in (
        (reranker(), Query([Part("red")])),
        (reranker(MemoryIndex("dense", 8)), Query([Part(image=np.zeros((2, 2, 3), np.uint8))])),
    ):
        with pytest.raises(QueryError, match="ask in words"):
            made(query, [0], Candidates(np.arange(1), np.zeros(1)))
