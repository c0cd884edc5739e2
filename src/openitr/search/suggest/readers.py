"""Which shipped model reads which language, and the sentence that says so where the wrong one was asked (ours).

Commands, the page and the API say the same: they all take their words from here. Of models that are not shipped nothing
is known, so nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from openitr.search.kinds import MODEL_OF
from openitr.search.suggest.languages import tongue

READER = "multilingual"
_ENGLISH = frozenset((*MODEL_OF.values(), "conse"))
# What `tongue` calls a language that `multilingual` learned from captions, and the language that it reads.
_READ: Mapping[str, str] = MappingProxyType(
    {
        "German": "German",
        "French": "French",
        "Czech": "Czech",
        "Chinese or Japanese": "Chinese",
        "a language in Arabic letters": "Arabic",
    }
)
# Languages of which it knows single words, from a dictionary.
_WORDS = frozenset(["Spanish", "Italian", "Portuguese", "Dutch", "Polish", "Turkish", "a language in Cyrillic letters"])


@dataclass(frozen=True)
class Foreign:
    """A question in a language that the model which was asked was not made for.

    Args:
        language: What it seems to be in, in English.
        sentence: For people.
        reader: The model to ask instead, or None.
    """

    language: str
    sentence: str
    reader: str | None = None


def foreign(text: str, spec: str) -> Foreign | None:
    """What to tell who asks a shipped model in another language; None where there is nothing to tell.

    Args:
        text: The question.
        spec: Of the model that was asked.

    >>> foreign("ein Hund am Strand", "default").sentence
    'this looks like German; the model default reads English, multilingual reads German too'
    >>> foreign("un perro en la playa", "multilingual").sentence
    'this looks like Spanish; the model multilingual knows single words of it only'
    >>> foreign("ein Hund am Strand", "multilingual"), foreign("a dog", "default"), foreign("ein Hund", "my/model")
    (None, None, None)
    """
    mine = spec == READER
    if not mine and spec not in _ENGLISH:
        return None
    language = tongue(text)
    if language is None or (mine and language in _READ):
        return None
    reader = READER if not mine and (language in _READ or language in _WORDS) else None
    if mine:
        more = f"the model {spec} " + ("knows single words of it only" if language in _WORDS else "does not read it")
    elif language in _READ:
        more = f"the model {spec} reads English, {READER} reads {_READ[language]} too"
    elif reader:
        more = f"the model {spec} reads English, {READER} knows single words of it"
    else:
        more = f"the model {spec} reads English"
    return Foreign(language, f"this looks like {language}; {more}", reader)
