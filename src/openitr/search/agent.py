"""Question answering over a collection: a language model that searches, reads what came back, and answers or stops."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from openitr.encoders.lmm import LMM, Message
from openitr.errors import InputError
from openitr.types import ImageArray

Search = Callable[[str, int], Sequence[str]]

_TASK = """Answer the question. You may search a collection first, one query at a time.
To search, reply {"search": "words"}. When you know enough, reply {"answer": "..."}.
Use only what the question, the picture and the results say; where they do not say it, answer that."""

_EXAMPLES = (
    ("Which museum shows the painting of the girl with the pearl earring?", '{"search": "girl with a pearl earring"}'),
    (
        "Results:\n1. Girl with a Pearl Earring, Johannes Vermeer, Mauritshuis, The Hague.",
        '{"answer": "The Mauritshuis in The Hague."}',
    ),
)
_SCHEMA = {
    "type": "object",
    "properties": {"search": {"type": "string"}, "answer": {"type": "string"}},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}


@dataclass(frozen=True)
class Step:
    """One search of the agent.

    Args:
        query: The words it asked with.
        results: What came back, best first.
    """

    query: str
    results: tuple[str, ...]


@dataclass(frozen=True)
class Reasoned:
    """How a question was answered.

    Args:
        answer: The words; "" where none was given.
        steps: The searches, in order.
        notes: Why it stopped, where it did not answer by itself.
    """

    answer: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


class RetrieveAndReason:
    """A language model with one tool: search.

    It is shown how a search and an answer look, asks at most ``max_steps`` times, and is then told to answer with what
    it has. A reply that is neither, or a query asked twice, ends the search as well.

    Args:
        lmm: Any language model.
        search: Words and a count to descriptions of the best items, such as titles and captions.
        max_steps: Searches, at most.
        k: Results per search.

    Raises:
        InputError: A count below 1.
        LMMError: From :meth:`__call__`, where the model is down.

    References:
        The agent of ArtSeek (2025); ReAct (Yao et al. 2023), arXiv:2210.03629.
    """

    def __init__(self, lmm: LMM, search: Search, *, max_steps: int = 4, k: int = 5) -> None:
        if min(max_steps, k) < 1:
            raise InputError(f"max_steps {max_steps}, k {k}", "use 1 or more for both")
        self.lmm, self.search, self.max_steps, self.k = lmm, search, max_steps, k

    def __call__(self, question: str, images: Sequence[ImageArray] = ()) -> Reasoned:
        """Answer a question, with pictures it is about."""
        messages = [Message("system", _TASK)]
        for asked, replied in _EXAMPLES:
            messages += [Message("user", asked), Message("assistant", replied)]
        messages.append(Message("user", question, images))
        steps: list[Step] = []
        note = f"stopped after {self.max_steps} searches"
        while len(steps) < self.max_steps:
            said = self._said(messages)
            if "answer" in said:
                return Reasoned(said["answer"], tuple(steps))
            query = said.get("search", "").strip()
            if not query or any(step.query == query for step in steps):
                note = "asked the same again" if query else "neither searched nor answered"
                break
            found = tuple(self.search(query, self.k))[: self.k]
            steps.append(Step(query, found))
            listed = "\n".join(f"{place}. {text}" for place, text in enumerate(found, 1)) or "nothing"
            messages += [Message("assistant", json.dumps({"search": query})), Message("user", f"Results:\n{listed}")]
        messages.append(Message("user", "No more searches. Answer now with what you know."))
        return Reasoned(self._said(messages).get("answer", ""), tuple(steps), (note,))

    def _said(self, messages: Sequence[Message]) -> dict[str, str]:
        value: Any = self.lmm.generate(messages, schema=_SCHEMA).value
        if not isinstance(value, dict):
            return {}
        return {key: text for key, text in value.items() if key in ("search", "answer") and isinstance(text, str)}
