"""Phrases that any photo may be told apart by, as vectors of a model: made once, kept on disk."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from openitr.collection.places import cache_folder
from openitr.embeddings import DenseEmbeddings, Floats
from openitr.encoders import WEIGHTS
from openitr.encoders.base import Encoder
from openitr.errors import InputError, ShapeError
from openitr.search.dialogue.topics import MANY, TOPICS
from openitr.search.forms import STOP

_WORDS = 400
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Phrases and their vectors, the most usual first.

    Args:
        phrases: Each once.
        vectors: (m, d) unit vectors, one per phrase.

    Raises:
        InputError: Not as many vectors as phrases, or a phrase that comes twice.
    """

    phrases: tuple[str, ...]
    vectors: Floats

    def __post_init__(self) -> None:
        if len(self.phrases) != len(self.vectors):
            raise InputError(f"{len(self.phrases)} phrases with {len(self.vectors)} vectors", "give one for each")
        if len(set(self.phrases)) != len(self.phrases):
            raise InputError("a phrase comes twice", "give each once")

    def __len__(self) -> int:
        return len(self.phrases)

    @classmethod
    def of(cls, encoder: Encoder, phrases: Iterable[str]) -> Vocabulary:
        """Encode phrases, each once.

        Raises:
            ShapeError: The model makes no dense embeddings.
        """
        once = tuple(dict.fromkeys(phrase.strip() for phrase in phrases if phrase.strip()))
        return cls(once, dense(encoder, once))


def general(encoder: Encoder) -> Vocabulary:
    """Some 450 phrases of everyday photos: the topics of conversations, and the commonest words of the lexicon model.

    Their vectors are kept in the cache folder, by the model's fingerprint: the first call takes a few seconds.
    """
    phrases = general_phrases()
    asked = f"{_VERSION}|{encoder.fingerprint}|" + "|".join(phrases)
    kept = cache_folder() / "suggest" / f"{sha256(asked.encode()).hexdigest()[:24]}.npy"
    found = _read(kept, (len(phrases), encoder.dim))
    if found is None:
        found = dense(encoder, phrases)
        _write(kept, found)
    return Vocabulary(phrases, found)


@lru_cache(maxsize=1)
def general_phrases() -> tuple[str, ...]:
    """The phrases of :func:`general`: English, most natural first."""
    # Numbers are no addition: "a dog" with "two" asks for something else.
    topics = [_first(option.phrase) for topic in TOPICS if topic is not MANY for option in topic.options]
    words = [word for word in known_words()[:_WORDS] if word not in STOP and len(word) > 2]
    return tuple(dict.fromkeys([*topics, *words]))


def _first(phrase: str) -> str:
    """Of several things that a phrase offers, the first: it is to be put into a query."""
    return re.split(r", | or ", phrase)[0]


@lru_cache(maxsize=1)
def known_words() -> tuple[str, ...]:
    """The words that the shipped lexicon model knows, the commonest first."""
    return tuple((WEIGHTS / "lexicon" / "words.txt").read_text("utf-8").split())


def dense(encoder: Encoder, texts: Sequence[str]) -> Floats:
    """(n, d) vectors of texts.

    Raises:
        ShapeError: The model makes no dense embeddings.
    """
    if encoder.kind != "dense":
        raise ShapeError(f"the model {encoder.spec!r} makes {encoder.kind} embeddings", "suggestions need a dense one")
    if not texts:
        return np.empty((0, encoder.dim), np.float32)
    made = encoder.encode_texts(list(texts))
    assert isinstance(made, DenseEmbeddings)
    return made.values


def _read(path: Path, shape: tuple[int, int]) -> Floats | None:
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        # Nothing kept, or a file that a killed process left half-written: it is made again.
        return None
    return found if isinstance(found, np.ndarray) and found.shape == shape and found.dtype == np.float32 else None


def _write(path: Path, vectors: Floats) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.save(file, vectors)
        part.replace(path)
    except OSError:
        # A full or read-only disk costs a few seconds at the next call, and nothing else.
        return
