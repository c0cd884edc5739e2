"""Maximal marginal relevance against the textbook loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import QueryError
from openitr.index.memory import MemoryIndex
from openitr.search.diversify import Diversify
from openitr.search.pipeline import Candidates
from openitr.types import Part, Query
from tests.search.fakes import unit


@given(st.integers(0, 30), st.sampled_from([0.0, 0.3, 0.7, 1.0]), st.integers(2, 12))
def test_against_the_loop(seed: int, balance: float, top: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng.normal(size=(12, 4)))
    index = MemoryIndex("dense", 4)
    index.add(np.arange(12), vectors)
    scores = np.sort(rng.uniform(0, 1, 12))[::-1]
    made = Diversify(index, balance=balance, top=top)(Query([Part(text="x")]), Candidates(np.arange(12), scores))
    chosen = [0]
    while len(chosen) < top:
        best, value = -1, -np.inf
        for i in range(top):
            if i in chosen:
                continue
            nearest = max(float(vectors.values[i] @ vectors.values[j]) for j in chosen)
            v = balance * scores[i] - (1 - balance) * nearest
            if v > value + 1e-9:
                best, value = i, v
        chosen.append(best)
    assert made.ids.tolist() == chosen + list(range(top, 12))


def test_bad_settings_are_refused() -> None:
    with pytest.raises(QueryError, match="balance"):
        Diversify(MemoryIndex("dense", 4), balance=2)
    with pytest.raises(QueryError, match="dense"):
        Diversify(MemoryIndex("late", 4))
