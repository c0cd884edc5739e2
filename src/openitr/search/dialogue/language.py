"""A language model in the conversation: it reads what was said, and suggests questions; both are checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from openitr.encoders.lmm import LMM, Message
from openitr.errors import LMMError
from openitr.search.dialogue.asking import Questioner
from openitr.search.dialogue.turns import Memory, Question, Step
from openitr.types import Hit

_LONG, _MOST = 300, 8

_READ = """A person looks for one picture and talks about it. Turn the newest words into changes of the search.
Reply {"adds": [...], "avoids": [...], "instead": false}: adds are short English descriptions of what the picture
shows, avoids of what it does not show. instead is true only if the person starts over with another picture.
A question that was asked and answered becomes one description ("Is there a dog?" "yes" becomes "a dog").
Do not repeat what is known; where the words say nothing of the picture, both lists are empty."""
_READ_SCHEMA = {
    "type": "object",
    "properties": {
        "adds": {"type": "array", "items": {"type": "string", "maxLength": _LONG}, "maxItems": _MOST},
        "avoids": {"type": "array", "items": {"type": "string", "maxLength": _LONG}, "maxItems": _MOST},
        "instead": {"type": "boolean"},
    },
    "required": ["adds", "avoids", "instead"],
    "additionalProperties": False,
}
_ASK = """A person looks for one picture and talks about it; you have not seen it. Suggest questions whose answers would
tell the pictures apart that fit what is known. Ask of what can be seen. Reply {"questions": [{"text": "Where is it?",
"options": [{"name": "on a beach", "adds": "on a beach"}, ...]}, ...]}: up to 5 questions with 2 to 5 options each,
adds being the short description that the option adds to the search, or "" where it adds nothing."""
_ASK_SCHEMA = {
    "type": "object",
    "properties": {
        "questions": {
            "type": "array",
            "maxItems": _MOST,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "minLength": 3, "maxLength": _LONG},
                    "options": {
                        "type": "array",
                        "minItems": 2,
                        "maxItems": _MOST,
                        "items": {
                            "type": "object",
                            "properties": {
                                "name": {"type": "string", "minLength": 1, "maxLength": 80},
                                "adds": {"type": "string", "maxLength": 120},
                            },
                            "required": ["name", "adds"],
                            "additionalProperties": False,
                        },
                    },
                },
                "required": ["text", "options"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["questions"],
    "additionalProperties": False,
}


def read_by_model(lmm: LMM, said: str, memory: Memory, question: Question | None) -> Step:
    """What a sentence changes, as a language model reads it: any language, any wording.

    Raises:
        LMMError: The model is down, or its reply is of no use.
    """
    asked = "" if question is None else f"Asked: {question.text} ({' / '.join(question.options)})\n"
    told = f"{_READ}\n\nKnown: {_known(memory)}\n{asked}Said: {json.dumps(said, ensure_ascii=False)}"
    value: Any = lmm.generate([Message("user", told)], schema=_READ_SCHEMA, max_tokens=300).value
    adds, avoids = (tuple(t for one in value[name] if (t := " ".join(one.split()))) for name in ("adds", "avoids"))
    return Step(adds, avoids, instead=bool(value["instead"]) and bool(adds))


def suggested(lmm: LMM, memory: Memory, before: Sequence[Question]) -> list[Question]:
    """Questions as a language model would ask them, without gains.

    Raises:
        LMMError: The model is down, or its reply is of no use.
    """
    past = "; ".join(question.text for question in before[-20:]) or "nothing"
    told = f"{_ASK}\n\nKnown: {_known(memory)}\nAlready asked, do not repeat: {past}"
    value: Any = lmm.generate([Message("user", told)], schema=_ASK_SCHEMA, max_tokens=700).value
    made = list[Question]()
    for one in value["questions"]:
        options = {" ".join(o["name"].split()): " ".join(o["adds"].split()) for o in one["options"]}
        options.pop("", None)
        names = tuple(options)
        if len(names) > 1 and any(options.values()):
            made.append(
                Question(" ".join(one["text"].split()), names, 0.0, tuple(options.values()), ("",) * len(names))
            )
    return made


class ModelQuestioner:
    """A language model suggests, information gain decides between its questions and those of templates.

    Args:
        lmm: Any language model.
        own: Asks by templates; also judges the model's questions.
    """

    def __init__(self, lmm: LMM, own: Questioner) -> None:
        self.lmm, self.own = lmm, own

    def __call__(
        self, hits: Sequence[Hit], memory: Memory, before: Sequence[Question]
    ) -> tuple[Question | None, Sequence[str]]:
        """The best question; a model that fails leaves the templates', and a note."""
        best, notes = self.own(hits, memory, before)
        try:
            asked = {question.text.lower() for question in before}
            new = [one for one in suggested(self.lmm, memory, before) if one.text.lower() not in asked]
        except LMMError as error:
            return best, [*notes, f"questions are asked by templates: {error.message}"]
        ranked = self.own.ranked(new, hits)
        if ranked and ranked[0].gain >= max(self.own.least, 0.0 if best is None else best.gain):
            return ranked[0], notes
        return best, notes


def _known(memory: Memory) -> str:
    avoid = f"; not: {', '.join(away)}" if (away := (*memory.avoid, *memory.doubt)) else ""
    return (", ".join(memory.wanted) or "nothing") + avoid
