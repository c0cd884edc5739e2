from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from openitr.media import decode, hamming, mirrored, perceptual_hash
from tests.media.samples import encoded


def slow_hash(array: np.ndarray) -> int:
    """The definition in plain loops, on a 32 x 32 grey picture."""
    grey = np.asarray(Image.fromarray(array).convert("L"), float)
    value = 0
    for u in range(8):
        for v in range(8):
            if u == v == 0:
                continue
            total = 0.0
            for y in range(32):
                for x in range(32):
                    total += (
                        grey[y, x] * math.cos(math.pi * u * (2 * y + 1) / 64) * math.cos(math.pi * v * (2 * x + 1) / 64)
                    )
            scale = (math.sqrt(0.5) if u == 0 else 1) * (math.sqrt(0.5) if v == 0 else 1) / 16
            value = value * 2 + (total * scale > 0.25)
    return value


def scene(seed: int, width: int = 320, height: int = 240) -> np.ndarray:
    """A smooth random picture, as photos are: noise with few frequencies, enlarged."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_the_definition(seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)
    # A coefficient may lie so near the threshold that float32 and float64 disagree.
    assert hamming(perceptual_hash(array), slow_hash(array)) <= 1


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 255))
def test_any_size_gives_63_bits(height: int, width: int, value: int) -> None:
    array = np.full((height, width, 3), value, np.uint8)
    assert perceptual_hash(array) == 0
    array[0, 0] = 255 - value
    assert 0 <= perceptual_hash(array) < 2**63


@pytest.mark.parametrize("seed", range(8))
def test_copies_stay_near_and_others_do_not(seed: int) -> None:
    array = scene(seed)
    own, picture = perceptual_hash(array), Image.fromarray(array)
    copies = {
        "half size": picture.resize((160, 120)),
        "other aspect": picture.resize((200, 200)),
        "darker": ImageEnhance.Brightness(picture).enhance(0.8),
        "less contrast": ImageEnhance.Contrast(picture).enhance(0.8),
        "grey": picture.convert("L").convert("RGB"),
    }
    for name, copy in copies.items():
        assert hamming(own, perceptual_hash(np.asarray(copy))) <= 6, name
    assert hamming(own, perceptual_hash(decode(encoded(array, "JPEG", quality=30)).array)) <= 6
    assert hamming(own, perceptual_hash(scene(seed + 100))) >= 14
    flipped = perceptual_hash(np.ascontiguousarray(array[:, ::-1]))
    assert hamming(mirrored(own), flipped) <= 4
    assert hamming(own, flipped) >= 14


def test_mirror_is_its_own_inverse() -> None:
    assert mirrored(mirrored(12345)) == 12345
    # Odd horizontal frequencies: 4 of each of the 8 rows.
    assert hamming(0, mirrored(0)) == 32


@pytest.mark.real_data
def test_real_photos_are_told_apart_and_their_copies_found(real_data: Path) -> None:
    files = sorted((real_data / "flickr8k").rglob("*.jpg"))[:1500:3]
    pictures = [decode(file).array for file in files]
    hashes = [perceptual_hash(a) for a in pictures]
    copies = [
        perceptual_hash(decode(encoded(Image.fromarray(a).resize((130, 130)), "JPEG", quality=50)).array)
        for a in pictures
    ]
    distances = np.array([hamming(a, b) for a, b in zip(hashes, copies, strict=True)])
    assert (distances <= 6).mean() > 0.99
    others = np.array([hamming(a, b) for i, a in enumerate(hashes) for b in hashes[i + 1 :]])
    assert (others <= 6).mean() < 1e-4
