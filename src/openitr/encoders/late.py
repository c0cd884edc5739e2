"""Late interaction models in a folder: one vector per patch and one per word, as ONNX graphs; needs no torch.

The graphs put out ``token_embeddings`` (n, L, d), of unit length where ``token_mask`` (n, L) is true; an image side
without a mask has as many tokens for every picture. An image side may also put out ``patch_embeddings``
(n, rows * columns, d), a finer square grid to point at places with, whose product with a text's token is a cosine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from openitr.embeddings import Floats, Ints, Kind, TokenEmbeddings
from openitr.encoders import long_text
from openitr.encoders.alike import alike
from openitr.encoders.graphs import Arrays, Chain
from openitr.encoders.onnx import OnnxTowers, _tokens
from openitr.errors import InputError, ShapeError
from openitr.types import ImageArray

_MASK, _PATCHES = "token_mask", "patch_embeddings"


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where in a picture each word of a text finds its match.

    Args:
        words: As they stand in the text.
        spans: (start, end) of each word in the text, characters.
        maps: (words, rows, columns) float32, cosine of the word with each place, -1 to 1.

    >>> found = Alignment(["dog"], [(2, 5)], np.array([[[0.1, 0.7], [0.2, 0.3]]], np.float32))
    >>> found.best("dog")
    (0, 1)
    """

    words: Sequence[str]
    spans: Sequence[tuple[int, int]]
    maps: Floats

    def best(self, word: str) -> tuple[int, int]:
        """Row and column of the place that a word matches best; the first such word where it stands twice.

        Raises:
            InputError: The word is none of :attr:`words`.
        """
        if word not in self.words:
            raise InputError(f"{word!r} has no map", f"there are: {', '.join(self.words)}")
        grid = self.maps[list(self.words).index(word)]
        row, column = np.unravel_index(int(grid.argmax()), grid.shape)
        return int(row), int(column)


