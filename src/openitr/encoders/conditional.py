"""Pictures under an instruction: "what colour is it?" makes pictures of one colour neighbours, whatever they show.

FocalLens (Hsieh et al. 2025, arXiv:2504.08368): ``z = f(image, instruction)`` is trained to be near the frozen text
vector of the answer. An index holds vectors under one instruction, so :meth:`ConditionalImageEncoder.under` gives an
encoder with a fingerprint of its own: a collection refuses to mix two instructions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats, Kind
from openitr.encoders.base import Encoder
from openitr.encoders.fingerprint import combine
from openitr.errors import ShapeError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

_BATCH = 64


class ConditionalModel(Protocol):
    """What embeds prepared pictures under instructions.

    Attributes:
        dim: Width of the vectors.
        fingerprint: Of the weights.
    """

    dim: int
    fingerprint: str

    def embed(self, pictures: Sequence[ImageArray], instructions: Floats, told: Sequence[bool]) -> Floats:
        """Prepared squares, (n, text dim) vectors of instructions, and whether each is told at all, to (n, dim)."""
        ...


class ConditionalImageEncoder:
    """Pictures and an instruction to vectors.

    Args:
        base: The model; :class:`openitr.models.FocalLens` is one.
        text: Dense encoder whose text side reads instructions and answers; answers lie in its space.
        preparation: How pictures become the model's squares.

    Raises:
        ShapeError: ``text`` is not dense, or of another width than the model.

    >>> encoder = ConditionalImageEncoder(model, load("default"), Preparation(32))     # doctest: +SKIP
    >>> encoder([picture], instruction="what colour is it?").values.shape             # doctest: +SKIP
    (1, 768)
    """

    def __init__(self, base: ConditionalModel, text: Encoder, preparation: Preparation) -> None:
        if text.kind != "dense" or text.dim != base.dim:
            raise ShapeError(
                f"{text.spec} makes {text.kind} embeddings of width {text.dim} for a model of {base.dim}",
                "give the text encoder that the model was trained with",
            )
        self.base, self.text, self.preparation, self.dim = base, text, preparation, base.dim

    def __call__(self, images: Sequence[ImageArray], instruction: str | Sequence[str] = "") -> DenseEmbeddings:
        """Embed pictures under one instruction, or one each; a blank one gives the general embedding.

        Raises:
            ShapeError: Another number of instructions than of pictures.
        """
        asked = [instruction] * len(images) if isinstance(instruction, str) else list(instruction)
        if len(asked) != len(images):
            raise ShapeError(f"{len(asked)} instructions for {len(images)} pictures", "give one, or one each")
        values = np.empty((len(images), self.dim), np.float32)
        read = self._read(asked)
        for start in range(0, len(images), _BATCH):
            part = slice(start, start + _BATCH)
            squares = [self.preparation(image) for image in images[part]]
            told = [bool(text.strip()) for text in asked[part]]
            values[part] = self.base.embed(squares, read[part], told)
        return DenseEmbeddings.normalise(values)

    def under(self, instruction: str) -> UnderInstruction:
        """An encoder that sees every picture under one instruction."""
        return UnderInstruction(self, instruction)

    def _read(self, instructions: Sequence[str]) -> Floats:
        """(n, dim) vectors; zeros where blank, which are never looked at."""
        distinct = sorted({text for text in instructions if text.strip()})
        found = np.zeros((len(instructions), self.dim), np.float32)
        if distinct:
            vectors = self.text.encode_texts(distinct)
            assert isinstance(vectors, DenseEmbeddings)
            row = {text: place for place, text in enumerate(distinct)}
            for place, text in enumerate(instructions):
                if text.strip():
                    found[place] = vectors.values[row[text]]
        return found


class UnderInstruction:
    """One instruction, as an encoder of pictures and texts."""

    def __init__(self, conditional: ConditionalImageEncoder, instruction: str) -> None:
        self.conditional, self.instruction = conditional, instruction
        self.kind: Kind = "dense"
        self.dim, self.preparation = conditional.dim, conditional.preparation
        self.spec = f"under[{instruction.strip()}]:{conditional.text.spec}"
        self.fingerprint = combine(
            {
                "model": conditional.base.fingerprint,
                "text": conditional.text.fingerprint,
                "preparation": conditional.preparation.to_json(),
                "instruction": instruction.strip(),
            }
        )

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        """Embed pictures under the instruction."""
        return self.conditional(images, self.instruction)

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """Embed answers ("red"), which lie near the pictures they are true of."""
        found = self.conditional.text.encode_texts(texts)
        assert isinstance(found, DenseEmbeddings)
        return found
