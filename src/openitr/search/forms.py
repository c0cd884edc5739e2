"""The words of a text, and two ways to take them for the same: as singular and plural, and as forms of one word.

English endings, roughly; what belongs to no language that it knows is left as it is.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_LETTERS = re.compile(r"[^\W\d_]+")
# Kana and Chinese characters, between which no space is written.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_STOP_WORDS = (
    "a an and are as at be been being by do does for from had has have he her hers him his i in into is it its itself "
    "me my no nor not of off on onto or our out over own same she so some such than that the their them then there "
    "these they this those through to too under until up upon very was we were what when where which while who whom "
    "why will with within without would you your two three one other another several many each both few more most "
    "just also only about after all any around because before can could during how if may might shall should here "
    "but every again soon later never always often almost already away together even still yet much well once down "
    "today yesterday tomorrow year week month day monday tuesday wednesday thursday friday saturday sunday said say "
    "made make got get go went come came took take put let do did done new first last following really quite rather "
    "wearing holding near next front back behind beside between along across toward towards"
)
STOP = frozenset(_STOP_WORDS.split())
"""Words under which nothing is looked up: no key phrase begins with one, and none is a suggestion."""
# What is said of a picture is short: numbers and "without" say something there.
_IDLE_WORDS = (
    "a an the in on at of by to and or is are it its with from there this that these some several one no not all for "
    "into over as while who what picture photo image front his her their he she they"
)
_IDLE = frozenset(_IDLE_WORDS.split())
_IRREGULAR = {"men": "man", "women": "woman", "people": "person", "children": "child", "kids": "child", "kid": "child"}


def words_of(text: str) -> list[str]:
    """The words of a text: lower case, apostrophes and hyphens inside kept.

    >>> words_of("Two dogs, on O'Neill's beach - été")
    ['two', 'dogs', 'on', "o'neill's", 'beach', 'été']
    """
    return [word.replace("’", "'") for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower())]


def length(text: str) -> int:
    """How many words a text has; two characters of Chinese or Japanese are counted as one word.

    >>> length("Two dogs, one ball"), length("两只狗在草地上跑"), length("")
    (4, 4, 0)
    """
    unspaced = len(_UNSPACED.findall(text))
    return len(_UNSPACED.sub(" ", text).split()) + (unspaced + 1) // 2


def singular(word: str) -> str:
    """A word without the ending of an English plural: enough to see that "dogs" adds nothing to "dog".

    >>> [singular(word) for word in ("dogs", "boxes", "babies", "grass", "bus", "circle")]
    ['dog', 'box', 'baby', 'grass', 'bus', 'circle']
    """
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def stem(word: str) -> str:
    """A word without its English ending, no word itself any more; the same for the forms of most words (ours).

    >>> [stem(word) for word in ("dogs", "running", "runs", "bikes", "biking", "beaches", "grassy", "played", "men")]
    ['dog', 'run', 'run', 'bik', 'bik', 'beach', 'grass', 'play', 'man']
    """
    word = _IRREGULAR.get(word, word)
    for ending in ("ing", "ies", "es", "ed", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == "y" and word[-2] not in "aeou":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] in "bdgmnprt" else word


def topics(text: str) -> set[str]:
    """Singulars of the words that something can be looked up under.

    >>> sorted(topics("Two dogs with a ball"))
    ['ball', 'dog']
    """
    return {singular(word) for word in words_of(text) if word not in STOP}


def content(text: str) -> frozenset[str]:
    """Stems of the words that say something of a picture: "dogs" and "dog" are one, "running" and "runs" too.

    >>> sorted(content("The two dogs are running"))
    ['dog', 'run', 'two']
    """
    return frozenset(stem(word) for word in _LETTERS.findall(text.lower()) if word not in _IDLE)
