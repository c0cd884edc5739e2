"""Negatives against the formula in loops, and what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from tests.search.fakes import ColourEncoder, unit

from openitr.index.memory import MemoryIndex
from openitr.search.avoid import Avoid
from openitr.search.background import Background
from openitr.search.pipeline import Candidates
from openitr.search.retrieve import Retrieve
from openitr.types import Part, Query

NONE = Candidates(np.empty(0, np.int64), np.empty(0, np.float32))
ENCODER = ColourEncoder()


def world() -> tuple[MemoryIndex, Background]:
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 1, size=(80, 5))
    index = MemoryIndex("dense", 5)
    index.add(np.arange(80), unit(rows))
    reference = unit(rng.uniform(0, 1, size=(100, 5))).values
    return index, Background(reference, np.empty((0, 5), np.float32), "test")


def test_against_loops() -> None:
    index, background = world()
    query = Query([Part(text="red")], negatives=[Part(text="red blue", weight=2), Part(text="dark")], k=80)
    found = Retrieve(index, ENCODER, background=background)(query, NONE)  # type: ignore[arg-type]
    made = Avoid(index, background=background, strength=0.7, tolerance=0.3)(query, found)
    wanted = ENCODER.encode_texts(["red"]).values[0].astype(float)
    spread = np.std([float(x @ wanted) for x in background.images])
    for id, score in zip(made.ids, made.scores, strict=True):
        x = index.vectors(np.array([id])).values[0].astype(float)  # type: ignore[union-attr]
        slow = float(x @ wanted)
        for text, weight in (("red blue", 2), ("dark", 1)):
            n = ENCODER.encode_texts([text]).values[0].astype(float)
            rest = n - (n @ wanted) * wanted
            rest /= np.linalg.norm(rest)
            reference = [float(y @ rest) for y in background.images]
            z = (float(x @ rest) - np.mean(reference)) / np.std(reference)
            slow -= 0.7 * spread * weight * max(0.0, z - 0.3)
        assert score == pytest.approx(slow, abs=1e-4)
    assert (np.diff(made.scores) <= 0).all()


def test_what_shows_nothing_of_the_negative_keeps_its_score() -> None:
    index, background = world()
    query = Query([Part(text="red")], negatives=[Part(text="blue")], k=80)
    found = Retrieve(index, ENCODER, background=background)(query, NONE)  # type: ignore[arg-type]
    made = Avoid(index, background=background)(query, found)
    before = dict(zip(found.ids.tolist(), found.scores.tolist(), strict=True))
    after = dict(zip(made.ids.tolist(), made.scores.tolist(), strict=True))
    assert all(after[i] <= before[i] for i in before)
    kept = [i for i in before if after[i] == before[i]]
    assert kept and len(kept) < len(before)
    says = [made.columns[-1].reason(r).text for r in range(len(made))]
    assert all(("does not show" in s) == (int(i) in kept) for i, s in zip(made.ids, says, strict=True))


def test_a_negative_that_equals_the_query_changes_nothing() -> None:
    index, background = world()
    query = Query([Part(text="red")], negatives=[Part(text="red")], k=80)
    found = Retrieve(index, ENCODER, background=background)(query, NONE)  # type: ignore[arg-type]
    made = Avoid(index, background=background)(query, found)
    assert made.ids.tolist() == found.ids.tolist()


def test_without_negatives_it_is_not_there() -> None:
    index, _ = world()
    query = Query([Part(text="red")])
    found = Retrieve(index, ENCODER)(query, NONE)  # type: ignore[arg-type]
    assert Avoid(index)(query, found) is found
