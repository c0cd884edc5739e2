"""Who does what to whom, by rules: the subject, predicate and object of a short English caption."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIRST = re.compile(r"^(?:(?:a|an|the|some|this|that|there is|there are)\s+)+", re.IGNORECASE)
_PLACES = (
    "to the left of|to the right of|on the left of|on the right of|left of|right of|in front of|on top of|next to|"
    "close to|above|below|under|underneath|beneath|over|behind|beside|inside|outside|between|near|with|without|along|"
    "across|through|into|onto|from|against|around|by|at|in|on|of|over|up|down|towards?|to"
)
_VERBS = (
    "has|have|holds?|rides?|wears?|eats?|sits?|stands?|runs?|jumps?|plays?|chases?|catches|throws?|carries|carry|"
    "looks?|walks?|swims?|climbs?|pulls?|pushes|push|kicks?|bites?|watches|watch|leaps?|lies?|drinks?|drives?|hits?"
)
_PREDICATE = re.compile(
    rf"\b(?P<verb>(?:is|are|was|were)\s+(?:\w+ing\b)?(?:\s*\b(?:{_PLACES})\b)?|\w{{2,}}ing\b(?:\s+(?:{_PLACES})\b)?"
    rf"|(?:{_VERBS})\b(?:\s+(?:{_PLACES})\b)?|(?:{_PLACES})\b)",
    re.IGNORECASE,
)
# Nouns and attributes in -ing that are no verbs.
_NOT_VERBS = frozenset(
    {"king", "ring", "string", "wing", "building", "ceiling", "evening", "morning", "clothing", "thing", "sling"}
)


@dataclass(frozen=True)
class Triple:
    """The three parts of a sentence, "" where one is missing.

    Args:
        subject, object: What is there, with its attributes and without article.
        predicate: How they stand to each other.
    """

    subject: str
    predicate: str = ""
    object: str = ""


def parse_sentence(text: str) -> Triple:
    """Subject, predicate and object of a caption; a caption without a predicate is a subject.

    Rules for plain captions (ours; ComCLIP has a language model do it). The object ends where another relation begins.

    >>> parse_sentence("A black dog is chasing a ball on the grass")
    Triple(subject='black dog', predicate='is chasing', object='ball')
    >>> parse_sentence("a red circle to the left of a blue square.").predicate
    'to the left of'
    >>> parse_sentence("two dogs")
    Triple(subject='two dogs', predicate='', object='')
    """
    sentence = _FIRST.sub("", " ".join(text.split())).rstrip(" .,;!?")
    for found in _PREDICATE.finditer(sentence):
        if found.start() == 0 or found[0].split()[-1].lower() in _NOT_VERBS:
            continue
        after = _FIRST.sub("", sentence[found.end() :].strip())
        return Triple(_thing(sentence[: found.start()]), " ".join(found[0].lower().split()), _ended(after))
    return Triple(_thing(sentence))


def _ended(text: str) -> str:
    """The object alone."""
    for found in _PREDICATE.finditer(text):
        if found.start() and found[0].split()[-1].lower() not in _NOT_VERBS:
            return _thing(text[: found.start()])
    return _thing(re.split(r"[,;.]|\s(?:and|but|while|who|that|which)\s", text)[0])


def _thing(text: str) -> str:
    return _FIRST.sub("", text.strip(" ,;.")).strip(" ,;.")
