"""``POST /v1/chat``: conversations that the client keeps, and what may be sent as one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.search.dialogue import Session
from tests.server.conftest import Place


def turn(place: Place, **said: Any) -> Any:
    """One turn, which must be answered."""
    got = place.client.post("/v1/chat", json=said)
    assert got.status_code == 200, got.text
    return got.json()


def names(answer: Any) -> list[str]:
    return [hit["name"].rpartition(".")[0] for hit in answer["hits"]]


def test_the_answer_has_its_shape_and_is_that_of_a_session(place: Place) -> None:
    answer = turn(place, say="red", k=4)
    assert list(answer) == [
        "query", "hits", "counts", "total", "notes", "took_ms",
        "said", "looked_for", "question", "excluded", "turns", "state",
    ]  # fmt: skip
    session = Session(place.library, k=4)
    theirs = session.say("red")
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in theirs.hits]
    assert answer["hits"][0]["width"] == 60 and sum(answer["counts"].values()) == 4
    assert (answer["said"], answer["looked_for"], answer["excluded"]) == ("red", theirs.query, [])
    assert answer["state"] == json.loads(json.dumps(session.state()))
    answer = turn(place, say="not blue", state=answer["state"])
    theirs = session.say("not blue")
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in theirs.hits]
    assert [one["said"] for one in answer["turns"]] == ["red", "not blue"]
    assert answer["looked_for"] == theirs.query and "not blue" in theirs.query


def test_like_reject_and_undo(place: Place) -> None:
    ids = place.ids()
    first = turn(place, say="red", k=3)
    assert names(first)[0] == "red"
    without = turn(place, reject=[ids["red"], ids["purple"]], state=first["state"])
    assert without["excluded"] == [ids["red"], ids["purple"]]
    assert not {"red", "purple"} & set(names(without)) and len(without["hits"]) == 3
    still = turn(place, say="green", state=without["state"])
    assert not {"red", "purple"} & set(names(still)), "they stay away whatever is said"
    back = turn(place, undo=True, state=still["state"])
    assert names(back) == names(without) and len(back["turns"]) == 2
    back = turn(place, undo=True, state=back["state"])
    assert (names(back), back["excluded"]) == (names(first), [])
    liked = turn(place, like=ids["blue"], state=back["state"])
    assert "like blue.png" in liked["looked_for"]
    assert names(liked).index("purple") < 2, "half red, half blue"


def test_a_picture_may_begin_and_a_conversation_may_be_looked_at_again(place: Place) -> None:
    answer = turn(place, like=place.ids()["green"], k=2)
    assert names(answer)[0] in ("green", "caf\udce9")
    again = turn(place, state=answer["state"])
    assert (names(again), again["state"]) == (names(answer), answer["state"])


def test_what_is_asked_can_be_answered(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from openitr.search.dialogue.turns import Question

    def ask(session: Any, hits: Any, memory: Any) -> Any:
        if "blue" in memory.wanted:
            return None, ("nothing tells enough",)
        return Question("Which colour?", ("blue", "green"), 0.75, ("blue", "green"), ("", "")), ()

    monkeypatch.setattr(Session, "_ask", ask)
    answer = turn(place, say="red")
    assert answer["question"] == {"text": "Which colour?", "options": ["blue", "green"], "gain": 0.75}
    answer = turn(place, say="blue", state=answer["state"])
    assert answer["question"] is None and "nothing tells enough" in answer["notes"]
    assert answer["looked_for"] == "red, blue"


def test_settings_hold_for_the_whole_conversation(place: Place) -> None:
    answer = turn(place, say="red", k=2, where=["folder=day"], run="colour")
    more = turn(place, say="blue", state=answer["state"])
    for one in (answer, more):
        assert len(one["hits"]) == 2 and {hit["path"].partition("/")[0] for hit in one["hits"]} == {"day"}
    whole = turn(place, say="red", k=1, items=True, why=False)["hits"][0]
    assert whole["why"] == [] and whole["item"] == place.client.get(f"/v1/items/{whole['id']}").json()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "nothing was said"),
        ({"say": ""}, 422, "say"),
        ({"say": "   "}, 422, "nothing was said"),
        ({"say": "x" * 2001}, 422, "say"),
        ({"say": 7}, 422, "say"),
        ({"like": 999}, 422, "no picture 999"),
        ({"like": "1"}, 422, "like"),
        ({"reject": [1]}, 422, "nothing to reject"),
        ({"reject": []}, 422, "reject"),
        ({"undo": True}, 422, "nothing to undo"),
        ({"say": "red", "like": 1}, 422, "say and like in one turn"),
        ({"say": "red", "k": 0}, 422, "k"),
        ({"say": "red", "k": 1001}, 422, "k"),
        ({"say": "red", "run": "nope"}, 422, "nope"),
        ({"say": "red", "kind": "late"}, 422, "no late run"),
        ({"say": "red", "where": ["nope=1"]}, 422, "nope"),
        ({"say": "red", "collection": "nope"}, 404, "nope"),
        ({"say": "red", "colour": 1}, 422, "colour"),
        ({"say": "red", "state": []}, 422, "state"),
        ({"say": "red", "state": {}}, 422, "format"),
        ([], 422, ""),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(place: Place, body: Any, status: int, said: str) -> None:
    got = place.client.post("/v1/chat", json=body)
    assert got.status_code == status and said in got.text, got.text
    assert got.headers["content-type"] == "application/problem+json"


def broken(place: Place, change: Callable[[Any], None]) -> int:
    """The status for a state that was tampered with."""
    state = copy.deepcopy(turn(place, say="red", k=2)["state"])
    change(state)
    got = place.client.post("/v1/chat", json={"say": "blue", "state": state})
    assert got.status_code < 500 or got.status_code == 503, got.text
    return got.status_code


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(format=2),
        lambda state: state.update(k=10**9),
        lambda state: state.update(k=True),
        lambda state: state.update(run="nope"),
        lambda state: state.update(run=7),
        lambda state: state.update(kind="sparse"),
        lambda state: state.update(where={"nope": {"eq": 1}}),
        lambda state: state.update(where={"path": {"match": {"a": 1}}}),
        lambda state: state.update(turns="red"),
        lambda state: state["turns"][0].update(adds=["x" * 5000]),
        lambda state: state["turns"][0].update(liked=[-1]),
        lambda state: state["turns"][0].update(liked=["1"]),
        lambda state: state["turns"][0].update(liked=list(range(1, 34))),
        lambda state: state["turns"].extend([dict(state["turns"][0], avoids=[f"t{i}"]) for i in range(65)]),
        lambda state: state.update(turns=state["turns"] * 201),
        lambda state: state["turns"].append(None),
    ],
)
def test_a_conversation_that_is_none_is_refused(place: Place, change: Callable[[Any], None]) -> None:
    assert broken(place, change) == 422


def test_settings_cannot_be_changed_on_the_way(place: Place) -> None:
    state = turn(place, say="red", k=2)["state"]
    for other in ({"k": 3}, {"where": ["folder=day"]}, {"run": "colour"}):
        got = place.client.post("/v1/chat", json={"say": "blue", "state": state, **other})
        assert got.status_code == 422 and "belongs to the beginning" in got.text


@pytest.mark.parametrize(
    ("kind", "raw", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b'{"say": "\\ud800"}', 400),
        ("text/plain", b'{"say": "red"}', 415),
        ("application/json", b'{"say": "red", "state": {"a": "' + b"x" * (1 << 19) + b'"}}', 413),
    ],
)
def test_what_is_no_turn_at_all(place: Place, kind: str, raw: bytes, status: int) -> None:
    got = place.client.post("/v1/chat", content=raw, headers={"content-type": kind})
    assert got.status_code == status, got.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(("k", "kind", "run", "where", "turns")), JSON, st.booleans())
def test_no_state_breaks_the_server(place: Place, name: str, value: Any, inside: bool) -> None:
    fields = ("said", "query", "question", "adds", "liked", "rejected", "instead")

    def change(state: Any) -> None:
        if inside:
            state["turns"][0][fields[len(name) % len(fields)]] = value
        else:
            state[name] = value

    assert broken(place, change) in (200, 400, 422)


def test_it_is_behind_the_key_and_needs_no_right_to_write(served: Callable[..., Place]) -> None:
    place = served(api_key="open-sesame", read_only=True)
    assert place.client.post("/v1/chat", json={"say": "red"}).status_code == 401
    key = {"Authorization": "Bearer open-sesame"}
    assert place.client.post("/v1/chat", json={"say": "red"}, headers=key).status_code == 200
    foreign = {**key, "Origin": "https://elsewhere.example"}
    assert place.client.post("/v1/chat", json={"say": "red"}, headers=foreign).status_code == 403


def test_no_answer_names_a_folder(place: Place) -> None:
    answer = turn(place, like=place.ids()["red"], k=2)
    answer = turn(place, say="no such picture", state=answer["state"])
    assert str(place.folder) not in json.dumps(answer) and str(place.library.path) not in json.dumps(answer)


def test_a_language_model_that_is_down_is_noted_and_missed_by_nobody(
    served: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    import openitr.encoders.lmm
    from openitr.errors import LMMError

    class Down:
        name = "down"

        def generate(self, *about: Any, **more: Any) -> Any:
            raise LMMError("http://localhost:1/v1 does not answer", "is it running?")

    monkeypatch.setattr(openitr.encoders.lmm, "configured", lambda *about, **more: Down())
    place = served()
    first = turn(place, say="red", k=3)
    answer = turn(place, say="rather something blue", state=first["state"])
    assert any("without the language model" in note for note in answer["notes"])
    assert len(answer["hits"]) == 3 and "blue" in answer["looked_for"]


def test_a_language_model_that_is_configured_wrongly_stops_nothing(
    served: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENITR_LMM_URL", "http://localhost:1/v1")
    monkeypatch.delenv("OPENITR_LMM_MODEL", raising=False)
    assert turn(served(), say="red", k=3)["hits"]
    assert "without a language model" in caplog.text
