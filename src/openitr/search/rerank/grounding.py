"""Where a word is in a picture: boxes from a detector, or, without one, the window of a grid that fits it best."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from openitr.embeddings import Floats
from openitr.encoders.base import Encoder
from openitr.encoders.regions import Box, inside, tiles
from openitr.errors import InputError, ShapeError
from openitr.search.compose.base import values
from openitr.types import ImageArray

Grounder: TypeAlias = Callable[[str, ImageArray], Sequence[Box]]
"""A word and a picture to boxes (left, top, right, bottom as shares of the sides); none where it is not found."""


def only(image: ImageArray, boxes: Sequence[Box]) -> ImageArray:
    """The picture with everything outside the boxes black; the picture itself where there is no box.

    >>> seen = only(np.full((4, 4, 3), 9, np.uint8), [(0.0, 0.0, 0.5, 0.5)])
    >>> int(seen[:2, :2].min()), int(seen.sum())
    (9, 108)
    """
    if not boxes:
        return image
    height, width = image.shape[:2]
    black = np.zeros_like(image)
    for left, top, right, bottom in boxes:
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise InputError(f"{(left, top, right, bottom)} is no box", "give left, top, right, bottom, from 0 to 1")
        x0, y0 = min(width - 1, round(left * width)), min(height - 1, round(top * height))
        x1, y1 = max(x0 + 1, round(right * width)), max(y0 + 1, round(bottom * height))
        black[y0:y1, x0:x1] = image[y0:y1, x0:x1]
    return black


class GridGrounder:
    """The window that fits a word best, where it fits better than the whole picture does (ours).

    Args:
        encoder: A dense one.
        side: Windows per side.
        share: Of the picture's side that a window spans.
        margin: How much better than the whole a window must be, as a cosine.

    Raises:
        ShapeError: The encoder makes no dense embeddings.
    """

    def __init__(self, encoder: Encoder, *, side: int = 3, share: float = 0.5, margin: float = 0.0) -> None:
        if encoder.kind != "dense":
            raise ShapeError(f"{encoder.spec} makes {encoder.kind} embeddings", "grounding needs a dense encoder")
        self.encoder, self.boxes, self.margin = encoder, tiles(side, share), margin
        self._lock = threading.Lock()
        self._last: tuple[str, Floats] | None = None

    def __call__(self, word: str, image: ImageArray) -> Sequence[Box]:
        """One box, or none."""
        seen = self._seen(image)
        scores = seen @ values(self.encoder.encode_texts([word]))[0]
        best = int(scores[1:].argmax())
        return [self.boxes[best]] if scores[1 + best] > scores[0] + self.margin else []

    def _seen(self, image: ImageArray) -> Floats:
        """Vectors of the whole and of every window; those of the last picture are kept, for its next word."""
        mark = hashlib.sha256(image.tobytes()).hexdigest() + str(image.shape)
        with self._lock:
            if self._last is not None and self._last[0] == mark:
                return self._last[1]
        found = values(self.encoder.encode_images([image, *(inside(image, box) for box in self.boxes)]))
        with self._lock:
            self._last = mark, found
        return found
