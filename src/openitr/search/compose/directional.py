"""Prompt directional vectors: what the words change, as a direction that can be followed a little or a lot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.search.compose.base import Started, VectorComposer, asked, normal, unit, values
from openitr.types import ImageArray

Base = Callable[[ImageArray, str], tuple[Sequence[str], Sequence[str]]]
"""The base method: (reference, text) to what it says of the reference, then as many texts once edited; and notes."""


@dataclass(frozen=True, eq=False)
class Sliders(Started):
    """One composed query, encoded once, asked three ways.

    Args:
        seen: (d,) the picture.
        before, after: (d,) what is said of it, and what is said of it once edited.
    """

    seen: Floats | None = None
    before: Floats | None = None
    after: Floats | None = None

    @property
    def direction(self) -> Floats:
        """after - before: (d,)."""
        assert self.after is not None and self.before is not None
        return self.after - self.before

    def text(self, a: float = 1.0) -> DenseEmbeddings:
        """before + a direction: 1 is the base method, more stresses the edit, below 0 goes the other way."""
        assert self.before is not None
        return unit(self.before + a * self.direction)

    def image(self, a: float = 1.0) -> DenseEmbeddings:
        """picture + a direction: 0 is image search."""
        assert self.seen is not None
        return unit(self.seen + a * self.direction)

    def fused(self, a_text: float, a_image: float, b: float) -> DenseEmbeddings:
        """(1 - b) norm(image(a_image)) + b norm(text(a_text))."""
        return unit((1 - b) * self.image(a_image).values[0] + b * self.text(a_text).values[0])


class DirectionalQuery(VectorComposer):
    """q = (1 - b) norm(v + a_I D) + b norm(t0 + a_T D), where D = t1 - t0 is what the edit changes in words.

    Strength multiplies both a. The gain depends on how well the base method words t0 and t1; one that captions the
    reference (:class:`~openitr.search.compose.LanguageComposer`) knows what is replaced, and the default one, which
    needs no language model, says no more than "a photo".

    Args:
        encoder: A dense one.
        base: Words what is there and what should be; None for the templates "a photo" and "a photo, TEXT".
        a_text, a_image: How far to follow the direction on the side of the words and of the picture.
        b: Share of the words, 0 to 1.

    Raises:
        InputError: b out of range.

    References:
        Tursun et al. 2025, PDV, arXiv:2502.07215, for the formulas; the defaults are ours, chosen on
        the val split of fashion triplets, and ``tune`` finds better ones where answers are known.

    >>> composer = DirectionalQuery(encoder)                                        # doctest: +SKIP
    >>> started = composer.start(picture, "in red")                                 # doctest: +SKIP
    >>> [index.search(started.image(a), 5) for a in (0, 1, 2)]                      # doctest: +SKIP
    """

    name = "directional (PDV)"

    def __init__(
        self, encoder: Encoder, base: Base | None = None, *, a_text: float = 1.2, a_image: float = 1.2, b: float = 0.4
    ) -> None:
        if not 0 <= b <= 1:
            raise InputError(f"b is {b}", "use 0 (picture alone) to 1 (words alone)")
        super().__init__(encoder)
        self.base, self.a_text, self.a_image, self.b = base or templates, a_text, a_image, b

    def words(self, reference: ImageArray, text: str) -> tuple[Sequence[str], Sequence[str]]:
        """What the base method says before and after."""
        return self.base(reference, text)

    def mix(self, image: Floats, texts: Floats, strength: float) -> Floats:
        """The fused query."""
        return fused(image, *sides(texts), strength * self.a_text, strength * self.a_image, self.b)

    def start(self, reference: ImageArray, text: str) -> Sliders:
        """Encode picture, before and after; then slide."""
        words, notes = self.words(reference, asked(text))
        image, texts = (
            values(self.encoder.encode_images([reference]))[0],
            values(self.encoder.encode_texts(list(words))),
        )
        return Sliders(lambda strength: self.mix(image, texts, strength), words, notes, image, texts[0], texts[1])


def templates(reference: ImageArray, text: str) -> tuple[Sequence[str], Sequence[str]]:
    """The base method that knows nothing of the picture.

    >>> import numpy as np
    >>> templates(np.zeros((1, 1, 3), np.uint8), "in red")[0]
    ['a photo', 'a photo, in red']
    """
    note = "the words know nothing of the picture: a language model or a captioner would say what is replaced"
    return ["a photo", f"a photo, {text}"], (note,)


def sides(texts: Floats) -> tuple[Floats, Floats]:
    """Texts (2 n, d), n before and n after, to the mean direction of each half."""
    before, after = np.split(texts, 2)
    return normal(before.mean(0)), normal(after.mean(0))


def fused(image: Floats, before: Floats, after: Floats, a_text: float, a_image: float, b: float) -> Floats:
    """The formula, over the last axis of any shapes that fit: unit vectors in, vectors of any length out."""
    direction = after - before
    made: Floats = (1 - b) * normal(image + a_image * direction) + b * normal(before + a_text * direction)
    return made
