"""Words and short phrases, and how one is put into a query with the least change."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
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
_STOP_WORDS = (
    "a an and are as at be been being by do does for from had has have he her hers him his i in into is it its itself "
    "me my no nor not of off on onto or our out over own same she so some such than that the their them then there "
    "these they this those through to too under until up upon very was we were what when where which while who whom "
    "why will with within without would you your two three one other another several many each both few more most "
    "just also only about after all any around because before can could during how if may might shall should here "
    "but every again soon later never always often almost already away together even still yet much well once down "
    "today yesterday tomorrow year week month day monday tuesday wednesday thursday friday saturday sunday said say "
    "made make got get go went come came took take put let did done new first last following really quite rather "
    "wearing holding near next front back behind beside between along across toward towards"
)
# They end like what somebody does, and are things.
_THINGS_WORDS = (
    "building ring thing king string wing ceiling evening morning wedding painting clothing swing spring railing "
    "drawing lightning viking sibling wrestling earring crossing awning dressing"
)
_THINGS = frozenset(_THINGS_WORDS.split())
STOP = frozenset(_STOP_WORDS.split())


def words_of(text: str) -> list[str]:
    """The words of a text: lower case, apostrophes and hyphens inside kept.

    >>> words_of("Two dogs, on O'Neill's beach - été")
    ['two', 'dogs', 'on', "o'neill's", 'beach', 'été']
    """
    return [word.replace("’", "'") for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower())]


def stem(word: str) -> str:
    """A word without the endings of an English plural: enough to see that "dogs" adds nothing to "dog".

    >>> [stem(word) for word in ("dogs", "boxes", "babies", "grass", "bus", "circle")]
    ['dog', 'box', 'baby', 'grass', 'bus', 'circle']
    """
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def content(text: str) -> set[str]:
    """Stems of the words that say something."""
    return {stem(word) for word in words_of(text) if word not in STOP}


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
    known = {stem(word) for word in words_of(query)}
    return tuple(dict.fromkeys(w for w in words_of(changed) if w not in STOP and stem(w) not in known))


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
