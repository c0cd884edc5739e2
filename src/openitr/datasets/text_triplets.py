"""Composed queries in words alone: a caption, what should be different, and the caption that is then true."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from openitr.errors import DatasetError, InputError


@dataclass(frozen=True)
class TextTriplets:
    """Captions before, changes, captions after: they cost no picture.

    Args:
        references: What is there.
        changes: What should be different.
        targets: What is wanted.

    Raises:
        DatasetError: Lists of different lengths, or none at all.

    References:
        Byun et al. 2024, Reducing task discrepancy of text encoders for zero-shot composed image retrieval (RTD),
        arXiv:2406.09188, which has them from rules and from a language model.
    """

    references: Sequence[str]
    changes: Sequence[str]
    targets: Sequence[str]

    def __post_init__(self) -> None:
        if not len(self.references) == len(self.changes) == len(self.targets):
            raise DatasetError(
                f"{len(self.references)} captions, {len(self.changes)} changes and {len(self.targets)} captions after",
                "give one of each for every triplet",
            )
        if not self.references:
            raise DatasetError("there are no triplets", "give captions that hold a word of the swaps")

    def __len__(self) -> int:
        return len(self.references)

    @classmethod
    def from_templates(
        cls,
        captions: Iterable[str],
        swaps: Sequence[Sequence[str]],
        *,
        wording: str = "is {}",
        each: int = 1,
        seed: int = 0,
    ) -> TextTriplets:
        """Swap one word of a caption for another of its class.

        Args:
            captions: Any.
            swaps: Classes of words that stand in each other's place: colours, animals, backgrounds. A class of which a
                caption holds several words, or none, leaves that caption alone.
            wording: Of the change; ``{}`` is the new word.
            each: How many triplets are drawn of a caption and a class.
            seed: Of the draw.

        Raises:
            InputError: A class of fewer than two words, a wording that names none, or none drawn.
            DatasetError: No caption holds any.

        >>> made = TextTriplets.from_templates(["a red dog", "a sky"], [("red", "blue"), ("dog", "cat")])
        >>> list(zip(made.references, made.changes, made.targets))
        [('a red dog', 'is blue', 'a blue dog'), ('a red dog', 'is cat', 'a red cat')]
        """
        classes = [tuple(dict.fromkeys(word.lower() for word in one)) for one in swaps]
        for one in classes:
            if len(one) < 2 or not all(one):
                raise InputError(f"{one} is no class of words", "give two or more that stand in each other's place")
        if "{}" not in wording:
            raise InputError(f"the wording {wording!r} does not say the new word", 'put {} where it stands: "is {}"')
        if each < 1:
            raise InputError(f"{each} triplets of a caption", "draw 1 or more")
        patterns = [
            re.compile(rf"\b({'|'.join(map(re.escape, sorted(one, key=len, reverse=True)))})\b", re.IGNORECASE)
            for one in classes
        ]
        rng = np.random.default_rng(seed)
        rows: list[tuple[str, str, str]] = []
        for caption in captions:
            for words, pattern in zip(classes, patterns, strict=True):
                found = pattern.findall(caption)
                if len(found) != 1:
                    continue
                others = [word for word in words if word != found[0].lower()]
                for at in rng.permutation(len(others))[:each]:
                    word = others[int(at)]
                    rows.append((caption, wording.format(word), _put(pattern, word, caption)))
        if not rows:
            raise DatasetError("no caption holds exactly one word of a swap", "give the words that captions use")
        before, changes, after = zip(*rows, strict=True)
        return cls(before, changes, after)


def _put(pattern: re.Pattern[str], word: str, caption: str) -> str:
    """The word in the place of what the pattern finds, backslashes and all."""
    return pattern.sub(lambda _: word, caption)
