"""Objects out of words: ask for JSON, find it in the reply, check it against its schema, ask once more if it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from openitr.encoders.lmm import Message, Reply
from openitr.errors import InputError, LMMError, MissingExtra

_MOST = 1 << 20
_STARTS = 200


class NotValid(ValueError):
    """Words that hold no JSON, or JSON that its schema refuses; the message says why."""


def structured(
    say: Callable[[Sequence[Message]], Reply], messages: Sequence[Message], schema: Mapping[str, Any]
) -> Reply:
    """Ask for an object; a reply that is none is shown to the model once, with what is wrong with it.

    Args:
        say: Asks the model for words.
        messages: The conversation so far.
        schema: JSON Schema of the object.

    Raises:
        LMMError: The second reply is no better.
        InputError: The schema is none.
        MissingExtra: jsonschema is not installed.
    """
    check = validator(schema)
    asked = [*messages[:-1], told(messages[-1], schema)]
    first = say(asked)
    try:
        return replace(first, value=check(first.text))
    except NotValid as error:
        wrong = str(error)
    again = [
        *asked,
        Message("assistant", first.text.strip()[:4000] or "(nothing)"),
        Message("user", f"That cannot be used: {wrong}. Answer again, with the JSON alone."),
    ]
    second = say(again)
    both = replace(
        second,
        tokens_in=first.tokens_in + second.tokens_in,
        tokens_out=first.tokens_out + second.tokens_out,
        cost=None if first.cost is None or second.cost is None else first.cost + second.cost,
        notes=(*first.notes, *second.notes, f"repaired once: {wrong}"),
    )
    try:
        return replace(both, value=check(second.text))
    except NotValid as error:
        raise LMMError(f"the reply is no answer, after one repair: {error}", "try another model") from error


def told(message: Message, schema: Mapping[str, Any]) -> Message:
    """The message with the schema in words: servers that know no ``response_format`` need it, others do not mind."""
    asked = f"Answer with JSON alone, of this schema:\n{json.dumps(schema, ensure_ascii=False)}"
    return replace(message, text=f"{message.text}\n\n{asked}".strip())


def validator(schema: Mapping[str, Any]) -> Callable[[str], Any]:
    """A function from words to the valid object in them; it raises :class:`NotValid`.

    >>> check = validator({"type": "object", "required": ["caption"]})
    >>> check('Sure! ```json\\n{"caption": "a dog"}\\n```')
    {'caption': 'a dog'}
    """
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError, best_match
        from referencing import Registry
    except ImportError as error:
        raise MissingExtra("answers that follow a schema", "lmm") from error
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InputError(f"this is no JSON Schema: {error.message}", "see json-schema.org") from error
    # An empty registry: a "$ref" to an address is never fetched.
    rules = Draft202012Validator(dict(schema), registry=Registry())

    def check(text: str) -> Any:
        worst = None
        for value in objects(text):
            worst = best_match(rules.iter_errors(value))
            if worst is None:
                return value
        if worst is None:
            raise NotValid("there is no JSON in it")
        where = "/".join(map(str, worst.absolute_path))
        raise NotValid(f"{where or 'the whole'}: {worst.message[:300]}")

    return check


def objects(text: str) -> list[Any]:
    """Every JSON object or array in words, in order, those inside another left out.

    >>> objects('I think [1, 2] or {"a": [3]}, and {so on')
    [[1, 2], {'a': [3]}]
    """
    text = text[:_MOST]
    decoder = json.JSONDecoder(parse_constant=_refuse)
    found, at, tries = [], 0, 0
    while at < len(text) and tries < _STARTS:
        starts = [place for place in (text.find("{", at), text.find("[", at)) if place >= 0]
        if not starts:
            break
        tries += 1
        try:
            value, at = decoder.raw_decode(text, min(starts))
            found.append(value)
        except (ValueError, RecursionError):
            at = min(starts) + 1
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
