"""Weighted query parts as people write them: ``2:golden retriever``, ``0.5:cat.jpg``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from openitr.errors import QueryError
from openitr.search.rerank.propositions import wanted_and_not
from openitr.types import ImageArray, Part

if TYPE_CHECKING:
    from collections.abc import Callable

_QUERY_SIDE = 512
ImageLike: TypeAlias = str | Path | bytes | ImageArray | Part
_WEIGHT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*:(?!//)\s*(.*)", re.DOTALL)


def parse_weight(text: str) -> tuple[float, str]:
    """Split ``"2:golden retriever"`` into its weight and the rest; without a weight it is 1.

    A weight is a number before the first colon. A text that starts with such a number itself is written
    ``1:10:30 on a clock``.

    >>> parse_weight("2:golden retriever"), parse_weight("dog: a portrait"), parse_weight("-0.5: snow")
    ((2.0, 'golden retriever'), (1.0, 'dog: a portrait'), (-0.5, 'snow'))
    """
    match = _WEIGHT.fullmatch(text)
    return (float(match[1]), match[2]) if match else (1.0, text)


def parse_part(text: str) -> Part:
    """A text part from ``"words"`` or ``"weight:words"``.

    Raises:
        QueryError: No words, or a weight that is zero or not finite.

    >>> str(parse_part("2:golden retriever"))
    '2:golden retriever'
    """
    weight, words = parse_weight(text)
    return Part(text=words.strip(), weight=weight)


def understood(words: str) -> tuple[list[Part], list[Part]]:
    """Words as people type them: what is wanted, and what they say is not there; what is in quotes stays as it is.

    >>> [[part.text for part in side] for side in understood("a dog but no people")]
    [['a dog'], ['people']]
    """
    wanted, denied = wanted_and_not(words)
    return [Part(text=wanted)], [Part(text=one) for one in denied]


def image_part(image: ImageLike, decode: Callable[[Path | bytes], ImageArray]) -> Part:
    """A picture part from a path (``"0.5:cat.jpg"`` weighs it), bytes, an array, or a ready part.

    Args:
        image: What the caller has.
        decode: Untrusted bytes or a path to (h, w, 3) uint8 RGB.

    Raises:
        QueryError: An array of another shape, a file that is not there.
        UnreadableImage: Bytes that are no picture.
    """
    if isinstance(image, Part):
        return image
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise QueryError(
                f"an array of shape {image.shape} and type {image.dtype} is no picture",
                "give (height, width, 3) uint8 RGB",
            )
        return Part(image=image, label="picture")
    if isinstance(image, (bytes, bytearray, memoryview)):
        return Part(image=decode(bytes(image)), label="picture")
    # A file whose name looks weighted ("2:00.jpg") is that file.
    weight, name = (1.0, str(image)) if isinstance(image, Path) or Path(image).is_file() else parse_weight(str(image))
    path = Path(name).expanduser()
    if not path.is_file():
        raise QueryError(f"there is no picture {name}", "check the path")
    return Part(image=decode(path), weight=weight, label=path.name)


def text_parts(texts: Iterable[str | Part]) -> list[Part]:
    """Text parts from strings or ready parts, in order."""
    return [text if isinstance(text, Part) else parse_part(text) for text in texts]


def decode_query(source: Path | bytes) -> ImageArray:
    """A query picture from untrusted bytes or a path, no larger than a model needs.

    Raises:
        UnreadableImage: It is no picture.
    """
    from openitr.media import decode

    return decode(source, shrink_to=_QUERY_SIDE).array
