"""Conversations through a server: the same turns as with the library itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from openitr.errors import InputError, OpenITRError, QueryError, ServerError
from openitr.search.dialogue import Session, Turn
from tests.client.conftest import Pair


def same(here: Turn, there: Turn) -> None:
    assert [hit.item for hit in there.hits] == [hit.item for hit in here.hits]
    assert (there.said, there.query, there.excluded, there.step) == (here.said, here.query, here.excluded, here.step)
    assert (there.question is None) == (here.question is None)
    if here.question is not None and there.question is not None:
        assert (there.question.text, there.question.options) == (here.question.text, here.question.options)
        assert there.question.gain == pytest.approx(here.question.gain, abs=1e-4)
    assert there.notes == here.notes


STEPS: list[Callable[[Any], Turn]] = [
    lambda session: session.say("two dogs"),
    lambda session: session.like(3),
    lambda session: session.reject([5, 6]),
    lambda session: session.say("not at night"),
    lambda session: session.undo(),
]


def test_turn_by_turn(pair: Pair) -> None:
    here, there = Session(pair.local, k=6), pair.remote.chat(k=6)
    for step in STEPS:
        same(step(here), step(there))
        assert there.state() == json.loads(json.dumps(here.state()))
    assert there.memory == here.memory and len(there.turns) == len(here.turns) == 3


def test_a_kept_conversation_goes_on_here_and_there(pair: Pair) -> None:
    first = pair.remote.chat(k=4, where=["folder=part1"])
    first.say("two dogs")
    first.reject([first.turns[-1].hits[0].id])
    again = pair.remote.chat(state=json.loads(json.dumps(first.state())))
    assert [hit.id for hit in again.turns[-1].hits] == [hit.id for hit in first.turns[-1].hits]
    local = Session.resume(pair.local, first.state())
    same(local.say("on grass"), again.say("on grass"))
    assert all(hit.item.folder == "part1" for hit in again.turns[-1].hits)


def test_both_refuse_alike(pair: Pair) -> None:
    wrong: list[tuple[Callable[[Any], Turn], type[OpenITRError]]] = [
        (lambda session: session.say("  "), QueryError),
        (lambda session: session.undo(), QueryError),
        (lambda session: session.reject([]), QueryError),
        (lambda session: session.like(999), InputError),
    ]
    for step, kind in wrong:
        for session in (Session(pair.local), pair.remote.chat()):
            with pytest.raises(kind):
                step(session)
            assert not session.turns
    with pytest.raises(QueryError, match="not begun"):
        pair.remote.chat().state()
    with pytest.raises(QueryError, match="conversation"):
        pair.remote.chat(state={"format": 1})


def test_a_turn_that_fails_changes_nothing(pair: Pair) -> None:
    session = pair.remote.chat(k=3)
    session.say("two dogs")
    before = session.state()
    with pytest.raises(InputError):
        session.like(999)
    assert session.state() == before and len(session.turns) == 1


def test_an_answer_of_something_else(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair.remote._transport, "json", lambda *about, **content: {"hits": []})
    with pytest.raises(ServerError, match="a turn cannot be understood"):
        pair.remote.chat().say("two dogs")


def test_suggestions_are_those_of_the_library(pair: Pair) -> None:
    from openitr.search.suggest import for_library

    here, there = for_library(pair.local, "two dogs", groups=4), pair.remote.suggest("two dogs", groups=4)
    assert [(one.query, one.added, one.ids) for one in there] == [(one.query, one.added, one.ids) for one in here]
    assert (there.results, there.did_you_mean, there.language, there.notes) == (
        here.results, here.did_you_mean, here.language, here.notes,
    )  # fmt: skip
    with pytest.raises(QueryError):
        pair.remote.suggest("  ")
