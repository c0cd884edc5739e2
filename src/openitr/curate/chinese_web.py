"""Which Chinese image-text pairs from the web are kept (Wukong)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from openitr.errors import InputError, ShapeError

SENSITIVE = ("色情", "赌博", "毒品", "枪支", "自杀")
NAME = "[人名]"


@dataclass(frozen=True)
class ChineseWebFilter:
    """Rules of a Chinese web collection: size and shape of pictures, script and repetition of texts, sensitive words.

    Args:
        smallest: Both sides of a picture are longer than this, pixels.
        widest: The longer side is at most so many times the shorter one.
        repeats: A text that stands more often than this is boilerplate; all its rows go.
        sensitive: A text with one of these goes. The published list is not public; this one is a short stand-in.
        names: Names of persons, replaced by :data:`NAME` in the texts that :meth:`private` gives.

    References:
        Gu et al. 2022, arXiv:2202.06767, section 3.1.

    >>> ChineseWebFilter().keep(["一只狗", "a dog", "一只猫"], [(640, 480), (640, 480), (900, 250)])
    [True, False, False]
    """

    smallest: int = 200
    widest: float = 3.0
    repeats: int = 10
    sensitive: Collection[str] = SENSITIVE
    names: Collection[str] = ()

    def __post_init__(self) -> None:
        if self.smallest < 0 or self.widest < 1 or self.repeats < 1:
            raise InputError(f"{self}", "sides from 0, a ratio and a count from 1 up")

    def keep(self, texts: Sequence[str], sizes: Sequence[tuple[int, int]]) -> list[bool]:
        """Which rows stay.

        Args:
            texts: One per row.
            sizes: (width, height) of each row's picture, pixels.

        Raises:
            ShapeError: Not one size per text.
        """
        if len(texts) != len(sizes):
            raise ShapeError(f"{len(sizes)} sizes for {len(texts)} texts", "give one per row")
        counts = Counter(text.strip() for text in texts)
        return [
            self.fits(size) and self.says(text) and counts[text.strip()] <= self.repeats
            for text, size in zip(texts, sizes, strict=True)
        ]

    def fits(self, size: tuple[int, int]) -> bool:
        """Whether a picture of (width, height) is large and square enough."""
        low, high = sorted(size)
        return low > self.smallest and high <= self.widest * low

    def says(self, text: str) -> bool:
        """Whether a text holds Chinese and no sensitive word."""
        return any(_is_han(c) for c in text) and not any(word in text for word in self.sensitive)

    def private(self, text: str) -> str:
        """The text with the names of persons replaced, longer ones first.

        >>> ChineseWebFilter(names=["王小明"]).private("王小明在海边")
        '[人名]在海边'
        """
        for name in sorted(self.names, key=len, reverse=True):
            text = text.replace(name, NAME)
        return text


def _is_han(character: str) -> bool:
    point = ord(character)
    return 0x4E00 <= point <= 0x9FFF or 0x3400 <= point <= 0x4DBF or 0x20000 <= point <= 0x323AF
