"""The agent with scripted models: it answers, searches, stops, and never asks more often than allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from openitr.encoders.lmm import Message, Reply
from openitr.errors import InputError
from openitr.search.agent import RetrieveAndReason, Step


class Scripted:
    """Says what it is told to, and keeps what it was shown."""

    name = "scripted"

    def __init__(self, *values: Any) -> None:
        self.values, self.shown = list(values), list[list[Message]]()

    def generate(self, messages: Sequence[Message], *, schema: Any = None, **_: Any) -> Reply:
        self.shown.append(list(messages))
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        return Reply(str(value), value)


def found(query: str, k: int) -> list[str]:
    return [f"{query} {place}" for place in range(k + 3)]


def test_it_searches_reads_and_answers() -> None:
    model = Scripted({"search": "blue vase"}, {"answer": "In Delft."})
    answered = RetrieveAndReason(model, found, k=2)("Where was it made?")
    assert answered.answer == "In Delft." and answered.notes == ()
    assert answered.steps == (Step("blue vase", ("blue vase 0", "blue vase 1")),)
    assert "1. blue vase 0\n2. blue vase 1" in model.shown[1][-1].text
    assert "blue vase 2" not in model.shown[1][-1].text


@pytest.mark.parametrize("most", [1, 3])
def test_it_halts_at_max_steps(most: int) -> None:
    class Restless(Scripted):
        def generate(self, messages: Sequence[Message], *, schema: Any = None, **_: Any) -> Reply:
            self.shown.append(list(messages))
            return Reply("", {"search": f"more {len(self.shown)}"})

    model = Restless(None)
    answered = RetrieveAndReason(model, found, max_steps=most)("Why?")
    assert len(answered.steps) == most and len(model.shown) == most + 1
    assert answered.answer == "" and answered.notes == (f"stopped after {most} searches",)
    assert "No more searches" in model.shown[-1][-1].text


def test_a_query_asked_twice_and_a_reply_of_no_use_end_the_search() -> None:
    again = RetrieveAndReason(Scripted({"search": "x"}, {"search": "x"}, {"answer": "y"}), found)("?")
    assert again.answer == "y" and len(again.steps) == 1 and again.notes == ("asked the same again",)
    for useless in (None, [], {"search": " "}, {"other": "x"}, {"search": 3}):
        answered = RetrieveAndReason(Scripted(useless, {"answer": "y"}), found)("?")
        assert answered.answer == "y" and answered.notes == ("neither searched nor answered",)


def test_quotes_in_a_query_do_not_break_what_it_is_shown() -> None:
    model = Scripted({"search": 'the "blue" vase'}, {"answer": "y"})
    RetrieveAndReason(model, found)("?")
    assert r"the \"blue\" vase" in model.shown[1][-2].text


def test_counts_below_one_are_refused() -> None:
    with pytest.raises(InputError):
        RetrieveAndReason(Scripted(None), found, max_steps=0)
