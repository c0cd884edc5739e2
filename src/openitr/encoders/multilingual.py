"""A model with two readers: English goes through the tower of the folder, every other language through a bag of pieces.

Both readers end in the space of the pictures, whose graphs are untouched: a collection that was indexed with a model of
the same picture graphs can be asked as it is (:func:`same_pictures`). The second reader's graph takes ``pieces``
(n, L) and ``weights`` (n, L), and puts out a vector and ``english`` (n, 1), from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.encoders import grams, long_text
from openitr.encoders.graphs import Chain
from openitr.encoders.manifest import Bag
from openitr.encoders.onnx import OnnxEncoder
from openitr.errors import ModelError, ShapeError

if TYPE_CHECKING:
    from openitr.encoders.base import Encoder

WORDS = 64  # in one window, or as many characters of a script without spaces
_TEXTS = 32
# Marks are folded away before pieces are looked up, but English has hardly any: with them the bar is higher.
_ENGLISH, _ENGLISH_WITH_MARKS = 0.5, 0.9


class MultilingualEncoder(OnnxEncoder):
    """A dual encoder that tells English from other languages and reads each with the reader made for it.

    English texts get the very vectors of the model whose text tower the folder names. A text of which the second
    reader knows no piece goes through that tower as well. Longer texts are cut into windows of 64 words and pooled.

    Raises:
        ModelError: The folder is no usable model, or its file of pieces is no list of different pieces.
        ShapeError: While encoding: the model gave a wrong shape, NaN, or vectors whose length is not 1.

    >>> from openitr.encoders import load
    >>> encoder = load("multilingual")                                     # doctest: +SKIP
    >>> encoder.english(["two dogs", "zwei Hunde", "两只狗"]).tolist()      # doctest: +SKIP
    [True, False, False]
    """

    also = ("english",)

    @property
    def _bag(self) -> Bag:
        return cast(Bag, self.manifest.bag)

    @cached_property
    def _places(self) -> dict[str, int]:
        path = self._bag.pieces
        try:
            found = self.manifest.read(path).decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise ModelError(f"{path} is not UTF-8 text: {error}", "a file of pieces has one piece a line") from error
        places = {piece: place for place, piece in enumerate(filter(None, found))}
        if len(places) != len([piece for piece in found if piece]):
            raise ModelError(f"{path} names a piece twice", "a file of pieces has one piece a line")
        return places

    def open(self, *, texts: bool = False, images: bool = False) -> None:
        """Open sides now, of texts the second reader; the tower is for English, and waits until there is some.

        Raises:
            ModelError: A file of that side is no usable graph, tokenizer or list of pieces.
        """
        super().open(images=images)
        if texts:
            _ = self._places, self._chain_of_pieces

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """Embed texts of any length in any of the model's languages: (n, dim).

        Raises:
            InputError: A text that is blank, no string, or longer than 1,000,000 characters.
        """
        texts = long_text.readable(texts)
        if not texts:
            return super().encode_texts(texts)
        vectors, english = self._read(texts)
        mine = np.flatnonzero(english)
        if len(mine):
            vectors[mine] = super().encode_texts([texts[i] for i in mine]).values
        return DenseEmbeddings(vectors)

    def english(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which texts are read as English, (n,); those of which no piece is known are among them.

        Raises:
            InputError: As for :meth:`encode_texts`.
        """
        texts = long_text.readable(texts)
        return self._read(texts)[1] if texts else np.zeros(0, np.bool_)

    def _read(self, texts: Sequence[str]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """What the bag makes of texts, pooled over their windows, and which of them are English."""
        windows: list[list[int]] = []
        owners: list[int] = []
        for owner, text in enumerate(texts):
            pieces = [self._known(each) for each in grams.in_order(_cut(grams.words(text)))]
            parts = [list(chain.from_iterable(pieces[i : i + WORDS])) for i in range(0, len(pieces), WORDS)]
            kept = [part for part in parts if part] or [[]]
            windows += kept
            owners += [owner] * len(kept)
        vectors = np.zeros((len(windows), self.dim), np.float32)
        vectors[:, 0] = 1.0
        english = np.ones(len(windows), np.float32)
        order = sorted((i for i, window in enumerate(windows) if window), key=lambda i: len(windows[i]))
        for start in range(0, len(order), _TEXTS):
            rows = order[start : start + _TEXTS]
            vectors[rows], english[rows] = self._run([windows[i] for i in rows])
        counts = np.array([max(1, len(window)) for window in windows], np.float64)
        bars = [_ENGLISH_WITH_MARKS if _marked(text) else _ENGLISH for text in texts]
        told = np.bincount(owners, counts * english, len(texts)) / np.bincount(owners, counts, len(texts))
        return long_text.pool(vectors, owners, [int(c) for c in counts]).values.copy(), told >= bars

    def _known(self, pieces: Sequence[str]) -> list[int]:
        return [self._places[piece] for piece in pieces if piece in self._places]

    def _run(self, windows: Sequence[list[int]]) -> tuple[Floats, Floats]:
        longest = max(len(window) for window in windows)
        pieces = np.zeros((len(windows), longest), np.int64)
        weights = np.zeros((len(windows), longest), np.float32)
        for row, window in enumerate(windows):
            pieces[row, : len(window)] = window
            weights[row, : len(window)] = 1 / np.sqrt(len(window))
        found = self._chain_of_pieces.known({"pieces": pieces, "weights": weights})
        english = np.asarray(found["english"], np.float32)
        if english.shape != (len(windows), 1) or not ((english >= 0) & (english <= 1)).all():
            raise ShapeError(
                f'{self._bag.graph}: "english" has shape {english.shape}, or is no share',
                "it must be (n, 1), from 0 to 1",
            )
        vectors = np.asarray(found[self.manifest.output], np.float32)
        return self._checked([vectors], owners=range(len(windows))).values, english[:, 0]

    @cached_property
    def _chain_of_pieces(self) -> Chain:
        return self.chain([self._bag.graph])


def _marked(text: str) -> bool:
    """Whether a letter of the text is none of A to Z."""
    return any(c.isalpha() and not c.isascii() for c in text)


def _cut(words: Sequence[str]) -> list[str]:
    """Words, those too long for a window in parts: a run of Chinese may be a whole book."""
    return [word[i : i + WORDS] for word in words for i in range(0, len(word), WORDS)]


def same_pictures(one: Encoder, other: Encoder) -> bool:
    """Whether two models make the same vectors of pictures, so that each can ask what the other has indexed."""
    mine, theirs = (getattr(getattr(e, "manifest", None), "pictures", None) for e in (one, other))
    return one.fingerprint == other.fingerprint or (mine is not None and theirs is not None and mine() == theirs())
