"""Preparation: shapes, what each fit keeps, and the pass-through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.media.prepare import Preparation


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
@given(height=st.integers(1, 90), width=st.integers(1, 90), size=st.integers(1, 48))
@settings(max_examples=40, deadline=None)
def test_any_picture_becomes_the_square(fit, height: int, width: int, size: int) -> None:  # type: ignore[no-untyped-def]
    out = Preparation(size, fit)(np.full((height, width, 3), 200, np.uint8))
    assert out.shape == (size, size, 3)
    assert out.dtype == np.uint8


def test_prepared_pictures_pass_unchanged() -> None:
    square = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    assert Preparation(16)(square) is square


def halves() -> np.ndarray:
    """Twice as wide as high: red left, blue right."""
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, :40, 0] = 255
    wide[:, 40:, 2] = 255
    return wide


def test_squash_keeps_everything() -> None:
    out = Preparation(20, "squash")(halves())
    assert out[10, 2, 0] == 255
    assert out[10, 17, 2] == 255


def test_crop_keeps_the_centre() -> None:
    wide = halves()
    wide[:, :15] = (0, 255, 0)
    out = Preparation(20, "crop")(wide)
    assert (out[:, :, 1] == 0).all()
    assert out[10, 2, 0] == 255


def test_pad_borders_are_grey_and_all_of_the_picture_is_inside() -> None:
    out = Preparation(20, "pad")(halves())
    assert (out[0] == 127).all()
    assert (out[-1] == 127).all()
    assert out[10, 1, 0] == 255
    assert out[10, 18, 2] == 255
