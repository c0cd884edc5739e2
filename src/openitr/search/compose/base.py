"""What a composer is, and the two that ignore half of the question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.encoders.base import Encoder
from openitr.errors import QueryError, ShapeError
from openitr.types import ImageArray

MAX_STRENGTH = 4.0


@runtime_checkable
class Composer(Protocol):
    """A picture and what should be different about it, to one vector of an encoder's space.

    Attributes:
        name: For tables.
    """

    name: str

    def compose(self, reference: ImageArray, text: str, strength: float = 1.0) -> DenseEmbeddings:
        """The composed query.

        Args:
            reference: (h, w, 3) uint8 RGB.
            text: What should be different ("in red", "without the dog").
            strength: 0 looks for the reference as it is, 1 follows the paper, more stresses the text; at most 4.

        Returns:
            One row.

        Raises:
            QueryError: A blank text, a strength out of range.
        """
        ...


@dataclass(frozen=True, eq=False)
class Started:
    """A composed query whose parts are encoded: any strength costs a few additions, and no model.

    Args:
        mix: Strength to a vector (d,), of any length.
        words: The texts that were encoded.
        notes: What a reader should know ("no language model: ...").
    """

    mix: Callable[[float], Floats]
    words: Sequence[str]
    notes: Sequence[str] = ()

    def at(self, strength: float) -> DenseEmbeddings:
        """The query at a strength: one row.

        Raises:
            QueryError: Out of range, or picture and words cancel out.
        """
        if not 0 <= strength <= MAX_STRENGTH:
            raise QueryError(f"strength {strength} is out of range", f"use 0 to {MAX_STRENGTH:g}; 1 is usual")
        return unit(self.mix(strength))


class VectorComposer:
    """A composer that needs no more than vectors of the picture and of some texts.

    Subclasses say which texts (:meth:`words`) and how they are mixed (:meth:`mix`).

    Args:
        encoder: A dense one.

    Raises:
        ShapeError: It makes no dense embeddings.
    """

    name = "composer"

    def __init__(self, encoder: Encoder) -> None:
        if encoder.kind != "dense":
            raise ShapeError(
                f"the model {encoder.spec!r} makes {encoder.kind} embeddings", "composers need a dense one"
            )
        self.encoder = encoder

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.encoder.spec})"

    def words(self, reference: ImageArray, text: str) -> tuple[Sequence[str], Sequence[str]]:
        """The texts to encode, and notes for people."""
        return [text], ()

    def mix(self, image: Floats, texts: Floats, strength: float) -> Floats:
        """The query (d,), of any length, from the picture's unit vector (d,) and those of the texts (t, d)."""
        raise NotImplementedError

    def start(self, reference: ImageArray, text: str) -> Started:
        """Encode the picture and the texts: one call to the encoder for each.

        Raises:
            QueryError: A blank text.
        """
        words, notes = self.words(reference, asked(text))
        image, texts = (
            values(self.encoder.encode_images([reference]))[0],
            values(self.encoder.encode_texts(list(words))),
        )
        return Started(lambda strength: self.mix(image, texts, strength), words, notes)

    def compose(self, reference: ImageArray, text: str, strength: float = 1.0) -> DenseEmbeddings:
        """The composed query; see :meth:`Composer.compose`."""
        return self.start(reference, text).at(strength)


class ImageOnly(VectorComposer):
    """The picture alone."""

    name = "image only"

    def mix(self, image: Floats, texts: Floats, strength: float) -> Floats:
        """The picture, whatever was said."""
        return image


class TextOnly(VectorComposer):
    """The words alone; at strength 0 the picture alone."""

    name = "text only"

    def mix(self, image: Floats, texts: Floats, strength: float) -> Floats:
        """The words, whatever is in the picture."""
        return texts[0] if strength else image


def asked(text: str) -> str:
    """The text without blanks around it.

    Raises:
        QueryError: There is none.
    """
    if not text.strip():
        raise QueryError("nothing should be different", 'say what, such as "in red", or search by the picture alone')
    return text.strip()


def values(embeddings: object) -> Floats:
    """The (n, d) values of dense embeddings."""
    assert isinstance(embeddings, DenseEmbeddings)
    return embeddings.values


def unit(vector: Floats) -> DenseEmbeddings:
    """One vector (d,) as embeddings of one row.

    Raises:
        QueryError: It has no direction.
    """
    if float(np.linalg.norm(vector)) < 1e-6:
        raise QueryError("picture and words cancel out", "change the strength")
    return DenseEmbeddings.normalise(vector[None, :])


def normal(vectors: Floats) -> Floats:
    """Rows (n, d) of length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    made: Floats = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return made
