"""ROUGE: how much of a reference text's words a summary has.

ROUGE-N   overlap of n-grams, each counted as often as it occurs in both
ROUGE-L   longest common subsequence of words

Words are lower case, without stemming. Source: Lin 2004.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from openitr.errors import InputError

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Rouge:
    """Overlap over the reference's size (recall), over the summary's (precision), and their harmonic mean."""

    recall: float
    precision: float

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; 0 where both are."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0


def rouge_n(summary: str, reference: str, n: int = 1) -> Rouge:
    """ROUGE-N.

    Raises:
        InputError: n below 1.

    >>> rouge_n("the cat sat", "the cat lay there").recall, rouge_n("the cat sat", "the cat lay there", 2).precision
    (0.5, 0.5)
    """
    if n < 1:
        raise InputError(f"n-grams of {n} words", "use 1 or more")
    mine, theirs = (_grams(text, n) for text in (summary, reference))
    return _of((mine & theirs).total(), theirs.total(), mine.total())


def rouge_l(summary: str, reference: str) -> Rouge:
    """ROUGE-L of the texts as a whole.

    >>> rouge_l("police kill the gunman", "police killed the gunman").recall
    0.75
    """
    mine, theirs = (_WORD.findall(text.lower()) for text in (summary, reference))
    row = [0] * (len(theirs) + 1)
    for word in mine:
        before = row
        row = [0]
        for at, other in enumerate(theirs, 1):
            row.append(before[at - 1] + 1 if word == other else max(before[at], row[-1]))
    return _of(row[-1], len(theirs), len(mine))


def _grams(text: str, n: int) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))


def _of(shared: int, reference: int, summary: int) -> Rouge:
    return Rouge(shared / reference if reference else 0.0, shared / summary if summary else 0.0)
