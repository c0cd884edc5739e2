"""Negatives against the formula in loops, and what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.embeddings import nothing
from openitr.index.memory import MemoryIndex
from openitr.search.avoid import Avoid
from openitr.search.background import Background
from openitr.search.pipeline import Candidates
from openitr.search.retrieve import Retrieve
from openitr.types import Part, Query
from tests.search.fakes import ColourEncoder, unit

NONE = Candidates(np.empty(0, np.int64), np.empty(0, np.float32))
ENCODER = ColourEncoder()


def world() -> tuple[MemoryIndex, Background]:
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 1, size=(80, 5))
    index = MemoryIndex("dense", 5)
    index.add(np.arange(80), unit(rows))
    reference = unit(rng.uniform(0, 1, size=(100, 5)))
    return index, Background(reference, nothing("dense", 5), "test")


def test_against_loops() -> None:
    index, background = world()
    query = Query([Part(text="red")], negatives=[Part(text="red blue", weight=2), Part(text="dark")], k=80)
    found = Retrieve(index, ENCODER, background=background)(query, NONE)  # type: ignore[arg-type]
    made = Avoid(index, background=background, strength=0.7)(query, found)
    wanted = ENCODER.encode_texts(["red"]).values[0].astype(float)
    spread = np.std([float(x @ wanted) for x in background.images.values])  # type: ignore[union-attr]
    for id, score in zip(made.ids, made.scores, strict=True):
        x = index.vectors(np.array([id])).values[0].astype(float)  # type: ignore[union-attr]
        slow = float(x @ wanted)
        for text, weight in (("red blue", 2), ("dark", 1)):
            n = ENCODER.encode_texts([text]).values[0].astype(float)
            reference = [float(y @ n) for y in background.images.values]  # type: ignore[union-attr]
            z = (float(x @ n) - np.mean(reference)) / np.std(reference)
            slow -= 0.7 * spread * weight * max(z, -2.0)
        assert score == pytest.approx(slow, abs=1e-4)
    assert (np.diff(made.scores) <= 0).all()


def test_what_shows_the_negative_falls_behind_what_does_not() -> None:
    index, background = world()
    plain = Query([Part(text="red")], k=80)
    query = Query([Part(text="red")], negatives=[Part(text="blue")], k=80)
    before = Retrieve(index, ENCODER, background=background)(plain, NONE).ids  # type: ignore[arg-type]
    found = Retrieve(index, ENCODER, background=background)(query, NONE)  # type: ignore[arg-type]
    made = Avoid(index, background=background)(query, found)
    blue = ENCODER.encode_texts(["blue"]).values[0]

    def blueness(ids: np.ndarray) -> float:
        return float((index.vectors(ids).values @ blue).mean())  # type: ignore[union-attr]

    assert blueness(made.ids[:10]) < blueness(before[:10])
    for row in range(len(made)):
        reason = made.columns[-1].reason(row)
        shown = made.columns[-1].facts[0][row]
        assert reason.text == ("shows “blue”" if shown > 0 else "does not show “blue”")
        assert not (shown > 0 and reason.score > 0)


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
