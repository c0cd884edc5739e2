""" "Did you mean": words of a query that nobody wrote and the model does not know, and those that are close (ours)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError
from openitr.search.forms import STOP, singular, words_of

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SHORT = 3
_LONG = 7


class Speller:
    """Finds the nearest of known words.

    Args:
        counts: Words and how often each is used; of equally near ones the more usual is taken.

    Raises:
        InputError: No words.

    >>> Speller({"dog": 9, "frisbee": 3, "beach": 5}).near("frisbe"), Speller({"dog": 9}).near("zebra")
    ('frisbee', None)
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        if not counts:
            raise InputError("there are no words to spell by", "give words and how often each is used")
        self.words = tuple(counts)
        self._counts = np.array([counts[word] for word in self.words], np.float64)
        self._lengths = np.array([len(word) for word in self.words])
        self._letters = np.stack([_bag(word) for word in self.words])
        self._known = frozenset(self.words)

    def knows(self, word: str) -> bool:
        """Whether a word, or the same in the singular or plural, is among them."""
        return word in self._known or singular(word) in self._known or f"{word}s" in self._known

    def near(self, word: str) -> str | None:
        """The nearest word; None for a word that is known, too short, or far from all.

        Words of three letters may have two neighbours swapped, longer ones one change, of seven letters two.
        """
        most = 1 if len(word) < _LONG else 2
        if len(word) < _SHORT or not word.isalpha() or self.knows(word):
            return None
        # One change moves at most one letter out and one in: most words are ruled out without being compared.
        rows = np.flatnonzero(
            (np.abs(self._lengths - len(word)) <= most) & (np.abs(self._letters - _bag(word)).sum(1) <= 2 * most)
        )
        if len(word) == _SHORT:
            rows = rows[(self._letters[rows] == _bag(word)).all(1)]
        found = [(changes(word, self.words[row]), -self._counts[row], self.words[row]) for row in rows]
        best = min((one for one in found if one[0] <= most), default=None)
        return None if best is None else best[2]


def changes(one: str, other: str) -> int:
    """How many letters must be put in, left out, replaced or swapped with their neighbour (optimal string alignment).

    >>> changes("frisbe", "frisbee"), changes("baech", "beach"), changes("dog", "cat")
    (1, 1, 3)
    """
    above: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, above, row = above, row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[-1] = min(row[-1], before[j - 2] + 1)
    return row[-1]


def did_you_mean(query: str, spellers: Callable[[], Mapping[str, int]], known: Callable[[str], bool]) -> str | None:
    """The query with misspelt words put right; None where there is nothing to put right.

    Args:
        query: As it was asked.
        spellers: Words to choose from, with how often each is used; only asked for where a word is not known.
        known: Whether a word is in use: written of some picture, or in the model's list.

    >>> did_you_mean("a dgo on the beach", lambda: {"dog": 3}, lambda word: word == "beach")
    'a dog on the beach'
    >>> did_you_mean("Dogs on the baech!", lambda: {"beach": 3}, lambda word: word == "dogs")
    'Dogs on the beach!'
    """
    doubtful = [word for word in words_of(query) if len(word) >= _SHORT and word not in STOP and not known(word)]
    if not doubtful:
        return None
    counts = spellers()
    if not counts:
        return None
    speller = Speller(counts)
    put = {word: near for word in doubtful if (near := speller.near(word))}
    if not put:
        return None
    return re.sub(r"\w+(?:['’-]\w+)*", lambda found: put.get(found[0].lower(), found[0]), query)


@lru_cache(maxsize=100_000)
def _bag_of(word: str) -> bytes:
    return bytes(min(255, word.count(letter)) for letter in _LETTERS) + bytes([min(255, len(word))])


def _bag(word: str) -> npt.NDArray[np.int16]:
    """(26,) how often each letter of the alphabet occurs."""
    found: npt.NDArray[np.int16] = np.frombuffer(_bag_of(word)[:-1], np.uint8).astype(np.int16)
    return found
