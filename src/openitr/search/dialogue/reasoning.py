"""How a query is understood by a language model: changes of five kinds, three descriptions, propositions to verify."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openitr.encoders.lmm import LMM, Message
from openitr.types import ImageArray

KINDS = ("addition", "removal", "modification", "comparison", "retention")
_LONG, _MOST = 600, 20

_TASK = """A person looks for a picture. Work out what the wanted picture shows. Reply with JSON alone:
{"changes": [{"kind": "addition|removal|modification|comparison|retention", "text": "..."}],
 "core": "the wanted picture in few words", "enhanced": "with what is kept from the reference",
 "comprehensive": "all that is known of it, one sentence",
 "propositions": [{"text": "there is a dog", "holds": true}]}
A proposition can be answered yes or no by looking at one picture; holds is what the wanted picture answers."""


@dataclass(frozen=True)
class Asked:
    """A query: words, words about a reference picture, or a dialogue.

    Args:
        text: The words, or what should be different.
        caption: Of the reference picture; "" without one.
        dialogue: Earlier turns, oldest first.
        before: The last description of an earlier round of the same conversation.
    """

    text: str
    caption: str = ""
    dialogue: tuple[str, ...] = ()
    before: str = ""

    @property
    def plain(self) -> str:
        """All of it joined: what is searched where nobody reads it."""
        return ", ".join(part for part in (self.caption, self.before, *self.dialogue, self.text) if part)


@dataclass(frozen=True)
class Proposition:
    """A sentence that a picture shows or not, and which of both is wanted."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Reading:
    """How a query was understood.

    Args:
        descriptions: To search with: core, enhanced, comprehensive; the plain words where nothing was read.
        changes: (kind, text) of what is different from the reference, or from one turn to the next.
        propositions: To verify.
    """

    descriptions: tuple[str, ...]
    changes: tuple[tuple[str, str], ...] = ()
    propositions: tuple[Proposition, ...] = ()

    @property
    def last(self) -> str:
        """The fullest description, for the next round."""
        return self.descriptions[-1]


def as_read(reply: str, asked: Asked) -> tuple[Reading, str]:
    """What a reply says, as far as it can be used, and a note where it cannot.

    >>> as_read('{"core": "a dog in snow"}', Asked("in snow", "a dog on grass"))[0].descriptions
    ('a dog in snow',)
    >>> reading, note = as_read("Sure! Here it is", Asked("in snow", "a dog"))
    >>> reading.descriptions, note
    (('a dog, in snow',), 'the reasoner gave no JSON: the words are searched as they are')
    """
    plain = Reading((asked.plain,))
    value = _first_object(reply)
    if value is None:
        return plain, "the reasoner gave no JSON: the words are searched as they are"
    said = tuple(dict.fromkeys(filter(None, (_text(value.get(n)) for n in ("core", "enhanced", "comprehensive")))))
    changes = tuple(
        (kind, text)
        for one in _objects(value.get("changes"))
        if (text := _text(one.get("text"))) and (kind := _text(one.get("kind")).lower()) in KINDS
    )
    propositions = tuple(
        Proposition(text, one["holds"])
        for one in _objects(value.get("propositions"))
        if (text := _text(one.get("text"))) and isinstance(one.get("holds"), bool)
    )
    if not said:
        return Reading(
            plain.descriptions, changes, propositions
        ), "the reasoner described nothing: the words are searched"
    return Reading(said, changes, propositions), ""


def lmm_reasoner(lmm: LMM) -> Callable[[Asked], str]:
    """A reasoner by a language model. Untested with a live model here."""

    def reason(asked: Asked) -> str:
        told = {"words": asked.text, "reference": asked.caption, "dialogue": asked.dialogue, "until now": asked.before}
        known = json.dumps({name: value for name, value in told.items() if value}, ensure_ascii=False)
        return lmm.generate([Message("user", f"{_TASK}\n\n{known}")], max_tokens=700).text

    return reason


def lmm_verifier(lmm: LMM, picture: Callable[[int], ImageArray]) -> Callable[[int, str], bool]:
    """A verifier by a model that sees; anything that does not begin with yes is no. Untested with a live model here."""

    def verify(row: int, proposition: str) -> bool:
        told = f"Is this true of the picture: {proposition}? Answer yes or no."
        return _yes(lmm.generate([Message("user", told, [picture(row)])], max_tokens=5).text)

    return verify


def lmm_judge(
    lmm: LMM, picture: Callable[[int], ImageArray], reference: ImageArray | None = None
) -> Callable[[Asked, int], bool]:
    """A judge by a model that sees reference and candidate. Untested with a live model here."""

    def judge(asked: Asked, row: int) -> bool:
        shown = [picture(row)] if reference is None else [reference, picture(row)]
        which = "the picture" if reference is None else "the second picture, compared with the first,"
        told = f"Is {which} what is asked for: {asked.plain}? Answer yes or no."
        return _yes(lmm.generate([Message("user", told, shown)], max_tokens=5).text)

    return judge


def _yes(text: str) -> bool:
    return text.strip(" \n\"'*.").lower().startswith("yes")


def _first_object(reply: str) -> dict[str, Any] | None:
    start = reply[:100_000].find("{")
    while start >= 0:
        try:
            value, _ = json.JSONDecoder().raw_decode(reply[:100_000], start)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        start = reply.find("{", start + 1, start + 2000)
    return None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value[:_MOST] if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return " ".join(value.split())[:_LONG] if isinstance(value, str) else ""
