"""Conversations about a picture: sessions that ask back, remember, and take a turn back.

>>> from openitr.search.dialogue import Session
>>> session = Session(openitr.open("photos"))                                           # doctest: +SKIP
>>> session.say("a dog").question                                                       # doctest: +SKIP
>>> session.say("on grass, but not at night").hits                                      # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.search.dialogue.session import Session
    from openitr.search.dialogue.turns import Memory, Question, Searcher, Step, Turn

_HOMES = {
    "Memory": "turns",
    "Question": "turns",
    "Searcher": "turns",
    "Session": "session",
    "Step": "turns",
    "Turn": "turns",
}

__all__ = ["Memory", "Question", "Searcher", "Session", "Step", "Turn"]

__getattr__ = lazily(__name__, _HOMES)
