from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from openitr.media import decode, thumbnail
from tests.media.samples import BLUE, GREEN, RED, WHITE, corners, encoded, near, quadrants


@pytest.mark.parametrize(
    ("size", "expected"), [((1200, 800), (256, 171)), ((300, 3000), (26, 256)), ((9000, 3), (256, 1))]
)
def test_large_pictures_are_fitted(size: tuple[int, int], expected: tuple[int, int]) -> None:
    data = encoded(quadrants(*size), "PNG")
    made = Image.open(io.BytesIO(thumbnail(decode(data, shrink_to=300), 256, data)))
    assert (made.format, made.size) == ("JPEG", expected)
    if min(expected) > 20:
        assert near(corners(np.asarray(made)), [RED, GREEN, BLUE, WHITE], 12)


def test_a_small_plain_original_is_its_own_thumbnail() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        data = encoded(quadrants(), kind)
        assert thumbnail(decode(data), 256, data) is data
        assert thumbnail(decode(data), 256) != data


def test_what_browsers_would_show_otherwise_is_made_anew() -> None:
    turned, placed = Image.Exif(), Image.Exif()
    turned[0x0112] = 6
    placed[0x8825] = {1: "N", 2: (50.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)}
    array = quadrants()
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    for data in (
        encoded(array, "JPEG", exif=turned),
        encoded(array, "JPEG", exif=placed),
        encoded(Image.fromarray(array).convert("CMYK"), "JPEG"),
        encoded(array, "TIFF"),
        encoded(array, "PNG", transparency=RED),
        encoded(array, "GIF"),
        encoded(noise, "PNG"),
    ):
        picture = decode(data)
        made = thumbnail(picture, 256, data)
        assert made != data
        opened = Image.open(io.BytesIO(made))
        assert opened.format == "JPEG" and opened.mode == "RGB"
        assert opened.size == (picture.width, picture.height)
        assert not opened.getexif()
