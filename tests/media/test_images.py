from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openitr.errors import UnreadableImage
from openitr.media import decode
from openitr.media.images import Picture
from openitr.media.limits import Limits
from tests.media.samples import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    corners,
    encoded,
    endless_jpeg,
    family,
    gif_claiming,
    near,
    png_claiming,
    quadrants,
    tiff_claiming,
)

FAMILY = family()
FOUR = [RED, GREEN, BLUE, WHITE]


def reason_of(source: bytes | Path, **options: object) -> str:
    with pytest.raises(UnreadableImage) as caught:
        decode(source, **options)  # type: ignore[arg-type]
    return caught.value.reason


@pytest.mark.parametrize("kind", sorted(FAMILY))
def test_every_format_gives_the_same_four_corners(kind: str) -> None:
    picture = decode(FAMILY[kind])
    assert (picture.format, picture.width, picture.height) == (kind, 48, 32)
    assert picture.array.shape == (32, 48, 3)
    assert picture.array.dtype == np.uint8
    # Lossy formats keep a flat area within a few levels; the others keep it exactly.
    assert near(corners(picture.array), FOUR, 4 if kind in ("jpeg", "avif", "heic") else 0)
    assert picture.notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_undone(orientation: int, kind: str) -> None:
    # What the camera stores is the upright picture turned the other way round.
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](quadrants())
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encoded(np.ascontiguousarray(stored), kind, exif=exif, quality=95))
    assert (picture.width, picture.height) == (48, 32)
    assert picture.array.shape == (32, 48, 3)
    assert near(corners(picture.array), FOUR, 6)
    assert picture.plain == (orientation == 1 and kind in ("JPEG", "PNG", "WEBP"))


def test_original_size_is_told_and_the_short_side_kept_when_shrinking() -> None:
    array = quadrants(1000, 700)
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF"):
        options = {"exif": exif} if kind != "BMP" else {}
        turned = np.ascontiguousarray(np.rot90(array, 1)) if options else array
        picture = decode(encoded(turned, kind, quality=95, **options), shrink_to=100)
        assert (picture.width, picture.height) == (1000, 700)
        assert 100 <= min(picture.array.shape[:2]) < 200
        assert near(corners(picture.array), FOUR, 6), kind


def test_shrinking_never_goes_below_the_short_side_that_was_asked_for() -> None:
    for side in (99, 100, 101, 199, 200, 201, 799, 800, 801):
        picture = decode(encoded(quadrants(side * 3, side), "JPEG"), shrink_to=100)
        assert min(picture.array.shape[:2]) >= min(100, side)
        assert picture.width == side * 3