class LateEncoder(OnnxTowers):
    """A late interaction model in a folder: bags of token vectors, compared by MaxSim.

    Texts longer than the model's window are cut into overlapping windows, whose tokens all go into the bag.

    >>> from openitr.encoders import load
    >>> encoder = load("late")                                             # doctest: +SKIP
    >>> encoder.encode_texts(["a dog on the beach"]).offsets               # doctest: +SKIP
    array([0, 4])
    """

    kind: Kind = "late"
    also = (_MASK, _PATCHES)

    def encode_images(self, images: Sequence[ImageArray]) -> TokenEmbeddings:
        """Embed (h, w, 3) uint8 RGB pictures of any size: a bag of ``dim``-wide vectors each.

        Raises:
            InputError: A picture that is no (h, w, 3) uint8 array, or has no pixels.
            ShapeError: The model gave a wrong shape, NaN, or vectors whose length is not 1.
        """
        return self.images_from(self.ran(images))

    def images_from(self, batches: Iterable[Arrays]) -> TokenEmbeddings:
        """Embeddings of what :meth:`ran` gives: a bag of ``dim``-wide vectors per picture.

        Raises:
            ShapeError: The model gave a wrong shape, NaN, or vectors whose length is not 1.
        """
        return self._joined([bag for known in batches for bag in self._bags(known)])

    def encode_texts(self, texts: Sequence[str]) -> TokenEmbeddings:
        """Embed texts of any length: a bag of ``dim``-wide vectors each.

        Raises:
            InputError: A text that is blank, no string, or longer than 1,000,000 characters.
            ShapeError: The model gave a wrong shape, NaN, or vectors whose length is not 1.
        """
        texts = long_text.readable(texts)
        if not texts:
            return self._joined([])
        windows, owners = self._windows(texts)
        bags: list[Floats] = [np.zeros((0, self.dim), np.float32)] * len(windows)
        for rows in alike([len(window.ids) for window in windows]):
            for row, bag in zip(rows, self._bags(self._read(windows, rows)), strict=True):
                bags[row] = bag
        starts = [owners.index(owner) for owner in range(len(texts))] if len(windows) > len(texts) else None
        if starts is None:
            return self._joined(bags)
        return self._joined(
            [np.concatenate(bags[a:b]) for a, b in zip(starts, [*starts[1:], len(windows)], strict=True)]
        )

    def encode_patches(self, images: Sequence[ImageArray]) -> TokenEmbeddings:
        """Every place of the finer grid, row by row, as a bag per picture: what :meth:`alignment` points at.

        Raises:
            InputError: As for :meth:`encode_images`.
            ShapeError: The model's image side puts out no patches.
        """
        found = []
        for known in self.ran(images):
            if _PATCHES not in known:
                raise ShapeError(f"{self.spec} puts out no {_PATCHES!r}", "its image graph must, to point at places")
            found += list(np.asarray(known[_PATCHES], np.float32))
        return self._joined(found)

    def alignment(self, image: ImageArray, text: str) -> Alignment:
        """Where each word of a text finds its match in a picture (FILIP, arXiv:2111.07783, section 3.4).

        A word of several tokens has the mean of their maps. Of a text longer than the window the first window is read.

        Args:
            image: (h, w, 3) uint8.
            text: Not blank.

        Raises:
            InputError: As for :meth:`encode_texts`.
            ShapeError: The model's image side puts out no patches.
        """
        (text,) = long_text.readable([text])
        patches = self.encode_patches([image]).values
        side = round(len(patches) ** 0.5)
        windows, _ = self._windows([text])
        answer = self._read(windows, [0])
        mask = answer[_MASK][0].astype(bool)
        values = np.asarray(answer[self.manifest.output][0], np.float32)
        # Tokens that stand for the whole text come before those that stand at a place in it.
        ahead = len(mask) - len(windows[0].ids)
        words: dict[tuple[int, int], list[int]] = {}
        for token, word in enumerate(windows[0].word_ids):
            if word is not None and mask[ahead + token]:
                spans = [windows[0].offsets[i] for i, w in enumerate(windows[0].word_ids) if w == word]
                words.setdefault((min(a for a, _ in spans), max(b for _, b in spans)), []).append(ahead + token)
        maps = [(values[rows] @ patches.T).mean(0).reshape(side, side) for rows in words.values()]
        empty = np.zeros((0, side, side), np.float32)
        return Alignment([text[a:b] for a, b in words], list(words), np.stack(maps) if maps else empty)

    def _read(self, windows: Sequence[Any], rows: Sequence[int]) -> Arrays:
        chain, _, padding = cast("tuple[Chain, Any, Any]", self._open_text())
        return chain.known(_tokens([windows[row] for row in rows], padding))

    def _bags(self, known: Arrays) -> list[Floats]:
        """What a side put out, as one array of unit vectors per item."""
        values = np.asarray(known[self.manifest.output], np.float32)
        if values.ndim != 3 or values.shape[2] != self.dim:
            raise ShapeError(
                f"{self.spec} gave an array of shape {values.shape}, not (n, L, {self.dim})",
                'check "dim" and "output" in its model.json',
            )
        mask = np.asarray(known[_MASK], bool) if _MASK in known else np.ones(values.shape[:2], bool)
        if mask.shape != values.shape[:2] or not mask.any(1).all():
            raise ShapeError(f"{self.spec} gave a mask that leaves an item without tokens", f"check {_MASK!r}")
        bags = [rows[there] for rows, there in zip(values, mask, strict=True)]
        lengths = np.linalg.norm(np.concatenate(bags), axis=1)
        if not (np.abs(lengths - 1) < 1e-3).all():
            raise ShapeError(
                f"{self.spec}: a token vector of length {lengths[np.argmax(~(np.abs(lengths - 1) < 1e-3))]:.4g}, not 1",
                f'output "{self.manifest.output}" must be finite and L2-normalised inside the graph',
            )
        return bags

    def _joined(self, bags: Sequence[Floats]) -> TokenEmbeddings:
        offsets: Ints = np.concatenate([[0], np.cumsum([len(bag) for bag in bags])]).astype(np.int64)
        return TokenEmbeddings(np.concatenate([np.zeros((0, self.dim), np.float32), *bags]), offsets)
