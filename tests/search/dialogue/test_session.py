"""Conversations: memory, undo, state and back, and what happens when a language model is bad company."""

from __future__ import annotations

import copy
import json
import socket
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openitr.encoders import lmm_http
from openitr.encoders.lmm import Reply
from openitr.encoders.lmm_http import HttpLMM
from openitr.errors import InputError, QueryError
from openitr.search.dialogue import Memory, Question, Searcher, Session, Step
from openitr.search.dialogue import session as session_module
from openitr.search.dialogue.searching import MAX_WORDS, newest
from openitr.search.dialogue.topics import Option, Topic
from openitr.search.dialogue.turns import MAX_CHARS
from tests.encoders.lmm_server import drips, half, hangs_up, raw, says, serving, status
from tests.search.dialogue.world import gallery


@pytest.fixture
def photos():
    return gallery()


def ids(turn) -> list[int]:
    return [hit.id for hit in turn.hits]


def test_a_gallery_is_a_searcher(photos):
    assert isinstance(photos, Searcher)


def test_words_add_up_and_corrections_turn_away(photos):
    session = Session(photos, k=4, asks=False)
    assert set(ids(session.say("red"))[:3]) == {100, 101, 102}
    both = session.say("and blue")
    assert ids(both)[0] == 107 and both.query == "red, blue"
    assert session.memory == Memory(("red", "blue"))
    away = session.say("not blue")
    assert away.query == "red, not blue" and ids(away)[0] in (100, 101, 102) and 107 not in ids(away)[:3]


def test_liked_pictures_are_searched_by_their_looks(photos):
    session = Session(photos, k=3, asks=False)
    session.say("dark")
    turn = session.like(105)
    assert turn.query == "dark, like 5.png" and {105, 106} & set(ids(turn)[:2])
    again = Session(photos, k=8, asks=False)
    place = ids(again.say("red")).index(103)
    nth = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")[place]
    assert again.say(f"more like the {nth} one").query == "red, like 3.png"


def test_what_was_rejected_never_comes_back(photos):
    session = Session(photos, k=3, asks=False)
    first = ids(session.say("red"))
    turn = session.reject(first[:2])
    assert turn.excluded == tuple(first[:2]) and not set(first[:2]) & set(ids(turn)) and len(turn.hits) == 3
    third = session.say("not 1")
    gone = {*first[:2], ids(turn)[0]}
    assert set(third.excluded) == gone and not gone & set(ids(third))
    for words in ("blue", "green", "dark"):
        assert not gone & set(ids(session.say(words)))
    everything = session.reject(photos.index.ids().tolist())
    assert len(everything.hits) == 0 and everything.question is None


def test_undo_goes_back_one_step_and_no_further(photos):
    session = Session(photos, k=3, asks=False)
    with pytest.raises(QueryError):
        session.undo()
    first = session.say("red")
    session.reject(ids(first)[:1])
    session.say("blue")
    assert session.undo().query == "red" and session.undo() is first
    assert session.memory == Memory(("red",))
    with pytest.raises(QueryError):
        session.undo()
    assert session.turns == (first,)


def test_what_cannot_be_done_changes_nothing(photos):
    session = Session(photos, asks=False)
    for bad in ("", "x" * (MAX_CHARS + 1), "like 1"):
        with pytest.raises(QueryError):
            session.say(bad)
    with pytest.raises(QueryError):
        session.reject([100])
    session.say("red")
    with pytest.raises(InputError):
        session.like(7)
    with pytest.raises(QueryError):
        session.reject([])
    assert len(session.turns) == 1
    for k in (0, 10_001, True, "3"):
        with pytest.raises(QueryError):
            Session(photos, k=k)


def test_a_denial_counts_less_than_a_correction(photos):
    ask = Question("Does it show red?", ("yes", "no"), 0.5, ("red", ""), ("", "red"))
    session = Session(photos, asks=lambda hits, memory, before: (ask, ()))
    session.say("blue")
    turn = session.say("no")
    assert turn.query == "blue, not red" and [(p.text, p.weight) for p in turn.hits.query.negatives] == [("red", 0.25)]
    turn = session.say("not red")
    assert [(p.text, p.weight) for p in turn.hits.query.negatives] == [("red", 1.0)]
    assert session.say("red").hits.query.negatives == []


def test_too_many_turns_are_refused(photos, monkeypatch):
    monkeypatch.setattr(session_module, "MAX_TURNS", 2)
    session = Session(photos, asks=False)
    session.say("red")
    session.say("blue")
    with pytest.raises(QueryError, match="2 turns"):
        session.say("green")


