"""A conversation as plain JSON, and back: what comes back may have been anywhere, so it is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openitr.errors import QueryError
from openitr.search.dialogue.turns import MAX_CHARS, MAX_TURNS, Question, Step, Turn
from openitr.types import MAX_K, Hits, Part, Query

if TYPE_CHECKING:
    from openitr.search.dialogue.session import Session

FORMAT = 1
_MOST = 64
# What is said at once has no more pieces: each is a letter, a comma and a space at least.
_PIECES = MAX_CHARS // 3 + 1
_QUERY = 100 * MAX_CHARS
_MAX_ID = 2**63 - 1


def kept(session: Session) -> dict[str, Any]:
    """What a session needs to go on: its settings, and for each turn what it changed; no hits."""
    return {
        "format": FORMAT,
        "k": session.k,
        "kind": session.kind,
        "run": session.run,
        "where": {name: dict(test) for name, test in session.where.items()},
        "turns": [_turn(turn) for turn in session.turns],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    step = turn.step
    return {
        "said": turn.said,
        "query": turn.query[:_QUERY],
        "question": None if turn.question is None else turn.question.to_json(),
        "notes": [note[:MAX_CHARS] for note in turn.notes[:_MOST]],
        "adds": list(step.adds),
        "avoids": list(step.avoids),
        "liked": list(step.liked),
        "rejected": list(step.rejected),
        "instead": step.instead,
        "doubts": list(step.doubts),
    }


def restored(state: Mapping[str, Any]) -> tuple[dict[str, Any], list[Turn]]:
    """The settings and the turns of a kept conversation; the turns without hits.

    Raises:
        QueryError: The first thing that is not as it should be, with its place.
    """
    if not isinstance(state, Mapping):
        raise _bad("the state", "an object")
    if state.get("format") != FORMAT:
        raise QueryError(
            f"this conversation was kept in format {str(state.get('format'))[:20]!r}", f"this version reads {FORMAT}"
        )
    k = _whole(state.get("k"), "k", MAX_K)
    kind, run = (_maybe_text(state.get(name), name) for name in ("kind", "run"))
    where = state.get("where", {})
    if not isinstance(where, Mapping) or len(where) > _MOST or not all(isinstance(v, Mapping) for v in where.values()):
        raise _bad("where", "an object of objects")
    listed = state.get("turns")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or len(listed) > MAX_TURNS:
        raise _bad("turns", f"a list of at most {MAX_TURNS}")
    turns, gone = list[Turn](), dict[int, None]()
    for number, one in enumerate(listed, 1):
        at = f"turn {number}"
        if not isinstance(one, Mapping):
            raise _bad(at, "an object")
        step = Step(
            _texts(one.get("adds"), f"{at}, adds"),
            _texts(one.get("avoids"), f"{at}, avoids"),
            _ids(one.get("liked"), f"{at}, liked"),
            _ids(one.get("rejected"), f"{at}, rejected"),
            one.get("instead") is True,
            _texts(one.get("doubts"), f"{at}, doubts"),
        )
        for id in step.liked:
            gone.pop(id, None)
        gone |= dict.fromkeys(step.rejected)
        said = _text(one.get("said"), f"{at}, said", 4 * MAX_CHARS)
        query = _text(one.get("query"), f"{at}, query", _QUERY)
        nothing = Hits(Query([Part(text=query.strip() or "a picture")], k=k), [])
        question, notes = _question(one.get("question"), at), _texts(one.get("notes"), f"{at}, notes")
        turns.append(Turn(said, query, nothing, question, tuple(gone), notes, step))
    return {"k": k, "kind": kind, "run": run, "where": {str(n): dict(v) for n, v in where.items()}}, turns


def _question(value: Any, at: str) -> Question | None:
    if value is None:
        return None
    at = f"{at}, question"
    if not isinstance(value, Mapping):
        raise _bad(at, "an object")
    gain = value.get("gain", 0.0)
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not math.isfinite(gain):
        raise _bad(f"{at}, gain", "a number")
    text = _text(value.get("text"), f"{at}, text", MAX_CHARS)
    lists = [_texts(value.get(name), f"{at}, {name}") for name in ("options", "adds", "avoids")]
    return Question(text, lists[0], float(gain), lists[1], lists[2])


def _texts(value: Any, at: str) -> tuple[str, ...]:
    return _list(value, at, lambda one: _text(one, at, MAX_CHARS), most=_PIECES)


def _ids(value: Any, at: str) -> tuple[int, ...]:
    return _list(value, at, lambda one: _whole(one, at, _MAX_ID), most=MAX_K)


def _list(value: Any, at: str, read: Callable[[Any], Any], most: int) -> tuple[Any, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > most:
        raise _bad(at, f"a list of at most {most}")
    return tuple(read(one) for one in value)


def _text(value: Any, at: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise _bad(at, f"a text of at most {most} characters")
    return value


def _maybe_text(value: Any, at: str) -> str | None:
    return None if value is None else _text(value, at, 200)


def _whole(value: Any, at: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _bad(at, f"a whole number from 0 to {most}")
    return value


def _bad(at: str, wanted: str) -> QueryError:
    return QueryError(f"this is no conversation: {at} should be {wanted}", "give what Session.state() gave")
