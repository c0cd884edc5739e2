"""A text of any language as its words and pieces of words: what a bag of n-grams looks up.

Words stand between "<" and ">" and give themselves and their pieces of three to five letters, so that a word never seen
still shares pieces with its kin (fastText; Bojanowski et al. 2017, arXiv:1607.04606). Scripts that write no spaces give
their characters, pairs and triples. Two words in a row are a piece as well: "red dress" says whose colour it is. Case
and marks above or below a letter do not count: people leave them out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

SHORTEST, LONGEST = 3, 5
UNSPACED = 3
# Han, kana, Thai, Lao, Khmer and Burmese: their writers put no space between words.
_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS = re.compile(rf"[{_SCRIPTS}]+|[^\W_{_SCRIPTS}]+")
_FIRST = re.compile(f"[{_SCRIPTS}]")
_ALIKE = str.maketrans({"\u0629": "\u0647", "\u0649": "\u064a", "\u0640": None})  # of Arabic: ta marbuta, alif maqsura


def folded(text: str) -> str:
    """A text without case, compatibility forms and marks.

    >>> folded("Ein MÄDCHEN, große Füße")
    'ein madchen, grosse fusse'
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if unicodedata.category(c) != "Mn").translate(_ALIKE)


def words(text: str) -> list[str]:
    """Runs of letters and digits of one way of writing, folded.

    >>> words("Two dogs - 两只狗!")
    ['two', 'dogs', '两只狗']
    """
    return _RUNS.findall(folded(text))


def pieces(word: str) -> list[str]:
    """What one word gives, the word itself first.

    >>> pieces("dogs")
    ['<dogs>', '<do', 'dog', 'ogs', 'gs>', '<dog', 'dogs', 'ogs>', '<dogs', 'dogs>']
    >>> pieces("两只狗")
    ['两', '只', '狗', '两只', '只狗', '两只狗']
    """
    if _FIRST.match(word):
        return [word[i : i + n] for n in range(1, UNSPACED + 1) for i in range(len(word) - n + 1)]
    whole = f"<{word}>"
    parts = (whole[i : i + n] for n in range(SHORTEST, LONGEST + 1) for i in range(len(whole) - n + 1))
    return [whole, *(part for part in parts if part != whole)]


def in_order(words: Sequence[str]) -> list[list[str]]:
    """What each word of a text gives: its pieces, and the pair that it makes with the word before it.

    >>> [each[-1] for each in in_order(["ein", "rotes", "kleid"])]
    ['ein>', 'ein rotes', 'rotes kleid']
    """
    pairs = [[], *([f"{a} {b}"] for a, b in pairwise(words))]
    return [pieces(word) + pair for word, pair in zip(words, pairs, strict=False)]


def grams(text: str) -> list[str]:
    """All pieces of all words of a text, in order, with repeats.

    >>> grams("ein Ei")
    ['<ein>', '<ei', 'ein', 'in>', '<ein', 'ein>', '<ei>', '<ei', 'ei>', 'ein ei']
    """
    return [piece for each in in_order(words(text)) for piece in each]