def test_long_dialogues_keep_opening_and_newest_and_say_so(photos):
    session = Session(photos, asks=False)
    session.say("red")
    for number in range(40):
        turn = session.say(f"word{number} and four more words")
    assert any("left out" in note for note in turn.notes)
    parts = [part.text for part in turn.hits.query.parts]
    assert parts[0] == "red" and parts[-1].startswith("word39") and not any(p.startswith("word0 ") for p in parts)
    assert sum(len(part.split()) for part in parts) <= MAX_WORDS


@given(st.lists(st.integers(1, 60).map(lambda n: " ".join(["w"] * n)), min_size=1, max_size=40), st.integers(5, 50))
def test_newest_is_a_prefix_and_a_suffix_within_the_limit(said, most):
    kept, note = newest(said, most)
    assert sum(len(one.split()) for one in kept) <= most
    assert bool(note) == (tuple(said) != kept)
    if len(said[0].split()) < most:
        assert kept[0] == said[0] and list(kept[1:]) == said[len(said) - len(kept) + 1 :]


class Fixed:
    """Asks one question, always."""

    question = Question("Which?", ("blue", "green"), 0.5, ("blue", "green"), ("", ""))

    def __call__(self, hits, memory, before):
        assert len({hit.id for hit in hits}) == len(hits)
        return (None if before else self.question), ("asked",)


def test_a_question_and_its_answer(photos):
    session = Session(photos, k=2, asks=Fixed())
    turn = session.say("dark")
    assert turn.question == Fixed.question and turn.notes[-1] == "asked"
    turn = session.say("green")
    assert turn.step == Step(("green",)) and turn.question is None and ids(turn)[0] == 104


def test_own_questions_split_the_gallery(photos, monkeypatch):
    colours = Topic("Which colour", tuple(Option(c, c, 0.3) for c in ("red", "green", "blue")))
    from openitr.search.dialogue.asking import Questioner

    session = Session(photos, asks=Questioner(photos.shows, topics=(colours,), least=0.0))
    turn = session.say("dark")
    assert turn.question is not None and 0 < turn.question.gain < 2
    assert session.say("green").hits[0].id in (103, 104)


def test_by_default_questions_come_from_the_library(photos):
    turn = Session(photos).say("red")
    assert not any("questions" in note for note in turn.notes)
    assert turn.question is None or turn.question.gain > 0
    plain = gallery()
    del plain.shows
    assert any("tags and captions only" in note for note in Session(plain).say("red").notes)


def test_state_and_back(photos):
    session = Session(photos, k=3, asks=Fixed(), kind="dense")
    session.say("dark")
    session.say("green, but not red")
    session.reject([103])
    session.like(105)
    state = json.loads(json.dumps(session.state()))
    again = Session.resume(photos, state, asks=Fixed())
    assert again.state() == session.state() and again.memory == session.memory
    assert ids(again.turns[-1]) == ids(session.turns[-1]) and again.turns[-1].excluded == (103,)
    assert ids(again.undo()) == ids(session.undo())
    assert Session.resume(photos, Session(photos).state()).turns == ()


def test_whatever_was_said_can_be_kept(photos):
    session = Session(photos, asks=False)
    session.say(" but ".join(f"x{number}" for number in range(200)))
    session.say("long " * 390)
    session.say("longer " * 280)
    assert max(len(note) for note in session.turns[-1].notes) > 2000, "the note names all that is left out"
    again = Session.resume(photos, json.loads(json.dumps(session.state())), asks=False)
    assert again.memory == session.memory and ids(again.turns[-1]) == ids(session.turns[-1])


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"k": 0}, {"k": "3"}, {"k": True}, {"kind": 3}, {"run": ["x"]}, {"where": []},
        {"where": {"a": 1}},
        {"turns": {}}, {"turns": [1]}, {"turns": "x"}, {"turns": [{}] * 1000},
    ],
)  # fmt: skip
def test_a_state_that_is_none_is_refused(photos, change):
    session = Session(photos, asks=False)
    session.say("red")
    with pytest.raises(QueryError):
        Session.resume(photos, {**session.state(), **change})
    with pytest.raises(QueryError):
        Session.resume(photos, change)


