"""Search without vision at query time: pictures are described once, and texts are compared with texts.

A describer writes down what is in a picture; one text encoder embeds descriptions and queries alike, so there is no gap
between two towers, word order counts as much as the text encoder lets it, and pixels need not be kept ("Vision-Free
Retrieval", 2025; the list of fields is ours). The describer is any function of a picture: a multimodal model
(:class:`LMMDescriber`), a captioner, captions that people wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from openitr.embeddings import DenseEmbeddings, Kind, TokenEmbeddings
from openitr.encoders.base import Encoder
from openitr.encoders.fingerprint import combine
from openitr.encoders.lmm import LMM, Message
from openitr.errors import InputError, ShapeError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

SIDE = 448
"""Pixels: pictures are handed to a describer fitted into a square of this side."""


@dataclass(frozen=True)
class Description:
    """What is in a picture, in fields of a fixed order.

    Args:
        summary: The scene in a sentence.
        objects: What there is, with number and attributes ("two small red cars").
        relations: How things stand to each other.
        background: Where it is.
        text: What is written in the picture.

    >>> str(Description("A street.", ["two red cars"], ["a car is left of a tree"], text="STOP"))
    'A street. two red cars. a car is left of a tree. Text: STOP.'
    """

    summary: str = ""
    objects: Sequence[str] = ()
    relations: Sequence[str] = ()
    background: str = ""
    text: str = ""

    def parts(self) -> list[str]:
        """The sentences of the description, in order, empty ones left out."""
        written = f"Text: {self.text.strip()}" if self.text.strip() else ""
        said = [self.summary, *self.objects, *self.relations, self.background, written]
        return [part.strip().rstrip(".") + "." for part in said if part.strip(" .")]

    def __str__(self) -> str:
        return " ".join(self.parts())


Describer: TypeAlias = Callable[[ImageArray], Description | str]


class DescriptionEncoder:
    """A describer and a text encoder as one encoder of pictures and texts.

    Args:
        describer: Picture to description.
        text: Whose text side embeds both; its picture side is never used.
        name: Of the describer with everything that shapes its answers, for the fingerprint: two describers of one name
            share collections.
        parts: Also a vector for each sentence, of which the best counts (late kind); otherwise one vector for all.

    Attributes:
        spec: Names the parts; it cannot be loaded by name, because a function cannot.

    Raises:
        ShapeError: ``text`` is not dense.
        InputError: No name, or, while encoding, a describer that says nothing of a picture.

    >>> encoder = DescriptionEncoder(LMMDescriber(lmm), load("default"), name="qwen")     # doctest: +SKIP
    >>> encoder.encode_images([picture]).values.shape                                     # doctest: +SKIP
    (1, 768)
    """

    def __init__(self, describer: Describer, text: Encoder, *, name: str, parts: bool = False) -> None:
        if text.kind != "dense":
            raise ShapeError(f"{text.spec} makes {text.kind} embeddings", "descriptions need a dense encoder")
        if not name.strip():
            raise InputError("a describer without a name", "name it, with whatever shapes its answers")
        self.describer, self.text, self.parts = describer, text, parts
        self.kind: Kind = "late" if parts else "dense"
        self.dim = text.dim
        self.spec = f"description[{name}]:{text.spec}"
        self.fingerprint = combine({"describer": name, "text": text.fingerprint, "parts": parts})
        self.preparation = Preparation(SIDE, "pad")

    def describe(self, image: ImageArray) -> Description:
        """What the describer says of one picture.

        Raises:
            InputError: Nothing, or no picture.
        """
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or 0 in image.shape:
            raise InputError("no (h, w, 3) uint8 picture", "decode it with openitr.media first")
        said = self.describer(self.preparation(image))
        found = Description(said) if isinstance(said, str) else said
        if not found.parts():
            raise InputError("the describer says nothing of the picture", "leave the picture out")
        return found

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings | TokenEmbeddings:
        """Describe pictures, embed what was said."""
        return self.encode_descriptions([self.describe(image) for image in images])

    def encode_descriptions(self, descriptions: Sequence[Description]) -> DenseEmbeddings | TokenEmbeddings:
        """Embed descriptions that are there already."""
        if not self.parts:
            return self._dense([str(one) for one in descriptions])
        bags = [[str(one), *(one.parts() if len(one.parts()) > 1 else [])] for one in descriptions]
        sizes = np.array([len(bag) for bag in bags], np.int64)
        values = self._dense([text for bag in bags for text in bag]).values
        return TokenEmbeddings(values, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings | TokenEmbeddings:
        """Embed queries with the same text encoder."""
        found = self._dense(texts)
        return TokenEmbeddings(found.values, np.arange(len(found) + 1, dtype=np.int64)) if self.parts else found

    def _dense(self, texts: Sequence[str]) -> DenseEmbeddings:
        found = self.text.encode_texts(texts)
        assert isinstance(found, DenseEmbeddings)
        return found


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "objects": {"type": "array", "items": {"type": "string"}, "maxItems": 40},
        "relations": {"type": "array", "items": {"type": "string"}, "maxItems": 40},
        "background": {"type": "string"},
        "text": {"type": "string"},
    },
    "required": ["summary", "objects", "relations", "background", "text"],
    "additionalProperties": False,
}
_ASKED = (
    "Describe the picture for someone who has to find it by words. summary: the scene in one sentence. objects: every "
    "thing with its number, colour, size and other attributes. relations: how things stand to each other, in short "
    "sentences. background: where it is. text: what is written in the picture, or nothing. Say only what can be seen."
)


@dataclass(frozen=True)
class LMMDescriber:
    """A multimodal language model as a describer, one call per picture. Untested with a live model here.

    Args:
        lmm: The model.
        max_tokens: Longest description.

    Raises:
        LMMError: When called: the model is down, too slow, or answers no such object.
    """

    lmm: LMM
    max_tokens: int = 700

    def __call__(self, image: ImageArray) -> Description:
        reply = self.lmm.generate([Message("user", _ASKED, [image])], schema=_SCHEMA, max_tokens=self.max_tokens)
        said = reply.value
        return Description(said["summary"], said["objects"], said["relations"], said["background"], said["text"])
