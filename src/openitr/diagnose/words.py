"""Does a model read sentences, or bags of words? Captions against the same words in another order.

Shuffled captions after Yuksekgonul et al. 2023 ("When and why vision-language models behave like bags-of-words",
arXiv:2210.01936); two words exchanged, or one replaced, after SugarCrepe (Hsieh et al. 2023, arXiv:2306.14610). There
the false captions were written by a language model and checked by people; here they are made by rule, so that some are
awkward or even true: read them as bounds and compare models by them, and use the scenes for exact ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.datasets.scenes import CHANGES, World, caption, distractors, render
from openitr.embeddings import DenseEmbeddings, Embeddings, Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_ENGLISH = """
    a an the and or but of in on at by to from with without into onto over under near next up down out off as is are was
    were be been being am do does did has have had it its this that these those there their his her he she they them who
    which while for through around between behind front against along across some very not no one two
"""
_FUNCTION = frozenset(_ENGLISH.split())


@dataclass(frozen=True)
class Choice:
    """How often the true text wins against a false one.

    Args:
        right: Share of pairs in which the true text scores higher, a tie counts half; 0.5 is a coin.
        pairs: How many.
        error: Standard error of the share.
    """

    right: float
    pairs: int

    @property
    def error(self) -> float:
        return float(np.sqrt(self.right * (1 - self.right) / max(1, self.pairs)))


@dataclass(frozen=True)
class WordOrder:
    """What :func:`word_order` measures on captions.

    Args:
        shuffled: True caption against all its words in random order.
        swapped: Against two of its content words exchanged: the same bag of words.
        replaced: Against one content word replaced by one that no caption of the picture has: another bag.
        likeness: Mean cosine of a caption with its shuffled self; near 1 means that order is not read. NaN for models
            whose texts are no vectors of length 1.
        examples: True and exchanged caption, a few.
    """

    shuffled: Choice
    swapped: Choice
    replaced: Choice
    likeness: float
    examples: Sequence[tuple[str, str]] = ()


def shuffled(text: str, rng: np.random.Generator) -> str | None:
    """The words in another order; None where there is no other.

    >>> shuffled("dogs run", np.random.default_rng(0))
    'run dogs'
    """
    words = text.split()
    if len(set(words)) < 2:
        return None
    while (order := [words[i] for i in rng.permutation(len(words))]) == words:
        pass
    return " ".join(order)


def swapped(text: str, rng: np.random.Generator) -> str | None:
    """Two different content words exchanged, all else as it was; None where there are not two.

    >>> swapped("a cat and a dog", np.random.default_rng(0))
    'a dog and a cat'
    """
    spans = _content(text)
    kinds = {text[a:b].lower() for a, b in spans}
    if len(kinds) < 2:
        return None
    while True:
        one, two = (spans[i] for i in sorted(rng.permutation(len(spans))[:2]))
        first, second = text[slice(*one)], text[slice(*two)]
        if first.lower() != second.lower():
            return text[: one[0]] + second + text[one[1] : two[0]] + first + text[two[1] :]


def replaced(text: str, words: Sequence[str], rng: np.random.Generator) -> str | None:
    """One content word replaced by one of ``words``; None where either is missing.

    >>> replaced("a cat on the bed", ["boat"], np.random.default_rng(1))
    'a boat on the bed'
    """
    spans = _content(text)
    if not spans or not words:
        return None
    start, stop = spans[int(rng.integers(len(spans)))]
    return text[:start] + words[int(rng.integers(len(words)))] + text[stop:]


def content_words(text: str) -> list[str]:
    """The words of a text that are not function words of English, lower-cased."""
    return [text[a:b].lower() for a, b in _content(text)]


def _content(text: str) -> list[tuple[int, int]]:
    found = [match.span() for match in _WORD.finditer(text)]
    return [(a, b) for a, b in found if text[a:b].lower() not in _FUNCTION]


def word_order(
    encoder: Encoder, images: Embeddings, captions: Sequence[str], owners: Ints, *, limit: int = 400, seed: int = 0
) -> WordOrder:
    """Real captions against what is made of them, one caption per picture.

    Args:
        encoder: Any.
        images: n pictures, embedded by it.
        captions: m texts with words between blanks.
        owners: (m,) row of the picture of each.
        limit: Most pictures.
        seed: Of everything random.

    Raises:
        InputError: No caption has two words to exchange.
    """
    rng = np.random.default_rng(seed)
    by_row: dict[int, list[str]] = {}
    for text, row in zip(captions, owners.tolist(), strict=True):
        by_row.setdefault(row, []).append(text)
    known = sorted({word for text in captions for word in content_words(text)})
    made: list[tuple[int, tuple[str, ...]]] = []
    for row in sorted(by_row)[:limit]:
        text = by_row[row][int(rng.integers(len(by_row[row])))]
        own = {word for said in by_row[row] for word in content_words(said)}
        other = shuffled(text, rng), swapped(text, rng), replaced(text, [w for w in known if w not in own], rng)
        if all(other):
            made.append((row, (text, *map(str, other))))
    if not made:
        raise InputError("no caption has two words to exchange", "word order is measured on texts with blanks")
    rows = np.array([row for row, _ in made], np.int64)
    sides = [encoder.encode_texts([said[side] for _, said in made]) for side in range(4)]
    scores = [_own(side, images[rows]) for side in sides]
    likeness = float(np.mean(_own(sides[0], sides[1]))) if sides[0].kind == "dense" else float("nan")
    choices = [choice(scores[0], other) for other in scores[1:]]
    return WordOrder(choices[0], choices[1], choices[2], likeness, [(said[0], said[2]) for _, said in made[:5]])


def scene_changes(
    encoder: Encoder, scenes: int = 150, *, size: int = 224, world: World | None = None, seed: int = 0
) -> dict[str, Choice]:
    """Exact ground truth: true sentences of scenes against ones that a single change made false, by kind of change.

    Args:
        encoder: Any.
        scenes: How many; each gives one pair per kind of change that its caption allows.
        size: Side of the pictures, pixels.
        world: Where scenes come from; two things each by default.
        seed: Of everything random.
    """
    world = world or World(things=(2, 2), patterns=("plain",))
    rng = np.random.default_rng(seed)
    pictures, true, false, kinds, rows = [], list[str](), list[str](), list[str](), list[int]()
    for number in range(scenes):
        scene = world.sample(rng)
        pictures.append(render(scene, size))
        for length in ("sentence", "short"):
            told = caption(scene, length, rng)
            for other in distractors(scene, told.statement, rng):
                # Exchanging attributes keeps the words only in a list; a list cannot exchange roles.
                if (length == "sentence") == (other.change != "swap attributes"):
                    true.append(told.texts["en"])
                    false.append(other.texts["en"])
                    kinds.append(other.change)
                    rows.append(number)
    seen = encoder.encode_images(pictures)[np.array(rows, np.int64)]
    right, wrong = _own(encoder.encode_texts(true), seen), _own(encoder.encode_texts(false), seen)
    of = np.array(kinds)
    return {kind: choice(right[of == kind], wrong[of == kind]) for kind in CHANGES if (of == kind).any()}


def choice(right: npt.NDArray[np.floating], wrong: npt.NDArray[np.floating]) -> Choice:
    """Share of pairs won by the right side; scores within 1e-6 of each other count half.

    >>> choice(np.array([0.5, 0.2, 0.3]), np.array([0.1, 0.2, 0.4])).right
    0.5
    """
    ahead = np.asarray(right, np.float64) - np.asarray(wrong, np.float64)
    return Choice(float(np.mean((ahead > 1e-6) + 0.5 * (np.abs(ahead) <= 1e-6))), len(ahead))


def _own(texts: Embeddings, others: Embeddings) -> npt.NDArray[np.float32]:
    """(m,) score of each text with the item in the same row."""
    if isinstance(texts, DenseEmbeddings) and isinstance(others, DenseEmbeddings):
        return np.asarray((texts.values * others.values).sum(axis=1), np.float32)
    blocks = [texts[at : at + 1].score(others[at : at + 1])[0, 0] for at in range(len(texts))]  # type: ignore[arg-type]
    return np.array(blocks, np.float32)
