"""From a decoded picture to the square a model wants."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from openitr.types import ImageArray

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes a (size, size, 3) uint8 square.

    Args:
        size: Side of the square, pixels.
        fit: "squash" ignores the aspect ratio, "crop" keeps the centre, "pad" keeps everything on grey borders.
        interpolation: "bilinear", "bicubic" or "lanczos" (PIL's, with antialiasing when shrinking).

    >>> Preparation(8, "pad")(np.zeros((4, 16, 3), np.uint8)).shape
    (8, 8, 3)
    """

    size: int
    fit: Literal["squash", "crop", "pad"] = "squash"
    interpolation: Literal["bilinear", "bicubic", "lanczos"] = "bicubic"

    def __call__(self, image: ImageArray) -> ImageArray:
        """(h, w, 3) uint8 to (size, size, 3) uint8; a picture that already has that size is returned as it is."""
        height, width = image.shape[:2]
        if (height, width) == (self.size, self.size):
            return image
        picture, resample = Image.fromarray(image), _FILTERS[self.interpolation]
        if self.fit == "squash":
            return np.asarray(picture.resize((self.size, self.size), resample))
        if self.fit == "crop":
            # CLIP's published geometry: the long side is cut to whole pixels, not rounded.
            short = min(height, width)
            inner = self.size * width // short, self.size * height // short
            left, top = (inner[0] - self.size) // 2, (inner[1] - self.size) // 2
            if max(inner) <= 16 * self.size:
                picture = picture.resize(inner, resample)
                return np.asarray(picture.crop((left, top, left + self.size, top + self.size)))
            # Read straight from the source: a 1 x 4000 picture must not become 224 x 896,000 on the way.
            across, down = width / inner[0], height / inner[1]
            box = (left * across, top * down, (left + self.size) * across, (top + self.size) * down)
            return np.asarray(picture.resize((self.size, self.size), resample, box=box))
        scale = self.size / max(height, width)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        picture = picture.resize(inner, resample)
        square = Image.new("RGB", (self.size, self.size), (127, 127, 127))
        square.paste(picture, ((self.size - inner[0]) // 2, (self.size - inner[1]) // 2))
        return np.asarray(square)

    def to_json(self) -> dict[str, Any]:
        """As plain data, for a worker process or a fingerprint."""
        return asdict(self)