@pytest.mark.parametrize(
    "change",
    [
        {"adds": "red"}, {"adds": [1]}, {"adds": ["x" * 5000]}, {"adds": ["x"] * 1000}, {"liked": [-1]},
        {"liked": [1.5]},
        {"liked": [True]}, {"rejected": [2**64]}, {"said": None}, {"query": 1}, {"notes": [None]}, {"question": "x"},
        {"question": {"text": "?", "options": ["a"], "adds": [], "avoids": ["x", "y"], "gain": 1}},
        {"question": {"text": "?", "options": [], "adds": [], "avoids": [], "gain": float("nan")}},
    ],
)  # fmt: skip
def test_a_turn_that_is_none_is_refused(photos, change):
    session = Session(photos, asks=False)
    session.say("red")
    state = session.state()
    state["turns"][0].update(change)
    with pytest.raises(QueryError):
        Session.resume(photos, state)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(["k", "kind", "run", "where", "turns"])
    | st.sampled_from(["said", "query", "question", "notes", "adds", "avoids", "liked", "rejected", "instead"]),
    JSON,
)
def test_whatever_comes_back_is_taken_or_refused(photos, name, value):
    session = Session(photos, asks=False)
    session.say("red")
    state = copy.deepcopy(session.state())
    (state if name in state else state["turns"][0])[name] = value
    with suppress(InputError):
        Session.resume(photos, state, asks=False)


class Said:
    """A language model that says what it is told to, one after the other."""

    name = "said"

    def __init__(self, *values) -> None:
        self.values, self.asked = list(values), []

    def generate(self, messages, *, schema=None, max_tokens=512, temperature=0.0):
        self.asked.append(messages[-1].text)
        return Reply("", self.values.pop(0))


NOTHING = {"questions": []}


def test_a_model_reads_and_suggests_and_gain_decides(photos):
    good = {
        "questions": [
            {"text": "Which one?", "options": [{"name": "g", "adds": "green"}, {"name": "b", "adds": "blue"}]}
        ]
    }
    lmm = Said(good, {"adds": ["green"], "avoids": ["red"], "instead": True}, NOTHING)
    session = Session(photos, lmm=lmm)
    first = session.say("blue green")
    assert first.question is not None and first.question.text == "Which one?" and first.question.gain > 0
    turn = session.say("etwas Grünes, kein Rot")
    assert turn.step == Step(("green",), ("red",), instead=True) and session.memory.wanted == ("green",)
    assert "Which one?" in lmm.asked[1] and "Grünes" in lmm.asked[1]


def test_a_plain_answer_is_not_sent_to_the_model(photos):
    lmm = Said(NOTHING, NOTHING, NOTHING)
    session = Session(photos, lmm=lmm, k=3)
    session.say("red")
    session.say("not 1")
    assert all("Suggest questions" in asked for asked in lmm.asked)


@pytest.mark.parametrize(
    "act",
    [hangs_up, half, drips, raw(b"\xff<html>"), says("I am a teapot"), says('{"adds": 3}'), status(500), status(401)],
    ids=["hangs up", "half", "drips", "no json", "chatter", "wrong schema", "broken", "refuses"],
)
def test_a_bad_model_leaves_a_usable_turn_and_a_note(photos, act, monkeypatch):
    monkeypatch.setattr(lmm_http, "_FIRST_PAUSE", 0.005)
    with serving(act) as server:
        lmm = HttpLMM(server.url, "tiny", timeout=0.3, retries=0)
        session = Session(photos, lmm=lmm, k=3)
        session.say("dark")
        turn = session.say("something green")
        lmm.close()
    assert turn.hits[0].id in (103, 104) and turn.step.adds == ("something green",)
    assert any("read without the language model" in note for note in turn.notes)
    assert any("asked by templates" in note for note in turn.notes)


def test_a_model_that_is_down(photos, monkeypatch):
    monkeypatch.setattr(lmm_http, "_FIRST_PAUSE", 0.005)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        lmm = HttpLMM(f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "tiny", timeout=0.5, retries=0)
        turn = Session(photos, lmm=lmm).say("red")
        lmm.close()
    assert len(turn.hits) == 8 and any("templates" in note for note in turn.notes)


def test_a_picture_that_cannot_be_looked_at_is_noted(photos):
    blind = gallery()
    blind._picture = None
    session = Session(blind, asks=False)
    session.say("red")
    turn = session.like(103)
    assert any("cannot be looked at" in note for note in turn.notes) and len(turn.hits) == 8
    assert np.isfinite([hit.score for hit in turn.hits]).all()
