"""Long captions to the sentences they are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from openitr.datasets.pair import Pair
from openitr.datasets.pairs import PairDataset

# A full stop inside a number or after a single capital is no end; Chinese and Japanese write no blank after it.
_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)\s+|(?<=[。！？])")


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order; a text without an end is one.

    >>> sentences("A dog runs. It is 3.5 years old!  Who throws the ball?")
    ['A dog runs.', 'It is 3.5 years old!', 'Who throws the ball?']
    >>> sentences("一只狗。两只猫。")
    ['一只狗。', '两只猫。']
    """
    return [piece.strip() for piece in _END.split(text) if piece.strip()]


def sample(texts: Sequence[str], many: int, rng: np.random.Generator) -> list[str]:
    """Sentences of some captions of one picture (its own, a generated short one, a generated long one), mixed.

    Args:
        texts: The captions.
        many: How many to draw, without repeats as long as there are enough.
        rng: Where chance comes from.

    >>> sample(["A dog. A cat."], 3, np.random.default_rng(0))
    ['A dog.', 'A cat.', 'A dog.']
    """
    pool = [piece for text in texts for piece in sentences(text)]
    if not pool or many < 1:
        return []
    order = [int(row) for _ in range(0, many, len(pool)) for row in rng.permutation(len(pool))]
    return [pool[row] for row in order[:many]]


def split(data: PairDataset, lang: str) -> PairDataset:
    """The same pictures, every sentence of a language a text of its own: what ``--texts 0`` then trains on.

    >>> data = PairDataset([Pair("a", b"", {"en": ["A dog. A cat."]})])
    >>> split(data, "en")[0].texts["en"]
    ('A dog.', 'A cat.')
    """

    def pieces(pair: Pair) -> Pair:
        texts = dict(pair.texts)
        if lang in texts:
            texts[lang] = tuple(piece for text in texts[lang] for piece in sentences(text))
        return Pair(pair.id, pair.image, texts, pair.split, pair.metadata)

    return PairDataset([pieces(pair) for pair in data], data.name, data.notes)
