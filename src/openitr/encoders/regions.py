"""Several vectors per picture, of the whole and of its parts: small things are found that the whole drowns.

A caption of a coat hook scores low against the one vector of a hall. SORCE (Liu et al. 2025, arXiv:2505.24441) asks a
multimodal LLM for several embeddings, each told to look at another part, and lets the best one count. Here the parts
are cut out before the model sees them, so any dense encoder will do (ours); the score is the paper's,
``score(t, image) = max_r t . e_r``, and follows from the late kind of embeddings by itself: a text is one vector, a
picture a bag of R + 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from openitr.embeddings import DenseEmbeddings, Ints, Kind, TokenEmbeddings
from openitr.encoders.base import Encoder
from openitr.encoders.fingerprint import combine
from openitr.errors import InputError, ShapeError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

Box: TypeAlias = tuple[float, float, float, float]
"""(left, top, right, bottom) as shares of the sides."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


def tiles(side: int, share: float) -> tuple[Box, ...]:
    """``side`` x ``side`` equal boxes of which each spans ``share`` of the picture, row by row, evenly spread.

    >>> tiles(2, 0.5)
    ((0.0, 0.0, 0.5, 0.5), (0.5, 0.0, 1.0, 0.5), (0.0, 0.5, 0.5, 1.0), (0.5, 0.5, 1.0, 1.0))
    """
    starts = [round(i * (1 - share) / max(1, side - 1), 6) for i in range(side)]
    return tuple((x, y, round(x + share, 6), round(y + share, 6)) for y in starts for x in starts)


LAYOUTS: dict[str, tuple[Box, ...]] = {
    "whole": (WHOLE,),
    "corners": (WHOLE, *tiles(2, 0.5)),
    "grid": (WHOLE, *tiles(3, 0.4)),
}
"""Parts by name: the whole; with its four quarters (5 vectors); with a 3 x 3 grid (10)."""

_BATCH = 32  # vectors at once; a batch of pictures would hold all of its parts in memory


class Regions:
    """Any dense encoder, made to see every picture whole and in parts.

    Args:
        base: What embeds the whole, the parts and the texts.
        layout: A name of :data:`LAYOUTS`, or boxes; the first one should be the whole, (0, 0, 1, 1).

    Attributes:
        boxes: The parts, in the order of a picture's vectors.

    Raises:
        ShapeError: ``base`` is not dense.
        InputError: An unknown layout, or a box without area or outside the picture.

    When to use:
        Pictures in which what is looked for is small: shelves, maps, crowds, scans. Index size and the time to index
        grow with the number of parts; :class:`openitr.index.ManyIndex` searches them.

    >>> encoder = Regions(load("default"), "corners")                       # doctest: +SKIP
    >>> encoder.encode_images([picture]).values.shape                       # doctest: +SKIP
    (5, 768)
    """

    def __init__(self, base: Encoder, layout: str | Sequence[Box] = "corners") -> None:
        if base.kind != "dense":
            raise ShapeError(f"{base.spec} makes {base.kind} embeddings", "regions need a dense encoder")
        self.base = base
        self.boxes = _checked(layout)
        self.kind: Kind = "late"
        self.dim = base.dim
        name = layout if isinstance(layout, str) else ";".join(",".join(f"{v:g}" for v in box) for box in self.boxes)
        self.spec = f"regions-{name}:{base.spec}"
        self.fingerprint = combine({"regions": 1, "base": base.fingerprint, "boxes": [list(b) for b in self.boxes]})
        # The smallest part keeps the resolution that the model wants; a lone whole stays as the base prepares it.
        zoom = min(4, max(math.ceil(1 / max(x1 - x0, y1 - y0) - 1e-6) for x0, y0, x1, y1 in self.boxes))
        self.preparation: Preparation = replace(base.preparation, size=base.preparation.size * zoom)

    def __repr__(self) -> str:
        return f"Regions({self.base!r}, {len(self.boxes)} parts)"

    def encode_images(self, images: Sequence[ImageArray]) -> TokenEmbeddings:
        """One vector per part: (n pictures x R + 1 parts, dim)."""
        many = len(self.boxes)
        values = np.empty((len(images) * many, self.dim), np.float32)
        step = max(1, _BATCH // many)
        for start in range(0, len(images), step):
            parts = [part for image in images[start : start + step] for part in self.cut(image)]
            found = self.base.encode_images(parts)
            assert isinstance(found, DenseEmbeddings)
            values[start * many : start * many + len(parts)] = found.values
        return TokenEmbeddings(values, np.arange(len(images) + 1, dtype=np.int64) * many)

    def encode_texts(self, texts: Sequence[str]) -> TokenEmbeddings:
        """One vector per text: that of the base."""
        found = self.base.encode_texts(texts)
        assert isinstance(found, DenseEmbeddings)
        return TokenEmbeddings(found.values, np.arange(len(found) + 1, dtype=np.int64))

    def cut(self, image: ImageArray) -> list[ImageArray]:
        """The parts of one (h, w, 3) picture as the base takes them, in the order of :attr:`boxes`."""
        # What is no picture is refused by the base, in its own words.
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or 0 in image.shape:
            return [image] * len(self.boxes)
        square = self.preparation(image)
        return [self.base.preparation(inside(square, box)) for box in self.boxes]


def inside(image: ImageArray, box: Box) -> ImageArray:
    """The pixels inside a box, edges rounded to whole pixels; one pixel at least.

    >>> inside(np.zeros((10, 20, 3), np.uint8), (0.5, 0.0, 1.0, 0.5)).shape
    (5, 10, 3)
    """
    height, width = image.shape[:2]
    x0, y0 = min(width - 1, round(box[0] * width)), min(height - 1, round(box[1] * height))
    x1, y1 = max(x0 + 1, round(box[2] * width)), max(y0 + 1, round(box[3] * height))
    return np.ascontiguousarray(image[y0:y1, x0:x1])


def best_part(queries: TokenEmbeddings, pictures: TokenEmbeddings) -> Ints:
    """Which of a picture's vectors answers a query best: (n, m) int64 places in its bag.

    Args:
        queries: n bags; the sum over a query's vectors decides.
        pictures: m bags, all of one size.

    Raises:
        ShapeError: Pictures with unequal numbers of vectors, or another width.

    >>> pictures = TokenEmbeddings(np.eye(4, dtype=np.float32), np.array([0, 2, 4]))
    >>> best_part(TokenEmbeddings(np.eye(4, dtype=np.float32)[[3]], np.array([0, 1])), pictures).tolist()
    [[0, 1]]
    """
    sizes = np.unique(np.diff(pictures.offsets))
    if len(sizes) > 1 or queries.dim != pictures.dim:
        raise ShapeError("bags of unequal size or width have no common parts", "encode them with one Regions")
    scores = np.add.reduceat(queries.values @ pictures.values.T, queries.offsets[:-1], axis=0)
    found: Ints = scores.reshape(len(queries), len(pictures), -1).argmax(axis=2).astype(np.int64)
    return found


def _checked(layout: str | Sequence[Box]) -> tuple[Box, ...]:
    if isinstance(layout, str):
        if layout not in LAYOUTS:
            raise InputError(f"there is no layout {layout!r}", f"use {', '.join(LAYOUTS)}, or boxes")
        return LAYOUTS[layout]
    boxes = tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in layout)
    if not boxes:
        raise InputError("no part at all", "give at least the whole, (0, 0, 1, 1)")
    for box in boxes:
        if not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
            raise InputError(f"{box} is no part of a picture", "give left, top, right, bottom as shares from 0 to 1")
    return boxes
