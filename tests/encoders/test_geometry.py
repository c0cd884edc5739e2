"""The preparation equals what the library's own processor does to the shape of a picture, pixel for pixel."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.encoders import geometry
from openitr.media.prepare import Preparation

transformers = pytest.importorskip("transformers")
PLAIN = {"do_rescale": False, "do_normalize": False}


@pytest.mark.parametrize("shape", [(40, 61), (61, 40), (500, 333), (17, 90), (16, 16), (9, 31), (101, 100)])
@pytest.mark.parametrize("family", ["clip", "clip with a margin", "siglip"])
def test_equal_to_the_processor(family: str, shape: tuple[int, int]) -> None:
    processor = {
        "clip": transformers.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=16, **PLAIN),
        "clip with a margin": transformers.CLIPImageProcessorPil(size={"shortest_edge": 20}, crop_size=16, **PLAIN),
        "siglip": transformers.SiglipImageProcessorPil(size={"height": 16, "width": 16}, **PLAIN),
    }[family]
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)

    def run(array: np.ndarray) -> np.ndarray:
        return np.asarray(processor(images=[array], input_data_format="channels_last")["pixel_values"][0], np.int64)

    ours, theirs = run(geometry.of_processor(processor)(image)), run(image)
    assert ours.shape == theirs.shape == (3, 16, 16)
    np.testing.assert_array_equal(ours, theirs)


def test_a_very_long_picture_is_close_and_cheap() -> None:
    processor = transformers.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=16, **PLAIN)
    image = np.random.default_rng(0).integers(0, 256, (4, 400, 3), dtype=np.uint8)
    ours = geometry.of_processor(processor)(image).astype(int)
    theirs = np.asarray(processor(images=[image], input_data_format="channels_last")["pixel_values"][0], int)
    # Read from a box in single precision instead of resized whole: rounding may differ by a level of 255.
    assert np.abs(ours.transpose(2, 0, 1) - theirs).max() <= 2


def test_what_is_no_square_is_padded() -> None:
    class Patches:
        do_resize, resample, size = True, 3, {"shortest_edge": 56 * 56, "longest_edge": 1280 * 28 * 28}

    assert geometry.of_processor(Patches()) == Preparation(448, "pad", "bicubic")
    assert geometry.of_processor(object()) == Preparation(448, "pad", "bicubic")
