"""A turn of a conversation: what the client has kept of it is checked, one step is taken, and it is handed back.

Nothing is remembered here between requests. The client holds the conversation, so a restart loses none, any of several
servers may answer the next turn, and there is nothing to expire or to fill up. In return a conversation is trusted no
more than any other input.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from openitr.collection.filters import parse_where
from openitr.errors import QueryError
from openitr.search.dialogue import Memory, Session, Turn
from openitr.search.dialogue.kept import restored
from openitr.server.answers import answer
from openitr.server.asking import document
from openitr.server.schemas import ChatRequest
from openitr.server.served import ServedCollection
from openitr.server.shared import Shared

# What one turn may cost: every picture is looked at and every text is encoded.
_LIKED, _AVOIDED = 32, 64
_SETTINGS = ("k", "kind", "run", "where")


async def chat(served: ServedCollection, asked: ChatRequest) -> Response:
    """Take one turn.

    Raises:
        Problem: 422, there is no such run.
        QueryError: What was kept is no conversation, or this step cannot be taken.
    """
    start = time.perf_counter()
    step = _step(asked)
    settings = _settings(asked)
    runs = await served.models(settings["kind"], settings["run"])
    hybrid = settings["kind"] == "hybrid"
    shared = Shared(served, [encoder for _, encoder in runs], None if hybrid else runs[0][0].name)
    lmm = await served.house.lmm()

    def taken() -> Response:
        if asked.state is None:
            session = Session(shared, lmm=lmm, **settings)
        else:
            session = Session.resume(shared, asked.state, lmm=lmm)
        return answer(_document(served, session, step(session), asked, (time.perf_counter() - start) * 1000))

    # A language model takes its time.
    lane = served.house.slow if lmm is not None else served.house.quick
    return await lane.run(taken)


def _settings(asked: ChatRequest) -> dict[str, Any]:
    """How a conversation searches: as a new one is asked for, or as the one that goes on was begun."""
    if asked.state is None:
        where = asked.where if isinstance(asked.where, dict) else parse_where(asked.where or [])
        return {"k": asked.k, "kind": asked.kind, "run": asked.run, "where": where}
    if given := [name for name in _SETTINGS if name in asked.model_fields_set]:
        raise QueryError(f"{given[0]} belongs to the beginning of a conversation", "leave it out, or begin a new one")
    settings, turns = restored(asked.state)
    memory = Memory.of(turn.step for turn in turns)
    for what, there, most in (
        ("pictures to be like", memory.liked, _LIKED),
        ("texts to avoid", memory.avoid, _AVOIDED),
    ):
        if len(there) > most:
            raise QueryError(f"this conversation holds {len(there)} {what}", f"at most {most}; begin a new one")
    return settings


def _step(asked: ChatRequest) -> Callable[[Session], Turn]:
    """What the request does to the conversation; without anything, it is looked at again."""
    steps: dict[str, Callable[[Session], Turn]] = {}
    if asked.say is not None:
        steps["say"] = lambda session: session.say(asked.say or "")
    if asked.like is not None:
        steps["like"] = lambda session: session.like(asked.like or 0)
    if asked.reject is not None:
        steps["reject"] = lambda session: session.reject(asked.reject or ())
    if asked.undo:
        steps["undo"] = lambda session: session.undo()
    if len(steps) > 1:
        raise QueryError(f"{' and '.join(steps)} in one turn", "take one step at a time")
    if not steps and (asked.state is None or not asked.state.get("turns")):
        raise QueryError("nothing was said", "begin with `say`: what the picture shows")
    return next(iter(steps.values()), lambda session: session.turns[-1])


def _document(
    served: ServedCollection, session: Session, turn: Turn, asked: ChatRequest, took_ms: float
) -> dict[str, Any]:
    found = document(served, turn.hits, took_ms, why=asked.why, items=asked.items)
    question = None
    if turn.question is not None:
        question = {
            "text": turn.question.text,
            "options": list(turn.question.options),
            "gain": round(float(turn.question.gain), 4),
        }
    return {
        **found,
        "said": turn.said,
        "looked_for": turn.query,
        "question": question,
        "excluded": list(turn.excluded),
        "notes": [served.house.discreet(note) for note in turn.notes],
        "turns": [{"said": one.said, "looked_for": one.query} for one in session.turns],
        "state": session.state(),
    }
