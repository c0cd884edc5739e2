"""Handwritten digits with captions: 1,797 real pictures of 8 x 8 pixels, on which a card runs in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from openitr.embeddings import Ints
from openitr.errors import MissingExtra

if TYPE_CHECKING:
    from torch import Tensor

NAMES = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "zh": ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九"),
}
TEMPLATES = {
    "en": (
        "the digit {}",
        "a handwritten {}",
        "somebody wrote {}",
        "the number {} in ink",
        "this is a {}",
        "one can read {} here",
        "a small grey picture of {}",
        "{} , written by hand",
    ),
    "zh": (
        "数字{}",
        "手写的{}",
        "有人写了{}",
        "用墨水写的数{}",
        "这是{}",
        "这里可以读到{}",
        "一张{}的灰色小图",
        "{},手工书写",
    ),
}
PROMPT = 0  # the template that classes are asked for with


@dataclass(frozen=True, eq=False)
class Digits:
    """The digits.

    Args:
        pictures: (n, 64) float32, standardised over the whole.
        labels: (n,) int64, 0 to 9.
    """

    pictures: Tensor
    labels: Ints

    def split(self, seed: int, share: float = 0.25) -> tuple[Ints, Ints]:
        """Rows to train on and rows held out."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        held = int(share * len(order))
        return order[held:], order[:held]


def digits() -> Digits:
    """Read them from scikit-learn, which carries them along.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtra("the handwritten digits of scikit-learn", "systems") from error
    import torch

    found = load_digits()
    pictures = torch.tensor(np.asarray(found.data), dtype=torch.float32)
    return Digits((pictures - pictures.mean()) / pictures.std(), np.asarray(found.target, np.int64))


def said(labels: Ints, lang: str, seed: int, templates: int = 8) -> list[str]:
    """A caption for each picture, its template drawn.

    Args:
        labels: Of the pictures.
        lang: "en" or "zh".
        seed: Of the draw.
        templates: How many of the templates are in use.

    >>> said(np.array([7, 7]), "en", 0, templates=1)
    ['the digit seven', 'the digit seven']
    """
    drawn = np.random.default_rng(seed).integers(0, templates, len(labels))
    pairs = zip(drawn, labels, strict=True)
    return [TEMPLATES[lang][int(which)].format(NAMES[lang][int(label)]) for which, label in pairs]


def prompts(lang: str, template: int = PROMPT) -> Sequence[str]:
    """One caption for each class."""
    return [TEMPLATES[lang][template].format(name) for name in NAMES[lang]]
