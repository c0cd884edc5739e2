"""Statements, things and values in words, in every language at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from openitr.datasets.scenes.languages import LANGUAGES, Language
from openitr.datasets.scenes.languages.grammar import Phrase, choose, fill, finish, listed, value_of
from openitr.datasets.scenes.statements import All, Backdrop, Count, Exists, Not, Related, Statement, What
from openitr.errors import InputError

Texts: TypeAlias = dict[str, str]
"""A text by language code."""


def everywhere(wording: Callable[[Language], str]) -> Texts:
    """What a wording gives in every language."""
    return {code: wording(language) for code, language in LANGUAGES.items()}


def relation(language: Language, name: str, b: What, article: str, subject: What | None = None) -> str:
    """A relation with its second thing filled in; ``subject`` is what it agrees with."""
    template = language.relations[name]
    male = subject is None or subject.kind is None or language.nouns[subject.kind].gender == "m"
    template = template.replace("<|e>", "" if male else "e")
    return fill(language, template, b=Phrase(b, article=article))


def _sentence(language: Language, statement: Statement) -> str:
    says = language.sentences
    match statement:
        case Exists(what):
            return fill(language, says["exists"], x=Phrase(what))
        case Count(what, n):
            if n > 8:
                raise InputError(f"no word for {n} things", "count to 8 at most")
            key = {0: "none", 1: "one"}.get(n, "count")
            return fill(language, says[key], x=Phrase(what, max(n, 1)))
        case Related(name, a, b):
            return fill(language, says["related"], a=Phrase(a), rel=relation(language, name, b, "indef", a))
        case Backdrop(name):
            return says["background"].replace("{bg}", choose(language.backgrounds[name], frozenset()))
        case Not(Exists(what)):
            return fill(language, says["none"], x=Phrase(what))
        case Not(Related(name, a, b)):
            return fill(language, says["unrelated"], a=Phrase(a), rel=relation(language, name, b, "def", a))
        case All(parts, listed=True):
            phrases = [
                Phrase(p.what, p.n if isinstance(p, Count) else 1) for p in parts if isinstance(p, Exists | Count)
            ]
            return listed(language, [fill(language, "{x}", x=p) for p in phrases])
        case All(parts):
            return language.space.join(finish(language, _sentence(language, part)) for part in parts)
    raise InputError(f"no words for {statement!r}")


def say(statement: Statement) -> Texts:
    """A statement in every language.

    Raises:
        InputError: A count above 8, or a negation other than of ``Exists`` and ``Related``.

    >>> texts = say(Related("left", What("cat", "black", "small"), What("house", trim="red")))
    >>> texts["en"]
    'A small black cat is to the left of a house with a red roof.'
    >>> texts["de"]
    'Eine kleine schwarze Katze ist links von einem Haus mit einem roten Dach.'
    >>> texts["fr"]
    "Un petit chat noir est à gauche d'une maison avec un toit rouge."
    """
    return everywhere(lambda language: finish(language, _sentence(language, statement)))


def name(what: What, *, definite: bool = False) -> Texts:
    """A description in every language: "a red car", "the red car".

    >>> name(What("car", "red"), definite=True)["de"]
    'Das rote Auto'
    """
    phrase = Phrase(what, article="def" if definite else "indef")
    return everywhere(lambda language: finish(language, fill(language, "{x}", x=phrase)))


def word(value: str, what: What) -> Texts:
    """A colour, size or pattern in every language, agreeing with what it is said of.

    >>> word("green", What("house"))["fr"]
    'verte'
    """
    return everywhere(lambda language: value_of(language, value, Phrase(what)))
