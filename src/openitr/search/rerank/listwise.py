"""CoTRR: a language model sees the whole shortlist, takes the query apart, weighs every picture, and orders them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from openitr.encoders.lmm import GAIN, LMM, Message
from openitr.errors import InputError, LMMError, QueryError
from openitr.search.pipeline import Candidates
from openitr.search.rerank.cross import Pictures
from openitr.search.rerank.stage import Opinion
from openitr.types import ImageArray, Query

Asked: TypeAlias = Literal["query", "composed", "dialogue"]
_RETRIES, _LONGEST = 3, 20_000

_WHAT = {
    "query": "Query: {text}",
    "composed": "The first picture is the reference. Wanted is the reference with this change: {text}",
    "dialogue": "A conversation described what is wanted: {text}",
}
_TAKE_APART = {
    "query": "1. Take the query apart: subject, action, environment, detail.",
    "composed": "1. Take the query apart: what of the reference stays, and every change that is asked for.",
    "dialogue": "1. Take the description apart: subject, action, environment, detail.",
}
_WEIGH = "{step}. Weigh every numbered candidate against {what}."
_ANSWER = (
    "{step}. Put this together and order all candidates, best first. End with the line\nFinal Answer: "
    '{{"top_{n}_indices": [numbers of the candidates, best first], "CoT": "why, in one sentence"}}'
)


class ListwiseReranker:
    """One call orders the shortlist; whatever comes back, the answer is a permutation of it.

    A reply that cannot be read is asked for again, at most three times; then, or when the model is down, the order is
    that of the first stage, and a note says so. Candidates that a reply leaves out follow in their old order.

    Args:
        lmm: A model that sees pictures; None leaves every order as it is, with a note.
        pictures: Where pictures come from, when it is the scorer of a stage (whose ``batch`` must be n or more).
        prompt: What is asked by: a query, a reference with a change, or a description out of a dialogue.
        n: How many candidates are shown.
        deconstruct, evaluate: Steps of the reasoning, left out in the paper's ablations.
        pause: Seconds before asking again.

    Raises:
        InputError: An unknown prompt, or n below 1.

    References:
        CoTRR (2025), chain-of-thought re-ranking; the wording of the prompt is ours.

    Example::

        stage = Rerank(ListwiseReranker(configured(), pictures), items=items, top=10, batch=10, deadline_ms=None)
    """

    def __init__(
        self,
        lmm: LMM | None,
        pictures: Pictures | None = None,
        *,
        prompt: Asked = "query",
        n: int = 10,
        deconstruct: bool = True,
        evaluate: bool = True,
        pause: float = 1.0,
    ) -> None:
        if prompt not in _WHAT or n < 1:
            raise InputError(f"prompt {prompt!r}, n {n}", f"use {', '.join(_WHAT)}, and 1 or more")
        self.lmm, self.pictures, self.prompt, self.n = lmm, pictures, prompt, n
        self.deconstruct, self.evaluate, self.pause = deconstruct, evaluate, pause

    def __repr__(self) -> str:
        return f"ListwiseReranker({'no model' if self.lmm is None else self.lmm.name}, n={self.n})"

    def rerank(
        self, query: str, candidates: Sequence[ImageArray], ref: ImageArray | None = None
    ) -> tuple[list[int], list[str]]:
        """Places of the candidates in their new order, and what the model said of it, or why it did not.

        Args:
            query: The words.
            candidates: Pictures as the first stage ordered them; those beyond n stay behind.
            ref: The reference of a composed query.

        Raises:
            QueryError: A composed query without its reference.
        """
        order, reasons, _ = self._ordered(query, candidates, ref)
        return order, reasons

    def _ordered(
        self, query: str, candidates: Sequence[ImageArray], ref: ImageArray | None
    ) -> tuple[list[int], list[str], bool]:
        if (self.prompt == "composed") != (ref is not None):
            raise QueryError(f"the prompt {self.prompt!r} with {'a' if ref is not None else 'no'} reference",
                             "a composed query has one, others have none")  # fmt: skip
        many, as_it_was = min(self.n, len(candidates)), list(range(len(candidates)))
        if self.lmm is None:
            return as_it_was, [f"not reranked: {GAIN}"], False
        if many < 2:
            return as_it_was, [], False
        messages = self.messages(query, candidates[:many], ref)
        for attempt in range(1 + _RETRIES):
            if attempt and self.pause:
                time.sleep(self.pause)
            try:
                # A cache would give the same useless words again: what is asked anew is asked differently.
                reply = self.lmm.generate(_again(messages, attempt), max_tokens=2048).text
            except LMMError as error:
                return as_it_was, [f"not reranked: {error.message}"], False
            found, why = read_order(reply, many)
            if found:
                left = [row for row in as_it_was if row not in found]
                return [*found, *left], [why] if why else [], True
        return as_it_was, [f"not reranked: {1 + _RETRIES} replies named no candidate"], False

    def messages(self, query: str, candidates: Sequence[ImageArray], ref: ImageArray | None) -> list[Message]:
        """What the model is told: the reference, every candidate with its number, the task."""
        told = [Message("user", "The reference.", [ref])] if ref is not None else []
        told += [Message("user", f"Candidate {row}.", [image]) for row, image in enumerate(candidates, 1)]
        steps = [_TAKE_APART[self.prompt]] if self.deconstruct else []
        if self.evaluate:
            what = "each of these elements" if self.deconstruct else "the query"
            steps.append(_WEIGH.format(step=len(steps) + 1, what=what))
        steps.append(_ANSWER.format(step=len(steps) + 1, n=len(candidates)))
        task = "\n".join([_WHAT[self.prompt].format(text=query), "Order the candidates. Think step by step.", *steps])
        return [*told, Message("user", task)]

    def __call__(self, query: Query, things: Sequence[Any], candidates: Candidates) -> Opinion:
        """Scores for :class:`~openitr.search.Rerank`: n for the best, 1 for the last."""
        texts = [part.text for part in query.parts if part.text]
        if not texts or self.pictures is None:
            raise QueryError("a language model orders pictures by words", "ask in words, and give it pictures=")
        shown = [part.image for part in query.parts if part.image is not None]
        ref = shown[0] if shown and self.prompt == "composed" else None
        without = "".join(f"; not: {part.text}" for part in query.negatives if part.text)
        images = [self.pictures(thing) for thing in things]
        order, said, read = self._ordered(", ".join(texts) + without, images, ref)
        scores = [0.0] * len(things)
        for place, row in enumerate(order):
            scores[row] = float(len(things) - place)
        return Opinion(scores, () if read else said, said * len(things) if read else ())


def read_order(reply: str, many: int) -> tuple[list[int], str]:
    """Places (from 0) in the order that a reply names them, each once, and its reason; none where it names none.

    The object after "Final Answer:", else the last one in braces; numbers out of range are passed over.

    >>> read_order('... Final Answer: {"top_3_indices": [2, 2, 9, 1], "CoT": "both dogs run"}', 3)
    ([1, 0], 'both dogs run')
    >>> read_order("I cannot tell.", 3)
    ([], '')
    """
    reply = reply[-_LONGEST:]
    _, marker, after = reply.rpartition("Final Answer:")
    for text in ([after] if marker else []) + [reply]:
        for piece in reversed(re.findall(r"\{[^{}]*\}", text)[-5:]):
            try:
                value = json.loads(piece)
            except (ValueError, RecursionError):
                continue
            listed = [v for k, v in value.items() if re.fullmatch(r"top_\w+_indices|indices|order", k)]
            numbers = listed[0] if listed and isinstance(listed[0], list) else []
            rows = [int(n) - 1 for n in numbers if _whole(n)]
            rows = list(dict.fromkeys(row for row in rows if 0 <= row < many))
            if rows:
                return rows, str(value.get("CoT", ""))[:300]
    return [], ""


def _whole(number: Any) -> bool:
    """Whether it is a whole number, or one in quotes."""
    if isinstance(number, str):
        return re.fullmatch(r"\s*[0-9]{1,6}\s*", number) is not None
    return isinstance(number, int) and not isinstance(number, bool)


def _again(messages: Sequence[Message], attempt: int) -> list[Message]:
    if not attempt:
        return list(messages)
    last = messages[-1]
    asked = (
        f"{last.text}\n\nThe last reply could not be read (try {attempt}). Give the line that begins with Final Answer:"
    )
    return [*messages[:-1], Message(last.role, asked, last.images)]
