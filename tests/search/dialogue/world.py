"""A small gallery that tests can reason about: pictures of four colours, and an encoder that knows their names."""

from __future__ import annotations

import numpy as np

from openitr.search.dialogue.gallery import Gallery
from openitr.types import ImageArray
from tests.search.fakes import ColourEncoder, item

PAINTED = [(255, 0, 0), (200, 0, 0), (255, 60, 0), (0, 255, 0), (0, 200, 0), (0, 0, 255), (0, 0, 180), (150, 0, 150)]


def pixels(row: int) -> ImageArray:
    return np.full((8, 8, 3), PAINTED[row], np.uint8)


def gallery(first: int = 100) -> Gallery:
    """Ids from 100: three reds, two greens, two blues, one of both."""
    encoder = ColourEncoder()
    images = encoder.encode_images([pixels(row) for row in range(len(PAINTED))])
    items = [item(first + row, f"{row}.png") for row in range(len(PAINTED))]
    return Gallery(images, encoder, items=items, picture=pixels)
