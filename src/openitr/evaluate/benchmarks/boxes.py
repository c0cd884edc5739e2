"""A part of a picture, as a picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from openitr.datasets.sources import ImageSource
from openitr.errors import UnreadableImage
from openitr.evaluate.benchmarks.task import Box


@dataclass(frozen=True, slots=True)
class BoxImage:
    """The pixels of a picture inside a box, read as PNG, so that any encoder takes them.

    Edges are rounded to whole pixels and cut at the borders of the picture; at least one pixel is left.

    Args:
        source: The whole picture.
        box: (left, top, width, height) in pixels.
    """

    source: ImageSource
    box: Box

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def size(self) -> int:
        return self.source.size

    @property
    def path(self) -> Path | None:
        return None

    def read(self) -> bytes:
        from PIL import Image

        from openitr.media.images import decode

        whole = decode(self.source.read()).array
        left, top, width, height = self.box
        x0, y0 = round(left), round(top)
        x1, y1 = max(x0 + 1, round(left + width)), max(y0 + 1, round(top + height))
        inside = whole[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
        if not inside.size:
            raise UnreadableImage("box outside the picture", f"{self.source.name} {self.box}")
        out = io.BytesIO()
        Image.fromarray(inside).save(out, "PNG", compress_level=1)
        return out.getvalue()


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes.

    >>> iou((0, 0, 2, 2), (1, 0, 2, 2))
    0.3333333333333333
    """
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(0.0, width) * max(0.0, height)
    union = one[2] * one[3] + other[2] * other[3] - both
    return both / union if union > 0 else 0.0
