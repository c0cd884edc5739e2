"""One small grammar for every language; what differs between them is data.

A form is chosen from a table by features: the key whose words are all among the features, the longest such key first.
Keys name an article kind (``indef def no num bare one how``), a case (``nom acc dat``), a gender (``m f n``), a number
(``1`` one, ``2`` dual, ``p`` more), ``pred`` for what stands after "is", ``made`` for what something is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from openitr.datasets.scenes.statements import What

Forms: TypeAlias = Mapping[str, str]

_SLOT = re.compile(r"\{(\w+)(?::([\w ]+))?\}")
_CHOICE = re.compile(r"<([^|<>]*)\|([^|<>]*)>")
_GROUP = re.compile(r"\[([^\[\]]*)\]")
_KINDS_OF_FEATURES = (
    frozenset({"indef", "def", "no", "num", "bare", "one", "how"}),
    frozenset({"nom", "acc", "dat"}),
    frozenset({"1", "2", "p"}),
)


def choose(forms: Forms, features: frozenset[str]) -> str:
    """The form whose key fits best.

    >>> choose({"": "rouge", "p": "rouges"}, frozenset({"f", "p"}))
    'rouges'
    """
    return forms[_best_key(tuple(forms), features)]


@lru_cache(maxsize=65536)
def _best_key(keys: tuple[str, ...], features: frozenset[str]) -> str:
    fitting = [key for key in keys if features.issuperset(key.split())]
    return max(fitting, key=lambda key: len(key.split()))


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun: gender "m", "f" or "n", its forms by number (and case), and the classifier of languages that count so."""

    gender: str
    forms: Forms
    classifier: str = ""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase to be worded: a description, how many, which article unless the template asks for another."""

    what: What
    n: int = 1
    article: str = "indef"


@dataclass(frozen=True, eq=False)
class Language:
    """All that wording a scene needs to know of a language.

    Args:
        code: ISO 639-1.
        nouns: By kind, and by "roof", "sail", "hat", "thing" for parts and for what is not named.
        adjectives: By colour, size and pattern.
        articles, endings, prefix: Forms of the article; ending added to an adjective; what a definite word begins with.
        numerals: Forms for 0 to 8.
        phrase: Order of ``{article} {size} {colour} {pattern} {noun} {trim}``; a group in ``[]`` goes when it is empty.
        relations: By name; ``{b}`` is the second thing.
        verbs, sounds, backgrounds, sentences, words: Templates and words by name.
        joins: (regular expression, replacement) pairs for what melts together ("de le" is "du").
        comma, last: What separates the parts of a list, and the last two.
        capital: Whether a sentence begins with a capital; ``space`` what lies between two sentences.
        dual: Whether two of a thing have a form of their own.
    """

    code: str
    nouns: Mapping[str, Noun]
    adjectives: Mapping[str, Forms]
    articles: Forms
    numerals: Sequence[Forms]
    phrase: str
    relations: Mapping[str, str]
    verbs: Mapping[str, str]
    sounds: Mapping[str, str]
    backgrounds: Mapping[str, Forms]
    sentences: Mapping[str, str]
    words: Mapping[str, str]
    endings: Forms = field(default_factory=lambda: {"": ""})
    prefix: Forms = field(default_factory=lambda: {"": ""})
    joins: tuple[tuple[str, str], ...] = ()
    comma: str = ", "
    last: str = " and "
    capital: bool = True
    space: str = " "
    dual: bool = False


PARTS: Mapping[str, str] = {"house": "roof", "boat": "sail", "doll": "hat"}


def _features(language: Language, phrase: Phrase, asked: str) -> frozenset[str]:
    number = "1" if phrase.n == 1 else "2" if phrase.n == 2 and language.dual else "p"
    article = phrase.article if phrase.n == 1 or phrase.article == "bare" else "num"
    features = {article, "nom", number, language.nouns[phrase.what.kind or "thing"].gender}
    for word in asked.split():
        for group in _KINDS_OF_FEATURES:
            if word in group:
                features -= group
        features.add(word)
    return frozenset(features)


def adjective(language: Language, word: str, features: frozenset[str]) -> str:
    """One adjective, agreeing."""
    bare = choose(language.adjectives[word], features)
    return choose(language.prefix, features) + bare + choose(language.endings, features)


@lru_cache(maxsize=65536)
def _worded(language: Language, phrase: Phrase, asked: str) -> str:
    what, features = phrase.what, _features(language, phrase, asked)
    noun = language.nouns[what.kind or "thing"]
    article = choose(language.numerals[phrase.n] if "num" in features else language.articles, features)
    slots = {
        "article": article.replace("~", noun.classifier),
        "noun": choose(language.prefix, features) + choose(noun.forms, features),
        "trim": "",
    }
    for name, word in (("size", what.size), ("colour", what.colour), ("pattern", what.pattern)):
        slots[name] = adjective(language, word, features) if word else ""
    part = PARTS.get(what.kind or "")
    if what.trim and part:
        hue = frozenset({"indef", "dat", "1", language.nouns[part].gender})
        pieces = {
            "article": choose(language.articles, hue),
            "colour": adjective(language, what.trim, hue),
            "noun": choose(language.nouns[part].forms, hue),
        }
        slots["trim"] = _SLOT.sub(lambda m: pieces[m[1]], language.sentences["trim"])

    def group(match: re.Match[str]) -> str:
        filled = _SLOT.sub(lambda m: slots[m[1]], match[1])
        return filled if any(slots[m[1]] for m in _SLOT.finditer(match[1])) else ""

    # Closed up here, so that nothing is left between a phrase and the sign that follows it.
    return re.sub(r"\s+", " ", _SLOT.sub(lambda m: slots[m[1]], _GROUP.sub(group, language.phrase))).strip()


def fill(language: Language, template: str, **values: Phrase | str) -> str:
    """A template with its slots filled; ``<x|y>`` is x where the first phrase named is masculine, else y."""
    subject = next((v for v in values.values() if isinstance(v, Phrase)), None)
    if subject is not None:
        male = language.nouns[subject.what.kind or "thing"].gender == "m"
        template = _CHOICE.sub(lambda m: m[1] if male else m[2], template)

    def slot(match: re.Match[str]) -> str:
        value = values[match[1]]
        return value if isinstance(value, str) else _worded(language, value, match[2] or "")

    return _SLOT.sub(slot, template)


def value_of(language: Language, word: str, phrase: Phrase, *, made: bool = False) -> str:
    """An adjective as it stands after "is", or after "make it": agreeing with what it is said of, never definite."""
    return adjective(language, word, _features(language, phrase, "indef pred made" if made else "indef pred"))


def finish(language: Language, text: str) -> str:
    """Melt what melts together, close up the gaps, begin with a capital where the language does."""
    text = re.sub(r"\s+", " ", text).strip()
    for pattern, replacement in language.joins:
        text = re.sub(pattern, replacement, text)
    return text[:1].upper() + text[1:] if language.capital else text


def listed(language: Language, parts: Sequence[str]) -> str:
    """The parts as one list: "a, b and c"."""
    return language.last.join(filter(None, [language.comma.join(parts[:-1]), parts[-1]]))
