"""Texts of any length for models with a short window: cut into windows, embed each, pool. Nothing is dropped.

CLIP reads 77 tokens and sentence encoders 128 to 512; what follows is usually cut in silence. Here a text that fits
goes to the model unchanged. A longer one becomes overlapping windows; the text's vector is the mean of the windows'
unit vectors, weighted by how many tokens each holds, scaled to length 1 again. (Ours; mean pooling over chunks is the
plain baseline of long-document retrieval.) What one window says alone thus counts as its share of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.errors import InputError

MAX_CHARACTERS = 1_000_000
OVERLAP = 8  # a window shares one eighth of its tokens with the next: a phrase on the seam is whole in one of them

Count = Callable[[str], int]


@dataclass(frozen=True)
class Window:
    """A piece of text number ``owner`` that the model can read whole, ``tokens`` long."""

    owner: int
    text: str
    tokens: int


def readable(texts: Sequence[str]) -> list[str]:
    """Check texts before a model sees them.

    A lone surrogate (as in a file name that is not UTF-8) becomes "?", because tokenizers take valid Unicode only.

    Raises:
        InputError: A text that is no string, blank, or longer than 1,000,000 characters; it is named by its position.

    >>> readable(["two dogs"])
    ['two dogs']
    """
    if isinstance(texts, str):
        raise InputError("texts is one string, not a list of strings", "put it in a list: [text]")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {position} is a {type(text).__name__}", "give strings")
        if not text.strip():
            raise InputError(f"text {position} is blank", "leave it out, or say what is meant")
        if len(text) > MAX_CHARACTERS:
            raise InputError(
                f"text {position} has {len(text):,} characters", f"use at most {MAX_CHARACTERS:,}; split it yourself"
            )
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]


def windows(texts: Sequence[str], count: Count, limit: int) -> list[Window]:
    """Cut texts at word boundaries into pieces of at most ``limit`` tokens.

    Args:
        texts: As :func:`readable` returns them.
        count: How many tokens the model makes of a text, special ones left out.
        limit: How many of them it reads at once.

    Returns:
        At least one window per text, in order; a text that fits is one window, unchanged. A word longer than the
        window (a URL, Chinese) is cut inside.

    >>> [w.text for w in windows(["one two three four"], lambda t: len(t.split()), 3)]
    ['one two three', ' four']
    """
    found = []
    for owner, text in enumerate(texts):
        whole = count(text) if len(text) <= 64 * limit else limit + 1
        if whole <= limit:
            found.append(Window(owner, text, max(1, whole)))
            continue
        words = re.findall(r"\s*\S+", text)
        fitting = {word: _fitting(word, count, limit) for word in set(words)}  # words repeat; tokenizers are slow
        pieces = [piece for word in words for piece in fitting[word]]
        found.extend(Window(owner, part, max(1, count(part))) for part in _greedy(pieces, count, limit))
    return found


def _fitting(word: str, count: Count, limit: int) -> list[str]:
    """The word, halved until each part fits."""
    if len(word) == 1 or (len(word) <= 64 * limit and count(word) <= limit):
        return [word]
    middle = len(word) // 2
    return _fitting(word[:middle], count, limit) + _fitting(word[middle:], count, limit)


def _greedy(pieces: list[str], count: Count, limit: int) -> list[str]:
    """Runs of pieces, each as long as fits, each starting a little before the end of the one before."""
    parts, start = [], 0
    while True:
        end = min(len(pieces), start + limit)
        while end > start + 1 and (size := count("".join(pieces[start:end]))) > limit:
            # Tokens per piece vary little within a text, so a proportional step lands near the answer at once.
            end = max(start + 1, min(end - 1, start + (end - start) * limit // size))
        parts.append("".join(pieces[start:end]))
        if end == len(pieces):
            return parts
        back = end
        while back - 1 > start and count("".join(pieces[back - 1 : end])) <= limit // OVERLAP:
            back -= 1
        start = back


def pool(vectors: Floats, owners: Sequence[int], tokens: Sequence[int]) -> DenseEmbeddings:
    """Mean of each text's window vectors weighted by tokens, scaled to length 1.

    Args:
        vectors: (m, d) unit vectors of the windows.
        owners: Which text each belongs to, ascending, 0 to n - 1, none left out.
        tokens: Their lengths.

    >>> pool(np.eye(2, dtype=np.float32), [0, 0], [3, 4]).values.round(2).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    if len(vectors) == 0 or (len(owners) == owners[-1] + 1):
        return DenseEmbeddings(vectors)
    _, starts = np.unique(np.asarray(owners), return_index=True)
    weighted = vectors.astype(np.float64) * np.asarray(tokens, np.float64)[:, None]
    return DenseEmbeddings.normalise(np.add.reduceat(weighted, starts, axis=0))
