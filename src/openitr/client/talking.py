"""A conversation that a server answers, with the calls of a local one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from openitr.client.reading import hits_of
from openitr.client.transport import understood
from openitr.errors import QueryError
from openitr.search.dialogue.kept import restored
from openitr.search.dialogue.turns import Memory, Turn
from openitr.types import Part, Query

if TYPE_CHECKING:
    from openitr.client.remote import RemoteLibrary


class RemoteSession:
    """A conversation over a library of a server; use :meth:`RemoteLibrary.chat`.

    It is kept here and not by the server: :meth:`state` may be written to a file, and any server of the same
    collection goes on with it. Beside the server's own language model, where it has one, none takes part.

    Args:
        library: What is searched.
        settings: How a new conversation searches.
        state: Of one that goes on.

    Raises:
        QueryError: The state is none.

    >>> session = openitr.open("http://localhost:8000").chat(k=10)                      # doctest: +SKIP
    >>> session.say("a dog").question.text                                              # doctest: +SKIP
    'Where is it: on grass, on a beach, in the snow?'
    >>> session.say("on grass").hits[0].path                                            # doctest: +SKIP
    'garden/rex.jpg'
    """

    def __init__(
        self,
        library: RemoteLibrary,
        *,
        settings: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.library = library
        self._settings = dict(settings or {})
        self._turns: list[Turn] = []
        self._state: dict[str, Any] | None = None
        if state is not None:
            restored(state)
            self._state = dict(state)
            if self._state["turns"]:
                self._send({})

    def __repr__(self) -> str:
        return f"RemoteSession({self.library!r}, {len(self._turns)} turns)"

    @property
    def turns(self) -> Sequence[Turn]:
        """What was said and answered, oldest first; only the last one has its hits."""
        return tuple(self._turns)

    @property
    def memory(self) -> Memory:
        """What is known of the picture by now."""
        return Memory.of(turn.step for turn in self._turns)

    def say(self, text: str) -> Turn:
        """A first query, the answer to what was asked, a correction, or more words.

        Raises:
            QueryError: Nothing was said, too much, or a hit was named that is not there.
        """
        return self._send({"say": text})

    def like(self, item_id: int) -> Turn:
        """This one is close: what is looked for is like it.

        Raises:
            InputError: There is no such picture.
        """
        return self._send({"like": int(item_id)})

    def reject(self, ids: Sequence[int]) -> Turn:
        """Not these: they are never shown again in this conversation.

        Raises:
            QueryError: No id, or nothing was searched yet.
        """
        if not ids:
            raise QueryError("there is nothing to reject", "say what to look for first, then name hits by their id")
        return self._send({"reject": [int(id) for id in ids]})

    def undo(self) -> Turn:
        """Take the last turn back; the one before it stands again.

        Raises:
            QueryError: There is no turn before the last one.
        """
        return self._send({"undo": True})

    def state(self) -> dict[str, Any]:
        """The conversation as JSON, for :meth:`RemoteLibrary.chat`, or :meth:`openitr.search.dialogue.Session.resume`.

        Raises:
            QueryError: Nothing was said yet.
        """
        if self._state is None:
            raise QueryError("this conversation has not begun", "say something first")
        return dict(self._state)

    def _send(self, step: Mapping[str, Any]) -> Turn:
        kept = {"state": self._state} if self._state is not None else self._settings
        answer = self.library.turn({**step, **kept})
        with understood("a turn"):
            state = answer["state"]
            settings, turns = restored(state)
            if not turns:
                raise ValueError("no turn")
            said = answer["looked_for"].strip() or "a picture"
            query = Query([Part(text=said)], where=settings["where"], k=settings["k"])
            notes = tuple(str(note) for note in answer["notes"])
            turns[-1] = replace(turns[-1], hits=hits_of(answer, query), notes=notes)
        self._state, self._turns = state, turns
        return turns[-1]
