"""The small copy of a picture that hit lists and contact sheets show."""

from __future__ import annotations

import io

from PIL import Image

from openitr.media.images import Picture

LONGEST = 256
_QUALITY = 80
_SMALL_BYTES = 32 * 1024


def thumbnail(picture: Picture, longest: int = LONGEST, original: bytes | None = None) -> bytes:
    """A file that every browser shows, at most ``longest`` pixels on its long side; never larger than the picture.

    Args:
        picture: Decoded, possibly shrunk.
        longest: Pixels.
        original: The file's own bytes. They are handed back as they are when the picture is that small already, plain
            (upright, opaque, still, no place of shooting inside) and light: no second loss of quality, no time spent.

    Returns:
        JPEG, or what ``original`` is.

    >>> import numpy as np
    >>> jpeg = thumbnail(Picture(np.zeros((600, 300, 3), np.uint8), 300, 600, "png"), 100)
    >>> Image.open(io.BytesIO(jpeg)).size
    (50, 100)
    """
    fits = max(picture.width, picture.height) <= longest
    if original is not None and fits and picture.plain and len(original) <= _SMALL_BYTES:
        return original
    small = Image.fromarray(picture.array)
    if max(small.size) > longest:
        scale = longest / max(small.size)
        size = max(1, round(small.width * scale)), max(1, round(small.height * scale))
        small = small.resize(size, Image.Resampling.BICUBIC, reducing_gap=1.0)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
