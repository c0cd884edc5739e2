"""An encoder and items that tests can reason about: a word is an axis, a picture is the colours it is painted in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openitr.embeddings import DenseEmbeddings, Kind, LexiconEmbeddings, TokenEmbeddings
from openitr.media.prepare import Preparation
from openitr.types import ImageArray, Item

AXES = ("red", "green", "blue", "dark")


class ColourEncoder:
    """Red, green, blue and dark are the four directions; texts name them, pictures show them.

    ``gap`` is added to every picture along a direction of its own, as real models do (the modality gap).
    """

    kind: Kind = "dense"
    dim = 5
    fingerprint = "colour-1"
    spec = "colour"

    def __init__(self, gap: float = 0.0) -> None:
        self.gap = gap
        self.preparation = Preparation(8)
        self.asked: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        self.asked.append("text")
        rows = np.full((len(texts), 5), 0.01, np.float32)
        for row, text in enumerate(texts):
            for axis, word in enumerate(AXES):
                rows[row, axis] += text.split().count(word)
        return DenseEmbeddings.normalise(rows)

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        self.asked.append("image")
        rows = np.full((len(images), 5), 0.01, np.float32)
        for row, image in enumerate(images):
            mean = image.reshape(-1, 3).mean(axis=0) / 255
            rows[row, :3] += mean
            rows[row, 3] += max(0.0, 1 - float(mean.sum()))
            rows[row, 4] += self.gap
        return DenseEmbeddings.normalise(rows)


class TermEncoder(ColourEncoder):
    """The directions as words with weights."""

    kind = "lexicon"
    fingerprint = "terms-1"
    spec = "terms"

    def encode_texts(self, texts: Sequence[str]) -> LexiconEmbeddings:  # type: ignore[override]
        return self._terms(super().encode_texts(texts))

    def encode_images(self, images: Sequence[ImageArray]) -> LexiconEmbeddings:  # type: ignore[override]
        return self._terms(super().encode_images(images))

    def _terms(self, made: DenseEmbeddings) -> LexiconEmbeddings:
        from scipy.sparse import csr_matrix

        return LexiconEmbeddings(csr_matrix(np.rint(made.values * 255).astype(np.float32) / np.float32(255)))


class TokenEncoder(ColourEncoder):
    """One token per picture, one per text, along the same directions."""

    kind = "late"
    fingerprint = "tokens-1"
    spec = "tokens"

    def encode_texts(self, texts: Sequence[str]) -> TokenEmbeddings:  # type: ignore[override]
        return TokenEmbeddings(super().encode_texts(texts).values, np.arange(len(texts) + 1))

    def encode_images(self, images: Sequence[ImageArray]) -> TokenEmbeddings:  # type: ignore[override]
        return TokenEmbeddings(super().encode_images(images).values, np.arange(len(images) + 1))


def loaded(spec: str, **options: object) -> ColourEncoder:
    """What stands in for :func:`openitr.encoders.load`: the three kinds by the names of their shipped models."""
    known = {"lexicon": TermEncoder, "terms": TermEncoder, "late": TokenEncoder, "tokens": TokenEncoder}
    return known.get(spec, ColourEncoder)()


def item(id: int, path: str = "", **facts: object) -> Item:
    """An item with what a test cares about."""
    values: dict[str, object] = {
        "root": 1,
        "sha256": f"{id:064x}",
        "size": 1000,
        "mtime_ns": id * 10**9,
        "width": 100,
        "height": 100,
        "format": "jpeg",
    }
    values.update(facts)
    return Item(id=id, path=path or f"{id}.jpg", **values)  # type: ignore[arg-type]


def unit(rows: np.ndarray) -> DenseEmbeddings:
    """Rows divided by their length."""
    return DenseEmbeddings.normalise(rows)
