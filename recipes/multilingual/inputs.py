"""From the corpus to what the training reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.encoders.grams import words as words_of
from recipes.default_model.corpus import Pair
from recipes.default_model.features import load_tokenizer

from . import corpus
from .bag import Read, Texts, Words, vocabulary
from .corpus import Said
from .dictionary import dictionary, english
from .teacher import Teacher
from .written import written

ENGLISH = 2  # English captions of each photo that are read too, to know them from the others


@dataclass
class Inputs:
    """Everything the training and the choice of settings need."""

    pairs: list[Pair]
    said: list[Said]
    known: list[str]
    read: Read
    captions: Texts
    pictures: Tensor
    teacher: Tensor
    names: Texts
    named: Tensor
    spelled: list[Words]


def english_words(others: list[str]) -> set[str]:
    """Whole words that the English tower's tokenizer knows and that none of the other texts holds."""
    vocabulary = load_tokenizer().get_vocab()
    heard = {word for text in others for word in words_of(text)}
    return {w for w in vocabulary if w.isascii() and w.isalpha() and len(w) > 2} - heard


def _middles(vectors: Tensor, words: list[str], groups: list[tuple[str, ...]]) -> Tensor:
    """(len(groups), dim): the middle of the English words that one word may mean."""
    place = {word: i for i, word in enumerate(words)}
    return F.normalize(torch.stack([vectors[[place[word] for word in group]].mean(0) for group in groups]), dim=1)


def prepare(data: Path, cache: Path, dictionaries: Path) -> Inputs:
    """Read the corpus and the dictionaries, ask the teacher, choose the pieces."""
    teacher = Teacher(cache)
    pairs = corpus.photos(data)
    said = corpus.captions(data, pairs)
    train = [s for s in said if pairs[s.row].split == "train"]
    spoken = [s for s in train for _ in range(corpus.OFTEN.get(s.column, 1))]
    spoken += [Said("en", t, i) for i, p in enumerate(pairs) if p.split == "train" for t in p.texts[:ENGLISH]]
    emoji, called = corpus.names(data)
    spelled = english_words([s.text for s in [*train, *called]])
    words: dict[str, list[str]] = {}
    for word, meaning in dictionary(data, cache):
        words.setdefault(word, [meaning])
    # What people wrote goes before what was guessed.
    words |= written(dictionaries, english(data), spelled)
    words = {word: meanings for word, meanings in words.items() if word not in spelled}
    targets = sorted({one for meanings in words.values() for one in meanings})
    many = sorted({tuple(meanings) for meanings in words.values()})
    places = {meanings: len(emoji) + i for i, meanings in enumerate(many)}
    named = [(s.text, s.row, False) for s in called if emoji[s.row].split == "train"]
    named += [(p.texts[0], i, True) for i, p in enumerate(emoji) if p.split == "train"]
    named += [(word, places[tuple(meanings)], False) for word, meanings in words.items()]
    named += [(meanings[0], row, True) for meanings, row in places.items() if len(meanings) == 1]
    known = vocabulary((s.text for s in train), (text for text, _, _ in named))
    read = Read(known)
    return Inputs(
        pairs,
        said,
        known,
        read,
        Texts(
            [read.text(s.text) for s in spoken],
            np.array([s.row for s in spoken]),
            np.array([s.column == "en" for s in spoken]),
        ),
        teacher.pictures(data, pairs),
        teacher.captions(pairs),
        Texts(
            [read.text(t) for t, _, _ in named], np.array([r for _, r, _ in named]), np.array([e for *_, e in named])
        ),
        torch.cat([teacher.texts([p.texts[0] for p in emoji]), _middles(teacher.texts(targets), targets, many)]),
        [read.text(word) for word in sorted(spelled)],
    )
