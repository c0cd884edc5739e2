from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms

from openitr.media import decode
from openitr.media.colours import scale_to_bytes
from tests.media.samples import BLUE, GREEN, RED, WHITE, corners, encoded, near, quadrants


def test_transparency_of_every_kind_is_laid_on_white() -> None:
    rgba = np.dstack([quadrants(), np.full((32, 48), 255, np.uint8)])
    rgba[:16, :24, 3] = 0
    rgba[:16, 24:, 3] = 128
    picture = Image.fromarray(rgba)
    # Green at alpha 128 of 255 on white: 255 * (1 - 128 / 255) = 127 in the other channels.
    expected = [WHITE, (127, 255, 127), BLUE, WHITE]
    for kind in ("PNG", "WEBP", "TIFF", "AVIF"):
        options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "AVIF" else {}
        assert near(corners(decode(encoded(picture, kind, **options)).array), expected, 3), kind
    assert near(corners(decode(encoded(picture.resize((480, 320), 0), "PNG"), shrink_to=64).array), expected, 1)


def test_palette_grey_and_colour_key_transparency() -> None:
    palette = Image.fromarray(quadrants()).quantize(4)
    red = palette.getpixel((2, 2))
    for kind in ("PNG", "GIF"):
        data = encoded(palette, kind, transparency=red)
        assert near(corners(decode(data).array), [WHITE, GREEN, BLUE, WHITE], 0), kind
        assert near(corners(decode(data, shrink_to=10).array), [WHITE, GREEN, BLUE, WHITE], 0), kind
        assert near(corners(decode(encoded(palette, kind)).array), [RED, GREEN, BLUE, WHITE], 0), kind
    several = encoded(palette, "PNG", transparency=bytes([0 if i == red else 255 for i in range(4)]))
    assert near(corners(decode(several).array), [WHITE, GREEN, BLUE, WHITE], 0)
    keyed = encoded(Image.fromarray(quadrants()), "PNG", transparency=RED)
    assert corners(decode(keyed).array) == [WHITE, GREEN, BLUE, WHITE]
    dark = Image.new("LA", (48, 32), (0, 0))
    dark.paste((100, 255), (24, 0, 48, 32))
    grey = (100, 100, 100)
    assert corners(decode(encoded(dark, "PNG")).array) == [WHITE, grey, WHITE, grey]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("most", [255, 1023, 4095, 16383, 65535])
def test_sixteen_bit_grey_of_any_sensor_is_neither_black_nor_cut_to_white(kind: str, most: int) -> None:
    ramp = np.tile(np.linspace(0, most, 256).astype(np.uint16), (64, 1))
    picture = decode(encoded(ramp, kind))
    expected = np.tile(np.arange(256), (64, 1))
    # Rounding to the sensor's levels and then to 8 bits may differ by one.
    assert np.abs(picture.array.astype(int) - expected[:, :, None]).max() <= 1
    assert f"values 0 to {most} scaled" in picture.notes[0]


def test_sixteen_bit_grey_keeps_its_shape_when_shrunk() -> None:
    ramp = np.tile(np.linspace(0, 65535, 1024).astype(np.uint16), (512, 1))
    small = decode(encoded(ramp, "PNG"), shrink_to=128).array
    assert small.shape == (128, 256, 3)
    assert np.abs(small[5, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_a_narrow_band_is_stretched_and_dead_pixels_do_not_set_the_scale() -> None:
    thermal = np.tile(np.linspace(28_000, 31_000, 256), (256, 1)).astype(np.uint16)
    thermal[0, 0], thermal[0, 1] = 65535, 0
    scaled, note = scale_to_bytes(thermal)
    assert scaled[100, 0] == 0 and scaled[100, -1] == 255
    assert 120 <= scaled[100, 128] <= 136
    assert note.startswith("values 280")


def test_float_rasters_by_their_range() -> None:
    unit = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (32, 1))
    for factor, step in ((1.0, 0), (255.0, 0), (3000.0, 2)):
        picture = decode(encoded(Image.fromarray(unit * np.float32(factor)), "TIFF"))
        # Beyond 255 the percentiles 0.5 and 99.5 are black and white: about one level in 255 at each end.
        assert np.abs(picture.array[3, :, 0].astype(int) - np.arange(256)).max() <= 1 + step, factor
    heights = unit * 2000 - 100
    heights[:2] = -9999
    heights[2, :5] = np.nan
    picture = decode(encoded(Image.fromarray(heights), "TIFF"))
    assert picture.array[20].std() > 0
    assert (picture.array[2, :5] == 0).all()


@given(
    hnp.arrays(
        st.sampled_from([np.uint16, np.int32, np.float32]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    )
)
def test_scaling_keeps_order_whatever_the_values(values: np.ndarray) -> None:
    scaled, note = scale_to_bytes(values)
    assert scaled.dtype == np.uint8 and scaled.shape == values.shape and note
    known = np.isfinite(values.astype(np.float64))
    order = np.argsort(values[known], kind="stable")
    assert (np.diff(scaled[known][order].astype(int)) >= 0).all()


def test_nothing_finite_is_black() -> None:
    scaled, note = scale_to_bytes(np.full((2, 2), np.nan, np.float32))
    assert not scaled.any() and "black" in note


def _profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]


def _swapped_profile() -> bytes:
    """sRGB with the red and blue primaries exchanged: whoever applies it swaps the colours."""
    profile = bytearray(_profile("sRGB"))
    red, blue = profile.index(b"rXYZ", 128), profile.index(b"bXYZ", 128)
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile).replace(b"s\0R\0G\0B", b"o\0d\0d\0d").replace(b"sRGB", b"oddd")


def test_a_colour_profile_is_applied() -> None:
    array = quadrants()
    plain = decode(encoded(array, "PNG", icc_profile=_profile("sRGB")))
    assert corners(plain.array) == [RED, GREEN, BLUE, WHITE] and plain.notes == ()
    swapped = decode(encoded(array, "PNG", icc_profile=_swapped_profile()))
    assert near(corners(swapped.array), [BLUE, GREEN, RED, WHITE], 3)
    big = encoded(Image.fromarray(array).resize((960, 640), 0).quantize(8), "PNG", icc_profile=_swapped_profile())
    assert near(corners(decode(big, shrink_to=100).array), [BLUE, GREEN, RED, WHITE], 3)


@pytest.mark.parametrize("profile", [b"nonsense", _profile("LAB"), _profile("sRGB")[:200].replace(b"sRGB", b"xxxx")])
def test_a_useless_profile_is_noted_and_the_picture_shown(profile: bytes) -> None:
    picture = decode(encoded(quadrants(), "PNG", icc_profile=profile))
    assert corners(picture.array) == [RED, GREEN, BLUE, WHITE]
    assert picture.notes == ("colour profile ignored: not usable",)


def test_lab_is_understood() -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    picture = ImageCms.profileToProfile(Image.fromarray(quadrants()), srgb, lab, outputMode="LAB")
    assert picture is not None
    file = io.BytesIO()
    picture.save(file, "TIFF")
    # One level of a* or b* in 8 bits is up to a dozen of sRGB at a saturated corner, and it was rounded twice.
    assert near(corners(decode(file.getvalue()).array), [RED, GREEN, BLUE, WHITE], 24)
