"""A conversation about a picture: what is said narrows the search, and what would tell the most is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from openitr.encoders.lmm import LMM
from openitr.errors import LMMError, OpenITRError, QueryError
from openitr.search.dialogue.asking import Questioner
from openitr.search.dialogue.kept import kept, restored
from openitr.search.dialogue.language import ModelQuestioner, read_by_model
from openitr.search.dialogue.reading import answered, read
from openitr.search.dialogue.searching import asked, readable, without
from openitr.search.dialogue.showing import shows_of
from openitr.search.dialogue.turns import MAX_CHARS, MAX_TURNS, Memory, Question, Searcher, Step, Turn
from openitr.types import MAX_K, Hits

if TYPE_CHECKING:
    from openitr.types import Hit

POOL = 100
"""So many hits a question is chosen by."""


class Asks(Protocol):
    """What chooses the next question."""

    def __call__(
        self, hits: Sequence[Hit], memory: Memory, before: Sequence[Question]
    ) -> tuple[Question | None, Sequence[str]]:
        """The question, None where none tells enough, and notes for people.

        Args:
            hits: The candidates, best first, with their probabilities.
            memory: What is known already.
            before: What was asked before; nothing is asked twice.
        """
        ...


class Session:
    """A conversation over one library.

    Args:
        library: What is searched.
        lmm: Reads what people say and suggests questions; None asks by templates and reads plain English.
        k: Hits per turn, 1 to 10,000.
        kind: As for a search of the library.
        run: As for a search of the library.
        where: Filter, ``["folder=holidays"]`` or its JSON form.
        asks: Chooses questions; None looks at the library for what can be asked of it, False asks nothing.

    Raises:
        QueryError: k out of range.
        FilterError: A filter that cannot be read.

    >>> session = Session(openitr.open("photos"))                                       # doctest: +SKIP
    >>> turn = session.say("a dog")                                                     # doctest: +SKIP
    >>> turn.question.text                                                              # doctest: +SKIP
    'Where is it: grass, a beach, snow, water?'
    >>> session.say("on grass").hits[0].path                                            # doctest: +SKIP
    'garden/rex.jpg'
    """

    def __init__(
        self,
        library: Searcher,
        *,
        lmm: LMM | None = None,
        k: int = 20,
        kind: str | None = None,
        run: str | None = None,
        where: Mapping[str, Mapping[str, Any]] | Sequence[str] = (),
        asks: Asks | bool | None = None,
    ) -> None:
        if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= MAX_K:
            raise QueryError(f"k is {k!r}", f"use 1 to {MAX_K}")
        self.library, self.lmm, self.k, self.kind, self.run = library, lmm, k, kind, run
        self.where = _filter(where)
        self._asks = asks
        self._blind: Sequence[str] = ()
        self._turns: list[Turn] = []

    def __repr__(self) -> str:
        return f"Session({self.library!r}, {len(self._turns)} turns)"

    @property
    def turns(self) -> Sequence[Turn]:
        """What was said and answered, oldest first. After :meth:`resume` only the last one has its hits."""
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
        if len(text) > MAX_CHARS:
            raise QueryError(f"{len(text)} characters were said at once", f"use at most {MAX_CHARS}")
        last = self._turns[-1] if self._turns else None
        shown = [] if last is None else [hit.id for hit in last.hits]
        question = None if last is None else last.question
        step = read(text, question=question, shown=shown, first=last is None)
        notes: list[str] = []
        if self.lmm is not None and last is not None and not answered(text, question, step):
            try:
                step = read_by_model(self.lmm, text, self.memory, question)
            except LMMError as error:
                notes.append(f"your words were read without the language model: {error.message}")
        return self._turn(" ".join(text.split()), step, notes)

    def like(self, item_id: int) -> Turn:
        """This one is close: what is looked for is like it.

        Raises:
            InputError: There is no such picture.
        """
        item = self.library.item(int(item_id))
        return self._turn(f"like {item.path}", Step(liked=(item.id,)))

    def reject(self, ids: Sequence[int]) -> Turn:
        """Not these: they are never shown again in this conversation.

        Raises:
            QueryError: No id, or nothing was searched yet.
        """
        chosen = tuple(dict.fromkeys(int(id) for id in ids))
        if not chosen or not self._turns:
            raise QueryError("there is nothing to reject", "say what to look for first, then name hits by their id")
        named = f"{len(chosen)} pictures" if len(chosen) > 1 else "a picture"
        return self._turn(f"not {named}", Step(rejected=chosen))

    def undo(self) -> Turn:
        """Take the last turn back; the one before it stands again.

        Raises:
            QueryError: There is no turn before the last one.
        """
        if len(self._turns) < 2:
            raise QueryError("there is nothing to undo", "this is where the conversation began")
        self._turns.pop()
        if not self._turns[-1].hits:
            self._turns[-1] = self._searched(self._turns[-1])
        return self._turns[-1]

    def state(self) -> dict[str, Any]:
        """The conversation as JSON, for :meth:`resume`; pictures by their ids."""
        return kept(self)

    @classmethod
    def resume(
        cls,
        library: Searcher,
        state: Mapping[str, Any],
        *,
        lmm: LMM | None = None,
        asks: Asks | bool | None = None,
    ) -> Session:
        """Go on with a conversation that :meth:`state` gave; the last search is run again.

        Args:
            library: The one that it was held over.
            state: From anywhere: it is checked.
            lmm: As for a new one.
            asks: As for a new one.

        Raises:
            QueryError: The state is none, or of another format.
        """
        chosen, turns = restored(state)
        session = cls(library, lmm=lmm, asks=asks, **chosen)
        session._turns = turns
        if turns:
            session._turns[-1] = session._searched(turns[-1])
        return session

    def _turn(self, said: str, step: Step, notes: Sequence[str] = ()) -> Turn:
        """Take a step and search with all that is known; a step that cannot be searched is not taken."""
        if len(self._turns) >= MAX_TURNS:
            raise QueryError(f"this conversation has {MAX_TURNS} turns", "begin a new one, with what you know by now")
        steps = [turn.step for turn in self._turns]
        memory = Memory.of([*steps, step])
        if not memory.wanted and not memory.liked:
            raise QueryError("nothing is looked for yet", "say what the picture shows")
        hits, query, remarks = self._search(memory)
        question, more = self._ask(hits, memory)
        turn = Turn(
            said,
            query,
            without(hits, memory.rejected, self.k),
            question,
            memory.rejected,
            tuple(dict.fromkeys([*notes, *remarks, *more])),
            step,
        )
        self._turns.append(turn)
        return turn

    def _search(self, memory: Memory) -> tuple[Hits, str, list[str]]:
        """So many hits as a question needs, what is searched in words, and notes."""
        query, notes = asked(memory, self.library, k=max(self.k, POOL), where=self.where)
        hits = self.library.search(query, kind=self.kind, run=self.run)
        names = {id: name for id in memory.liked if (name := self._name(id))}
        return without(hits, memory.rejected, max(self.k, POOL)), readable(memory, names), [*notes, *hits.notes]

    def _searched(self, turn: Turn) -> Turn:
        """A turn with its hits: that of a conversation that was kept without them."""
        hits, _, notes = self._search(self.memory)
        return replace(
            turn,
            hits=without(hits, self.memory.rejected, self.k),
            notes=tuple(dict.fromkeys([*turn.notes, *notes])),
        )

    def _ask(self, hits: Hits, memory: Memory) -> tuple[Question | None, Sequence[str]]:
        if self._asks is False or len(hits) < 2:
            return None, ()
        if self._asks is None or self._asks is True:
            shows, self._blind = shows_of(self.library, self.kind, self.run)
            own = Questioner(shows)
            self._asks = own if self.lmm is None else ModelQuestioner(self.lmm, own)
        before = [turn.question for turn in self._turns if turn.question is not None]
        question, notes = self._asks(hits[:POOL], memory, before)
        return question, [*self._blind, *notes]

    def _name(self, id: int) -> str:
        try:
            return self.library.item(id).name
        except OpenITRError:
            return ""


def _filter(where: Mapping[str, Mapping[str, Any]] | Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(where, Mapping):
        return where
    if not where:
        return {}
    from openitr.collection import parse_where

    return parse_where([where] if isinstance(where, str) else list(where))
