"""Words and short phrases, and how one is put into a query with the least change."""

from __future__ import annotations

import re
from collections.abc import Sequence

from openitr.search.forms import STOP, singular, words_of

_PREPOSITIONS_WORDS = (
    "about above across after against along among around at behind below beneath beside between beyond by down during "
    "from in indoors inside into near of off on onto out outdoors outside over past through to toward towards under "
    "underwater up upon with within without wearing"
)
PREPOSITIONS = frozenset(_PREPOSITIONS_WORDS.split())
_ARTICLES_WORDS = "a an the some several many one two three four five six his her their its"
_ARTICLES = frozenset(_ARTICLES_WORDS.split())
_DESCRIBING_WORDS = (
    "red orange yellow green blue purple pink black white brown grey gray golden silver dark bright light colourful "
    "colorful striped spotted plaid big large small little tiny huge tall short long young old new wet dry empty "
    "wooden metal sunny snowy rainy sandy grassy rocky happy smiling"
)
_DESCRIBING = frozenset(_DESCRIBING_WORDS.split())
# They end like what somebody does, and are things.
_THINGS_WORDS = (
    "building ring thing king string wing ceiling evening morning wedding painting clothing swing spring railing "
    "drawing lightning viking sibling wrestling earring crossing awning dressing"
)
_THINGS = frozenset(_THINGS_WORDS.split())


def edited(query: str, phrase: str) -> str:
    """A query with a phrase put in where it reads as people would write it.

    What describes goes before the thing where the query is a thing alone; a phrase that begins with a preposition or
    with what somebody does follows; a thing is joined by "with"; anything else by a comma, which always reads.

    >>> edited("circle", "red"), edited("two dogs", "black"), edited("a dog", "in the snow")
    ('red circle', 'two black dogs', 'a dog in the snow')
    >>> edited("dog", "running"), edited("a boy", "a ball"), edited("dog", "beach")
    ('dog running', 'a boy with a ball', 'dog, beach')
    >>> edited("two dogs running on grass", "black")
    'two dogs running on grass, black'
    """
    words, parts = query.split(), phrase.split()
    first = parts[0].lower()
    lead = 0
    while lead < len(words) and words[lead].lower() in _ARTICLES:
        lead += 1
    if len(parts) == 1 and first in _DESCRIBING and len(words) - lead == 1:
        lower = words[:lead]
        if lower and lower[-1].lower() in ("a", "an"):
            lower = [*lower[:-1], "an" if first[0] in "aeio" else "a"]
        return " ".join([*lower, phrase, *words[lead:]])
    doing = first.endswith("ing") and first not in _THINGS
    if first in PREPOSITIONS or (doing and not (words and words[-1].lower().endswith("ing"))):
        return f"{query} {phrase}"
    if first in _ARTICLES:
        return f"{query} with {phrase}"
    return f"{query}, {phrase}"


def added_words(query: str, changed: str) -> tuple[str, ...]:
    """Words of a changed query that say something new, in their order.

    >>> added_words("dogs", "a black dog in the snow")
    ('black', 'snow')
    """
    known = {singular(word) for word in words_of(query)}
    return tuple(dict.fromkeys(w for w in words_of(changed) if w not in STOP and singular(w) not in known))


def spoken(texts: Sequence[str], longest: int = 3) -> list[str]:
    """Phrases that texts are made of: single words that say something, and what follows a preposition.

    >>> spoken(["A black dog runs in the deep snow."])
    ['black', 'dog', 'runs', 'deep', 'snow', 'in the deep snow']
    """
    found: dict[str, None] = {}
    for text in texts:
        for clause in re.split(r"[.,;:!?()\n|]+", text):
            words = words_of(clause)
            found |= dict.fromkeys(word for word in words if word not in STOP and not word.isdigit() and len(word) > 1)
            for at, word in enumerate(words):
                if word in PREPOSITIONS and word not in ("of", "to", "by", "from", "with"):
                    tail = _tail(words[at + 1 :], longest)
                    if tail:
                        found[" ".join([word, *tail])] = None
    return list(found)


def _tail(words: Sequence[str], longest: int) -> list[str]:
    """The thing after a preposition: to the next word that joins, at most so many words, ending in one that says."""
    taken: list[str] = []
    for word in words[:longest]:
        if word in STOP and word not in _ARTICLES:
            break
        taken.append(word)
    return taken if taken and taken[-1] not in STOP else []
