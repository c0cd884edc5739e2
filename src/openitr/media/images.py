"""Untrusted bytes to one upright RGB picture, or the reason why not."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from openitr.errors import MissingExtra, UnreadableImage
from openitr.media import colours, exif, quiet
from openitr.media.formats import HEAD, UNSUPPORTED, mismatch, sniff
from openitr.media.limits import Limits, read_file
from openitr.types import ImageArray, Scalar

# A decoder is asked for by name: no bytes reach another one than their first bytes call for.
_PLUGINS = {
    "jpeg": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "png": ("PIL.PngImagePlugin", "PngImageFile"),
    "webp": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "gif": ("PIL.GifImagePlugin", "GifImageFile"),
    "bmp": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "tiff": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "avif": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "heic": ("pillow_heif", "HeifImageFile"),
    "jpeg2000": ("PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "ico": ("PIL.IcoImagePlugin", "IcoImageFile"),
    "pnm": ("PIL.PpmImagePlugin", "PpmImageFile"),
}

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_CUT_SHORT = re.compile(
    r"truncat|premature|unexpected end|end of (?:file|data)|not enough (?:image )?data|EOF|too short", re.IGNORECASE
)
_MAX_SCANS = 256


@dataclass(frozen=True, eq=False)
class Picture:
    """One decoded picture.

    Args:
        array: (h, w, 3) uint8 sRGB, upright, on white; smaller than the original where ``shrink_to`` allowed.
        width, height: Pixels of the original after EXIF orientation.
        format: What the content is, a key of ``formats.EXTENSIONS``.
        facts: What the file says of itself, see :func:`openitr.media.exif.facts_of`.
        notes: Oddities met, in words.
        plain: Whether the file is upright, opaque, still and of a kind that browsers show, so that it can stand for
            itself as a thumbnail.
    """

    array: ImageArray
    width: int
    height: int
    format: str
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    plain: bool = False


def decode(source: Path | str | bytes, *, shrink_to: int | None = None, limits: Limits | None = None) -> Picture:
    """Decode the first frame of a picture of any supported format.

    Args:
        source: A file, or the bytes of one.
        shrink_to: The short side may come out smaller than the original's, but not below this many pixels. JPEG
            then decodes at a half, a quarter or an eighth (scaled DCT), an SVG is drawn at that size, others are
            averaged down by whole factors after decoding. None keeps every pixel.
        limits: What the picture may cost; time and memory are kept by :class:`~openitr.media.pool.DecodePool` only.

    Raises:
        UnreadableImage: Whatever is wrong with it; no other exception leaves this function.

    >>> file = io.BytesIO()
    >>> Image.new("RGB", (4, 2), "red").save(file, "PNG")
    >>> picture = decode(file.getvalue())
    >>> picture.array.shape, picture.format, picture.array[0, 0].tolist()
    ((2, 4, 3), 'png', [255, 0, 0])
    """
    limits = limits or Limits()
    path = "" if isinstance(source, bytes | bytearray | memoryview) else str(source)
    try:
        if isinstance(source, bytes | bytearray | memoryview):
            if len(source) > limits.max_bytes:
                raise UnreadableImage("file too large", "", f"{len(source):,} bytes, the limit is {limits.max_bytes:,}")
            return decode_bytes(bytes(source), shrink_to, limits)
        return decode_bytes(read_file(Path(source), limits).data, shrink_to, limits, Path(source))
    except UnreadableImage as error:
        raise UnreadableImage(error.reason, error.path or path, error.remedy) from error.__cause__


def decode_bytes(data: bytes, shrink_to: int | None, limits: Limits, path: Path | None = None) -> Picture:
    """:func:`decode` for bytes that were read already; ``path`` is only for notes."""
    if not data:
        raise UnreadableImage("empty file", remedy="it has no bytes: restore or delete it")
    kind = sniff(data[:HEAD])
    if kind is None:
        raise UnreadableImage("not a picture", remedy="its first bytes belong to no picture format")
    if kind in UNSUPPORTED:
        raise UnreadableImage(f"{UNSUPPORTED[kind]} is not supported", remedy="convert it to JPEG, PNG or TIFF")
    notes = [note] if path is not None and (note := mismatch(path, kind)) else []
    read: Callable[..., Picture] = _svg if kind == "svg" else _raster
    try:
        with quiet.warnings_of_pil():
            return read(data, kind, shrink_to, limits, notes)
    except UnreadableImage:
        raise
    except MissingExtra as error:
        raise UnreadableImage(error.message, remedy=error.remedy) from error
    except MemoryError as error:
        raise UnreadableImage("needs too much memory", remedy="save it smaller or in another format") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage("too many pixels", remedy="save it smaller") from error
    except Exception as error:
        # PIL and its plugins raise a dozen unrelated types on bad bytes, SyntaxError, struct.error and
        # RecursionError among them.
        raise _in_words(error, kind) from error


def _in_words(error: Exception, kind: str) -> UnreadableImage:
    """A decoder's exception as a reason that people and reports can group by."""
    said = f"{error}".strip() or type(error).__name__
    if _CUT_SHORT.search(said) or isinstance(error, EOFError | struct.error):
        return UnreadableImage("truncated", remedy=f"the {kind} data end too early: fetch or copy the file again")
    return UnreadableImage("corrupt", remedy=f"the {kind} decoder says: {said[:200]}")


