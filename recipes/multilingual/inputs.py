"""From the corpus to what the training reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from openitr.encoders.grams import words as words_of
from recipes.default_model.corpus import Pair
from recipes.default_model.features import load_tokenizer

from . import corpus
from .bag import Read, Texts, Words, vocabulary
from .corpus import Said
from .dictionary import dictionary
from .teacher import Teacher

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


def prepare(data: Path, cache: Path) -> Inputs:
    """Read the corpus, ask the teacher, choose the pieces."""
    teacher = Teacher(cache)
    pairs = corpus.photos(data)
    said = corpus.captions(data, pairs)
    train = [s for s in said if pairs[s.row].split == "train"]
    spoken = [s for s in train for _ in range(corpus.OFTEN.get(s.column, 1))]
    spoken += [Said("en", t, i) for i, p in enumerate(pairs) if p.split == "train" for t in p.texts[:ENGLISH]]
    emoji, called = corpus.names(data)
    spelled = english_words([s.text for s in [*train, *called]])
    words = [(word, english) for word, english in dictionary(data, cache) if word not in spelled]
    targets = sorted({english for _, english in words})
    places = {word: len(emoji) + i for i, word in enumerate(targets)}
    named = [(s.text, s.row, False) for s in called if emoji[s.row].split == "train"]
    named += [(p.texts[0], i, True) for i, p in enumerate(emoji) if p.split == "train"]
    named += [(word, places[english], False) for word, english in words]
    named += [(english, row, True) for english, row in places.items()]
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
        torch.cat([teacher.texts([p.texts[0] for p in emoji]), teacher.texts(targets)]),
        [read.text(word) for word in sorted(spelled)],
    )
