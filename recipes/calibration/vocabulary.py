"""Usual words: what pictures are compared with when a query claims to name them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from recipes.calibration.concepts import NAMES, content, stem
from recipes.calibration.questions import PRODUCT_NAMES, _rows
from recipes.default_model.corpus import flickr8k

_SHOWN = ("Animals & Nature", "Food & Drink", "Objects", "Travel & Places")


def training_rows(data: Path) -> list[dict[str, Any]]:
    """Photos that models are trained on."""
    held = {p.image for p in flickr8k(data) if p.split != "train"}
    return [r for r in _rows(data / "flickr8k") if r["split"] == "train" and r["image"] not in held]


def caption_words(rows: list[dict[str, Any]], least: int) -> list[str]:
    """Content words that captions hold at least so often, each in its most usual form."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for r in rows:
        for text in r["texts"]["en"]:
            for word in re.findall("[a-z]+", text.lower()):
                if content(word):
                    forms[stem(word)][word] += 1
    return sorted(c.most_common(1)[0][0] for c in forms.values() if c.total() >= least)


def emoji_names(data: Path) -> list[str]:
    """Names of things, of one or two words."""
    names = [r["texts"]["en"].lower() for r in _rows(data / "emoji") if r["category"] in _SHOWN and "en" in r["texts"]]
    return sorted({n for n in names if re.fullmatch("[a-z]+( [a-z]+)?", n) and "face" not in n})


def all_words(data: Path, least: int = 60) -> list[str]:
    """Words of captions, everyday names, products, and names of emoji for what photos do not show."""
    return sorted({*caption_words(training_rows(data), least), *NAMES, *PRODUCT_NAMES.values(), *emoji_names(data)})


def usual_words(data: Path, count: int) -> list[str]:
    """So many of :func:`all_words`, everyday names and products first."""
    first = sorted({*NAMES, *PRODUCT_NAMES.values()})
    rest = [w for w in all_words(data) if w not in set(first)]
    order = np.random.default_rng(20261121).permutation(len(rest))
    return sorted([*first, *(rest[i] for i in order[: max(0, count - len(first))])])
