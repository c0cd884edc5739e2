"""Cures for hubs: formulas against plain loops, and the stage in a pipeline."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError, ShapeError
from openitr.index import MemoryIndex
from openitr.search.hubness import Level, Unhub
from openitr.search.pipeline import Candidates
from openitr.types import Part, Query


@given(st.integers(0, 50), st.integers(1, 6))
def test_nnn_by_plain_loops(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores, bank = rng.normal(size=(3, 5)), rng.normal(size=(4, 5))
    found = Unhub("nnn", k=k, alpha=0.6)(scores, bank)
    for query in range(3):
        for item in range(5):
            best = sorted(bank[:, item].tolist(), reverse=True)[:k]
            assert found[query, item] == pytest.approx(scores[query, item] - 0.6 * sum(best) / len(best), abs=1e-5)


@given(st.integers(0, 50))
def test_querybank_by_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, bank = rng.uniform(-1, 1, (6, 4)), rng.uniform(-1, 1, (3, 4))
    found = Unhub("qb-norm", beta=20)(scores, bank)
    hubs = {max(range(4), key=lambda item: row[item]) for row in bank.tolist()}
    for query in range(6):
        best = max(range(4), key=lambda item: scores[query, item])
        if best not in hubs:
            np.testing.assert_allclose(found[query], scores[query], atol=1e-6)
            continue
        paper = [
            math.exp(20 * scores[query, item]) / sum(math.exp(20 * bank[b, item]) for b in range(3))
            for item in range(4)
        ]
        np.testing.assert_allclose(np.exp(found[query].astype(np.float64)), paper, rtol=1e-4)


def stage(method: str) -> tuple[Level, Candidates, Query]:
    """Item 1 is a hub for the bank, and just ahead of item 2, which answers."""
    stored = DenseEmbeddings.normalise(np.array([[1.0, 0.2, 0.0], [0.95, 0.3, 0.0], [0.0, 0.0, 1.0]]))
    index = MemoryIndex("dense", 3)
    index.add(np.array([1, 2, 3]), stored)
    bank = DenseEmbeddings.normalise(np.array([[1.0, 0.15, 0.0], [1.0, 0.1, 0.1], [1.0, -0.2, 0.0]]))
    scores = DenseEmbeddings.normalise(np.array([[1.0, 0.24, 0.0]])).score(stored)[0]
    ids = np.array([1, 2, 3])
    return Level(index, bank, Unhub(method, k=2)), Candidates(ids, scores), Query([Part("x")])  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["nnn", "qb-norm"])
def test_a_hub_falls_behind_and_the_reason_says_so(method: str) -> None:
    level, candidates, query = stage(method)
    assert candidates.scores[0] > candidates.scores[1]
    found = level(query, candidates)
    assert found.ids[:2].tolist() == [2, 1]
    reason = found.columns[-1].reason(int(np.flatnonzero(found.ids == 1)[0]))
    assert reason.stage == "level" and "more than most" in reason.text and reason.score < 0


def test_querybank_leaves_alone_what_no_hub_leads() -> None:
    level, _, query = stage("qb-norm")
    other = Candidates(np.array([3, 1]), np.array([0.9, 0.1]))
    assert level(query, other) is other


def test_nothing_to_rank_stays_nothing() -> None:
    level, _, query = stage("nnn")
    assert len(level(query, Candidates(np.empty(0, np.int64), np.empty(0)))) == 0


def test_refusals() -> None:
    with pytest.raises(InputError, match="no cure"):
        Unhub("magic")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="use k"):
        Unhub(k=0)
    with pytest.raises(ShapeError, match="same pictures"):
        Unhub()(np.zeros((1, 3)), np.zeros((1, 2)))
    with pytest.raises(ShapeError, match="bank of 0"):
        Level(MemoryIndex("dense", 3), DenseEmbeddings(np.empty((0, 3), np.float32)))