def _svg(data: bytes, kind: str, shrink_to: int | None, limits: Limits, notes: list[str]) -> Picture:
    """A drawing, rendered at the size that is wanted."""
    from openitr.media import svg

    picture, (width, height) = svg.render(data, shrink_to, limits, notes)
    return Picture(np.asarray(colours.to_rgb(picture, notes)), width, height, kind, {}, tuple(notes))


def _raster(data: bytes, kind: str, shrink_to: int | None, limits: Limits, notes: list[str]) -> Picture:
    """A picture of pixels, through PIL."""
    opened = _opened(data, kind, limits)
    width, height = opened.size
    if shrink_to is not None and kind == "jpeg":
        short = min(width, height)
        # Asking for a whole fraction of both sides picks the same scale for both.
        fraction = next((n for n in (8, 4, 2) if -(-short // n) >= shrink_to), 1)
        if fraction > 1:
            opened.draft(None, (width // fraction, height // fraction))
    if kind == "jpeg":
        _check_scans(opened, data)
    # TIFF reads its directories from the file, which loading closes; a PNG may carry its EXIF behind the pixels.
    found = None if kind == "png" else _metadata(opened)
    many = _has_more(opened)
    opened.load()
    facts, turn = found or _metadata(opened)
    if kind in ("tiff", "heic", "ico"):
        # These say only while loading which size they really have (TIFF and HEIC turn themselves).
        width, height = opened.size
        limits.check_size(width, height)
        turn = 1
    if many:
        notes.append(
            f"{'several pages: the first' if kind in ('tiff', 'heic') else 'animated: the first frame'} is used"
        )
    # Twice, because 16-bit grey can be averaged only after it was scaled.
    picture = _reduced(colours.to_rgb(_reduced(opened, shrink_to), notes), shrink_to)
    if turn in _TURNS:
        picture = picture.transpose(_TURNS[turn])
        if turn >= 5:
            width, height = height, width
    plain = turn == 1 and not notes and kind in ("jpeg", "png", "webp") and opened.mode in ("RGB", "L")
    plain = plain and not colours.has_alpha(opened) and "latitude" not in facts
    return Picture(np.asarray(picture), width, height, kind, facts, tuple(notes), plain)


def _opened(data: bytes, kind: str, limits: Limits) -> Image.Image:
    """The header read and its size checked; nothing allocated for pixels yet."""
    if kind == "webp" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise UnreadableImage("truncated", remedy="the webp data end too early: fetch or copy the file again")
    if kind == "webp" and data[12:16] == b"VP8X" and len(data) >= 30:
        # WebP alone allocates the canvas when it is opened.
        limits.check_size(1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little"))
    module, name = _PLUGINS[kind]
    try:
        factory = getattr(import_module(module), name)
    except ImportError as error:
        if kind == "heic":
            raise MissingExtra("HEIC pictures", "heic") from error
        raise
    opened = cast(Image.Image, factory(io.BytesIO(data)))
    limits.check_size(*opened.size)
    return opened


def _check_scans(opened: Image.Image, data: bytes) -> None:
    """Refuse a JPEG that never ends, in either sense."""
    if opened.info.get("progressive") and data.count(b"\xff\xda") > _MAX_SCANS:
        # Every scan passes over the whole picture: a small file can keep a decoder busy for hours.
        raise UnreadableImage("endless to decode", remedy=f"it has more than {_MAX_SCANS} scans; save it anew")
    # A download that reserved its space ends in zeros, which decode to grey without complaint. Scans cannot hold the
    # end marker by chance; what cameras append behind it may.
    if data.rfind(b"\xff\xd9", cast(io.BytesIO, opened.fp).tell()) < 0:  # type: ignore[attr-defined]
        raise UnreadableImage("truncated", remedy="the jpeg data end too early: fetch or copy the file again")


def _metadata(opened: Image.Image) -> tuple[dict[str, Scalar], int]:
    """Facts and orientation; a picture whose EXIF is broken is upright and has no facts."""
    if opened.format != "TIFF" and "exif" not in opened.info and "Raw profile type exif" not in opened.info:
        return {}, 1
    try:
        tags = opened.getexif()
        return exif.facts_of(tags), exif.orientation(tags)
    except Exception:
        return {}, 1


def _has_more(opened: Image.Image) -> bool:
    """Whether there are further frames or pages; a broken second frame is no reason to refuse the first."""
    try:
        return bool(getattr(opened, "is_animated", False))
    except Exception:
        return True


def _reduced(picture: Image.Image, shrink_to: int | None) -> Image.Image:
    """Averaged down by a whole factor while the short side stays at least ``shrink_to``."""
    factor = min(picture.size) // shrink_to if shrink_to else 1
    if factor < 2:
        return picture
    if picture.mode in ("1", "P", "PA"):
        # Indices and single bits cannot be averaged.
        profile = picture.info.get("icc_profile")
        picture = picture.convert("L" if picture.mode == "1" else "RGBA" if colours.has_alpha(picture) else "RGB")
        if profile:
            picture.info["icc_profile"] = profile
    elif picture.mode.startswith("I;16"):
        return picture
    elif "transparency" in picture.info:
        picture = picture.convert("RGBA")
    smaller = picture.reduce(factor)
    smaller.info = dict(picture.info)
    return smaller
