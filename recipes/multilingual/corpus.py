"""What the recipe reads: captions in six languages, names of emoji, and which photos all languages describe."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from recipes.default_model.corpus import Pair, flickr8k, rows
from recipes.default_model.corpus import emoji as english_emoji

# Columns of captions.jsonl by language: those written for the photo, and translations of one English caption.
COLUMNS = {
    "de": ("de", "de_translated"),
    "zh": ("zh",),
    "ar": ("ar",),
    "fr": ("fr_translated",),
    "cs": ("cs_translated",),
}
COMPARED = ("de", "zh", "ar", "fr_translated", "cs_translated", "de_translated")
OFTEN = {"fr_translated": 3, "cs_translated": 3}  # a fifth of the captions of the others: read three times as often
NAMES = ("de", "zh", "ar", "fr", "cs", "es", "it", "nl", "pl", "pt", "ru", "tr")


@dataclass(frozen=True)
class Said:
    """A text, the column it came from, and the row of the photo or name that it is about."""

    column: str
    text: str
    row: int


def captions(data: Path, pairs: list[Pair]) -> list[Said]:
    """Every caption that is not English, of the photos in `pairs`, by their place in it."""
    place = {p.image: i for i, p in enumerate(pairs)}
    return [
        Said(column, text, place[r["image"]])
        for r in rows(data, "flickr8k")
        if r["image"] in place
        for column in COMPARED
        for text in r["texts"].get(column, [])
    ]


def shared(pairs: list[Pair], said: list[Said], split: str) -> list[int]:
    """Photos of a split that have a caption in every compared column: only on these may languages be compared."""
    has: dict[str, set[int]] = {}
    for one in said:
        has.setdefault(one.column, set()).add(one.row)
    return [i for i, p in enumerate(pairs) if p.split == split and all(i in has[c] for c in COMPARED)]


def names(data: Path) -> tuple[list[Pair], list[Said]]:
    """Emoji with an English name, and their names in other languages; one in six is set aside, as for the default."""
    pairs = english_emoji(data)
    place = {p.image: i for i, p in enumerate(pairs)}
    said = [
        Said(column, r["texts"][column], place[r["image"]])
        for r in rows(data, "emoji")
        if r["image"] in place
        for column in NAMES
        if r["texts"].get(column)
    ]
    return pairs, said


def photos(data: Path) -> list[Pair]:
    """Flickr8k with the default recipe's split, so that what it set aside stays set aside."""
    return flickr8k(data)


def one_each(said: list[Said], wanted: list[int], seed: int = 0) -> dict[str, list[Said]]:
    """One text per photo in every column, drawn by lot."""
    found: dict[str, dict[int, list[Said]]] = {c: {} for c in COMPARED}
    for one in said:
        found[one.column].setdefault(one.row, []).append(one)
    draw = random.Random(seed)
    return {c: [draw.choice(found[c][row]) for row in wanted] for c in COMPARED}
