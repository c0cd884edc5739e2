"""Reranking: the order of the scorer, as far as there was time; then the order that was."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import QueryError
from openitr.search import Rerank
from openitr.search.pipeline import Candidates
from openitr.search.rerank import Opinion
from openitr.types import Part, Query
from tests.search.fakes import item

ASKED = Query([Part("red")])


def found(count: int) -> Candidates:
    return Candidates(np.arange(count) * 10, np.linspace(1, 0.5, count) if count else np.empty(0))


@given(st.lists(st.integers(-3, 3), max_size=12), st.integers(1, 14), st.integers(1, 5))
def test_order_of_the_scorer_then_as_it_was(scores: list[int], top: int, batch: int) -> None:
    candidates = found(len(scores))
    given_ = {id: float(score) for id, score in zip(candidates.ids.tolist(), scores, strict=True)}

    def scorer(query: Query, ids: Sequence[Any], some: Candidates) -> list[float]:
        assert list(ids) == some.ids.tolist() and 0 < len(ids) <= batch
        return [given_[id] for id in ids]

    made = Rerank(scorer, top=top, batch=batch, deadline_ms=None)(ASKED, candidates)
    ids = candidates.ids.tolist()
    assert made.ids.tolist() == sorted(ids[:top], key=lambda i: (-given_[i], i)) + ids[top:]
    assert (np.diff(made.scores) <= 1e-12).all(), "scores never rise on the way down"
    seen = min(top, len(ids))
    assert made.scores[:seen].tolist() == sorted((given_[i] for i in ids[:seen]), reverse=True)
    if not seen:
        return
    for row, id in enumerate(made.ids.tolist()):
        reason = made.columns[-1].reason(row)
        if ids.index(id) >= seen:
            assert reason.text == "not looked at again"
        else:
            assert reason.score == given_[id]
            moved = ids.index(id) - row
            assert (f"{abs(moved)} places" in reason.text) if moved else reason.text.startswith("kept its place")


def test_when_time_is_over_the_best_so_far_comes_back() -> None:
    def slow(query: Query, ids: Sequence[Any], some: Candidates) -> list[float]:
        if ids[0] >= 40:
            time.sleep(5)
        return [float(i) for i in ids]

    start = time.perf_counter()
    made = Rerank(slow, top=8, batch=2, deadline_ms=150)(ASKED, found(10))
    assert time.perf_counter() - start < 2, "a scorer that hangs does not hang the search"
    assert made.ids.tolist() == [30, 20, 10, 0, 40, 50, 60, 70, 80, 90]
    assert made.notes == ("reranked the first 4 of 8: 150 ms were over",)


def test_a_scorer_that_hangs_is_not_asked_for_ever() -> None:
    free = threading.Event()

    def stuck(query: Query, ids: Sequence[Any], some: Candidates) -> list[float]:
        free.wait(30)
        return [0.0] * len(ids)

    stage = Rerank(stuck, deadline_ms=10)
    try:
        notes = [stage(ASKED, found(3)).notes[0] for _ in range(6)]
    finally:
        free.set()
    assert notes[0] == "reranked the first 0 of 3: 10 ms were over"
    assert notes[-1] == "not reranked: 4 earlier rounds are still under way"


def test_items_are_handed_over_and_gone_ones_fall_behind() -> None:
    def by_name(query: Query, items: Sequence[Any], some: Candidates) -> list[float]:
        assert [one.id for one in items] == some.ids.tolist()
        return [float(one.width) for one in items]

    def items(ids: Any) -> list[Any]:
        return [item(int(i), width=int(i) + 1) for i in ids if i != 20]

    made = Rerank(by_name, items=items, top=4)(ASKED, found(6))
    assert made.ids.tolist() == [30, 10, 0, 20, 40, 50]
    assert made.columns[-1].reason(3).text == "not looked at again"
    assert (np.diff(made.scores) <= 0).all()


def test_wrong_scorers_are_named() -> None:
    for wrong in ([1.0], [np.nan] * 3, [[1.0]] * 3):
        with pytest.raises(QueryError, match=r"Rerank\(<lambda>|Rerank\(.*gave scores"):
            Rerank(lambda query, ids, some, wrong=wrong: wrong)(ASKED, found(3))  # type: ignore[misc]
    with pytest.raises(ZeroDivisionError):
        Rerank(lambda query, ids, some: [1 / 0])(ASKED, found(1))
    for numbers in ({"top": 0}, {"batch": 0}, {"deadline_ms": 0}):
        with pytest.raises(QueryError, match="above 0"):
            Rerank(lambda query, ids, some: [], **numbers)
    assert "deadline=300 ms" in repr(Rerank(lambda query, ids, some: []))


def test_notes_and_reasons_of_a_scorer_are_passed_on() -> None:
    def says(query: Query, ids: Sequence[Any], some: Candidates) -> Opinion:
        return Opinion([float(id) for id in ids], ["it was hard"], [f"number {id}" for id in ids])

    made = Rerank(says, top=3, batch=2)(ASKED, found(4))
    assert made.notes == ("it was hard",), "once, however many batches said it"
    assert made.ids.tolist() == [20, 10, 0, 30]
    assert [made.columns[-1].reason(row).text.rpartition(": ")[2] for row in range(3)] == [
        "number 20",
        "number 10",
        "number 0",
    ]
    assert made.columns[-1].reason(3).text == "not looked at again"
    with pytest.raises(QueryError, match="1 reasons for 2 candidates"):
        Rerank(lambda query, ids, some: Opinion([0.0] * len(ids), (), ["one"]), batch=2)(ASKED, found(2))


def test_a_process_ends_only_when_late_scorers_have_let_go(tmp_path):
    """A thread inside a model's native code when the interpreter goes away kills the process."""
    program = """
import sys, time
from pathlib import Path
import numpy as np
from openitr.search.pipeline import Candidates
from openitr.search.rerank import Rerank
from openitr.types import Part, Query

def slow(query, ids, candidates):
    time.sleep(0.6)
    Path(sys.argv[1]).write_text("done")
    return np.zeros(len(ids))

found = Rerank(slow, deadline_ms=20, batch=1)(Query([Part("a dog")]), Candidates(np.arange(3), np.ones(3)))
print(found.notes[0])
"""
    mark = tmp_path / "mark"
    done = subprocess.run(
        [sys.executable, "-c", program, str(mark)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0 and "20 ms were over" in done.stdout, done.stderr
    assert mark.read_text() == "done", "the batch in hand was finished, and no further one begun"
