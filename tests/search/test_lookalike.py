"""The perceptual signal: bits counted in loops, mirrors found, plain pictures known as such."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.search.lookalike import Looks, count_bits


def scene(seed: int, size: int = 96) -> np.ndarray:
    """Blurred noise: large shapes, as photos have."""
    from PIL import Image, ImageFilter

    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    blurred = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(size / 12))
    array = np.asarray(blurred, np.float32)
    low, high = array.min(), array.max()
    return ((array - low) / (high - low) * 255).astype(np.uint8)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1))
def test_bits_against_python(values: list[int]) -> None:
    assert count_bits(np.array(values, np.int64)).tolist() == [v.bit_count() for v in values]


def test_the_layout_is_the_mean_colour_of_each_cell() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:8, 8:16] = (200, 100, 50)
    looks = Looks.of([picture])
    assert looks.layout[0, 0, 1] == pytest.approx([200, 100, 50], abs=1)
    assert looks.layout[0, 1, 1].tolist() == [0, 0, 0]


def test_a_mirror_image_is_compared_as_one() -> None:
    one, other = scene(0), scene(1)
    looks = Looks.of([one, one[:, ::-1], other, one])
    bits, gap, mirror = looks.compare(np.array([0, 0, 0]), np.array([1, 2, 3]))
    assert bits[0] <= 4 and gap[0] < 2 and bool(mirror[0])
    assert bits[1] > 12
    assert (bits[2], gap[2], bool(mirror[2])) == (0, 0, False)


def test_plain_pictures_have_no_contrast() -> None:
    looks = Looks.of([np.full((50, 80, 3), 240, np.uint8), scene(3)])
    assert looks.contrast[0] == pytest.approx(0, abs=1e-4)
    assert looks.contrast[1] > 8