def test_a_shrunken_photo_is_close_to_the_whole_one_averaged_down() -> None:
    y, x = np.mgrid[0:800, 0:1200]
    array = np.stack([(x // 5) % 256, (y // 4) % 256, (x + y) // 8 % 256], axis=2).astype(np.uint8)
    data = encoded(array, "JPEG", quality=95)
    small = decode(data, shrink_to=200).array
    box = array.reshape(200, 4, 300, 4, 3).mean(axis=(1, 3))
    # Mean, not maximum: the wrap from 255 to 0 is an edge, where a scaled DCT and a box differ.
    assert small.shape == box.shape
    assert np.abs(small - box).mean() < 3


def test_animated_and_multi_page_files_give_their_first_frame() -> None:
    first, second = Image.fromarray(quadrants()), Image.new("RGB", (48, 32), "black")
    for kind, word in (("GIF", "animated"), ("WEBP", "animated"), ("PNG", "animated"), ("TIFF", "pages")):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(first, kind, save_all=True, append_images=[second, second], **options)
        picture = decode(data)
        assert near(corners(picture.array), FOUR, 0), kind
        assert word in picture.notes[0]
        assert not picture.plain


def test_cmyk_the_adobe_way_and_the_plain_way() -> None:
    cmyk = Image.fromarray(quadrants()).convert("CMYK")
    for kind, tolerance in (("JPEG", 8), ("TIFF", 0)):
        picture = decode(encoded(cmyk, kind, quality=95))
        assert near(corners(picture.array), FOUR, tolerance), kind


def test_ycbcr_and_single_bit_and_grey() -> None:
    ycbcr = Image.fromarray(quadrants()).convert("YCbCr")
    assert near(corners(decode(encoded(ycbcr, "TIFF")).array), FOUR, 2)
    chess = Image.fromarray(np.kron([[255, 0], [0, 255]], np.ones((16, 24))).astype(np.uint8))
    expected = [WHITE, (0, 0, 0), (0, 0, 0), WHITE]
    for kind in ("PNG", "TIFF", "BMP"):
        assert corners(decode(encoded(chess.convert("1"), kind)).array) == expected
        assert corners(decode(encoded(chess, kind)).array) == expected
    big = chess.resize((480, 320), Image.Resampling.NEAREST).convert("1")
    assert corners(decode(encoded(big, "PNG"), shrink_to=100).array) == expected


def test_a_good_picture_with_a_wrong_name_is_read_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(FAMILY["jpeg"])
    picture = decode(path)
    assert picture.format == "jpeg"
    assert picture.notes == ("extension says png, content is jpeg",)


@pytest.mark.parametrize("kind", sorted(set(FAMILY) - {"ico"}))
def test_half_a_file_is_refused_and_not_returned_half_grey(kind: str) -> None:
    data = FAMILY[kind]
    assert reason_of(data[: len(data) // 2]) in ("truncated", "corrupt")


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp", "webp", "tiff", "pnm", "svg"])
def test_truncation_is_called_by_its_name(kind: str) -> None:
    data = (
        encoded(np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8), "PNG")
        if kind == "png"
        else FAMILY[kind]
    )
    assert reason_of(data[: len(data) * 2 // 3]) == "truncated"


def test_a_download_that_reserved_its_space_is_truncated() -> None:
    data = encoded(np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8), "JPEG")
    assert reason_of(data[: len(data) // 2] + bytes(len(data))) == "truncated"
    # What cameras append behind the end does no harm.
    assert decode(data + b"\0" * 500 + b"MotionPhoto_Data" + data[:300]).width == 64


@pytest.mark.parametrize(
    "bomb",
    [
        png_claiming(60_000, 60_000),
        png_claiming(2**31 - 1, 2**31 - 1),
        tiff_claiming(60_000, 60_000),
        tiff_claiming(2**32 - 1, 2**32 - 1),
        gif_claiming(65_535, 65_535),
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(8),
        b"P6 100000 100000 255\n" + bytes(100),
        b"BM" + bytes(12) + b"\x28\0\0\0" + b"\0\0\1\0" * 2 + b"\1\0\x18\0" + bytes(24),
    ],
    ids=["png", "png-max", "tiff", "tiff-max", "gif", "webp", "pnm", "bmp"],
)
def test_a_header_bomb_is_refused_before_anything_is_allocated(bomb: bytes) -> None:
    import tracemalloc

    tracemalloc.start()
    try:
        assert reason_of(bomb) == "too many pixels"
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_an_endless_progressive_jpeg_is_refused() -> None:
    assert reason_of(endless_jpeg(8000, 5000)) == "endless to decode"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"just some words", "not a picture"),
        (b"\xff\x0a" + bytes(50), "JPEG XL is not supported"),
        (b"8BPS\0\1" + bytes(50), "Photoshop is not supported"),
        (png_claiming(0, 5), "corrupt"),
    ],
)
def test_reasons(data: bytes, reason: str) -> None:
    assert reason_of(data) == reason


def test_limits_are_kept() -> None:
    assert reason_of(FAMILY["png"], limits=Limits(max_pixels=48 * 32 - 1)) == "too many pixels"
    assert decode(FAMILY["png"], limits=Limits(max_pixels=48 * 32)).width == 48
    assert reason_of(FAMILY["png"], limits=Limits(max_bytes=10)) == "file too large"


def test_the_error_names_the_file_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(FAMILY["jpeg"][:200])
    with pytest.raises(UnreadableImage) as caught:
        decode(path)
    assert caught.value.path == str(path)
    assert caught.value.remedy


def test_errors_of_the_interpreter_come_out_as_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    from openitr.media import images

    for error, reason in (
        (MemoryError(), "needs too much memory"),
        (RecursionError("deep"), "corrupt"),
        (SyntaxError("odd"), "corrupt"),
        (Image.DecompressionBombError("big"), "too many pixels"),
    ):

        def fail(*_: object, error: BaseException = error) -> Picture:
            raise error

        monkeypatch.setattr(images, "_raster", fail)
        assert reason_of(FAMILY["png"]) == reason


def test_warnings_of_pil_do_not_turn_a_good_picture_into_a_failure() -> None:
    # PIL warns above 89 megapixels; this suite turns warnings into errors.
    big = encoded(Image.new("1", (10_000, 9_500)), "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = decode(big, shrink_to=50)
        assert (picture.width, picture.height) == (10_000, 9_500)
        with pytest.raises(UserWarning, match="still shown"):
            warnings.warn("still shown", stacklevel=1)


def test_threads_may_decode_at_once_and_leave_the_filters_as_they_were() -> None:
    from concurrent.futures import ThreadPoolExecutor

    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as threads:
        pictures = list(threads.map(decode, [FAMILY["png"], FAMILY["jpeg"]] * 20))
    assert all(p.width == 48 for p in pictures)
    assert warnings.filters == before


def test_a_missing_extra_is_a_reason_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for module, kind in (("pillow_heif", "heic"), ("resvg_py", "svg")):
        monkeypatch.setitem(sys.modules, module, None)
        data = FAMILY.get(kind, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        with pytest.raises(UnreadableImage, match="need an extra") as caught:
            decode(data)
        assert f'pip install "openitr[{kind}]"' in caught.value.remedy


def test_a_path_may_be_a_string_or_bytes_like(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(FAMILY["png"])
    assert decode(str(path)).width == decode(path).width == decode(bytearray(FAMILY["png"])).width == 48  # type: ignore[arg-type]


@pytest.mark.real_data
def test_clip_art_of_a_children_s_program_decodes(real_data: Path) -> None:
    pytest.importorskip("resvg_py")
    files = sorted((real_data / "tuxpaint").rglob("*.svg"))[::6] + sorted((real_data / "tuxpaint").rglob("*.png"))[::20]
    assert len(files) > 50
    for file in files:
        picture = decode(file, shrink_to=128)
        assert picture.array.std() > 0, file
        assert min(picture.array.shape[:2]) >= min(128, picture.width, picture.height) or picture.format == "svg"


def test_io_is_left_alone() -> None:
    buffer = io.BytesIO(FAMILY["png"])
    assert decode(buffer.getvalue()).array.flags.c_contiguous
