"""Composition is checked before anything runs."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.errors import QueryError
from openitr.index.memory import MemoryIndex
from openitr.search.answer import Answer
from openitr.search.avoid import Avoid
from openitr.search.calibrate import Calibrate
from openitr.search.diversify import Diversify
from openitr.search.pipeline import Candidates, Column
from openitr.search.retrieve import Retrieve
from openitr.types import Part, Query
from tests.search.fakes import ColourEncoder, item, unit


def index_of(rows: np.ndarray) -> MemoryIndex:
    index = MemoryIndex("dense", rows.shape[1])
    index.add(np.arange(len(rows)), unit(rows))
    return index


def test_a_pipeline_prints_itself_and_answers() -> None:
    index = index_of(np.eye(5))
    answer = Answer(lambda ids: [item(int(i)) for i in ids], likely=0.5, maybe=0.2)
    stages = (
        Retrieve(index, ColourEncoder()) >> Avoid(index) >> Calibrate(index, None) >> Diversify(index) >> answer  # type: ignore[arg-type]
    )
    assert repr(stages) == (
        "Retrieve(colour, 5 items, pool=200) >> Avoid(strength=0.5) >> Calibrate(unsupervised) >> "
        "Diversify(balance=0.7, top=100) >> Answer(likely >= 0.50, maybe >= 0.20)"
    )
    hits = stages(Query([Part(text="green")], k=2))
    assert hits[0].id == 1
    assert len(hits) == 2
    assert hits.total == 5
    assert hits.took_ms > 0
    assert [reason.stage for reason in hits[0].why] == ["match", "calibrate", "diversify"]
    assert "“green”" in hits[0].explain()


def test_a_stage_that_lacks_its_needs_is_refused_when_composed() -> None:
    index = index_of(np.eye(5))
    with pytest.raises(QueryError, match="candidates"):
        Avoid(index) >> Calibrate(index, None)
    answer = Answer(lambda ids: [], likely=0.5, maybe=0.2)
    with pytest.raises(QueryError, match="probabilities"):
        Retrieve(index, ColourEncoder()) >> answer  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="put Answer last"):
        Retrieve(index, ColourEncoder()) >> Calibrate(index, None) >> answer >> Avoid(index)  # type: ignore[arg-type]


def test_a_pipeline_without_an_answer_says_so() -> None:
    index = index_of(np.eye(5))
    with pytest.raises(QueryError, match="end it with Answer"):
        (Retrieve(index, ColourEncoder()) >> Avoid(index))(Query([Part(text="red")]))  # type: ignore[arg-type]


def test_ranked_sorts_by_score_then_id_and_carries_everything_along() -> None:
    column = Column("match", np.array([0.1, 0.2, 0.3]), lambda s, f: f"{s} {f}", (np.array([7, 8, 9]),))
    made = Candidates(np.array([5, 4, 3]), np.array([1.0, 1.0, 1.0]), columns=[column])
    ranked = made.ranked(np.array([1.0, 2.0, 1.0]))
    assert ranked.ids.tolist() == [4, 3, 5]
    assert [ranked.columns[0].reason(r).text for r in range(3)] == ["0.2 8", "0.3 9", "0.1 7"]
