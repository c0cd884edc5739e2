"""From any pixel layout to 8-bit sRGB: palettes, alpha, CMYK, 16 bits, floats, colour profiles.

Transparent parts are laid on white: cut-outs and clip art are drawn for a white page, dark lines on nothing would
vanish on black, and the web pictures that models learn from had the same fate.
"""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from threading import Lock
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

WHITE = (255, 255, 255)
_MAX_PROFILE = 4 << 20
_DEEP = {"I", "I;16", "I;16B", "I;16L", "I;16N", "F"}
_CACHED_PROFILES = 16
_ROWS = 64

_transforms: OrderedDict[bytes, Any] = OrderedDict()
_lock = Lock()


def to_rgb(picture: Image.Image, notes: list[str]) -> Image.Image:
    """Any picture that PIL has decoded as mode RGB, on white, in sRGB.

    Args:
        picture: Already loaded and shrunk, so that the work is done on few pixels.
        notes: Oddities are added here.
    """
    profile = picture.info.get("icc_profile")
    if picture.mode in _DEEP:
        return _from_deep(picture, notes).convert("RGB")
    if has_alpha(picture):
        layered = picture.convert("LA" if picture.mode == "La" else "RGBA")
        bare = picture.getchannel("L") if picture.mode == "LA" else layered.convert("RGB")
        page = Image.new("RGB", picture.size, WHITE)
        page.paste(_in_srgb(bare, profile, notes), mask=layered.getchannel("A"))
        return page
    if picture.mode == "LAB":
        from PIL import ImageCms

        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return cast(Image.Image, ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB"))
    if picture.mode == "P":
        picture = picture.convert("RGB")
    return _in_srgb(picture, profile, notes)


def has_alpha(picture: Image.Image) -> bool:
    """Whether any layout of transparency is there: a channel, a palette entry, a colour key."""
    return picture.mode in ("RGBA", "RGBa", "LA", "La", "PA") or (
        "transparency" in picture.info and picture.mode in ("P", "L", "RGB", "1")
    )


def _from_deep(picture: Image.Image, notes: list[str]) -> Image.Image:
    """Grey of more than 8 bits to mode L."""
    values = np.asarray(picture)
    scaled, how = scale_to_bytes(values)
    notes.append(how)
    return Image.fromarray(scaled)


def scale_to_bytes(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], str]:
    """(h, w) numbers of any depth to uint8 by the range that they use, and a note that says which.

    Sensors put 10, 12 or 14 bits into 16, and rasters hold degrees or metres: divided by 65,535 those are black, cut
    at 255 they are white. Whole numbers are scaled by the smallest such depth that holds them. When they fill less than
    an eighth of it, or are negative or floats outside 0 to 1 and 0 to 255, the span from the 0.5th to the 99.5th
    percentile is stretched, so that a few dead pixels or "no data" marks do not set the scale.

    >>> scale_to_bytes(np.array([[0, 4095]], np.uint16))
    (array([[  0, 255]], dtype=uint8), 'values 0 to 4095 scaled to 8 bits')
    """
    finite = np.isfinite(values) if values.dtype.kind == "f" else np.ones((), bool)
    known = values[finite] if finite.ndim and not finite.all() else values.ravel()
    if not known.size:
        return np.zeros(values.shape, np.uint8), "no finite value: drawn black"
    low, high = _range(known)
    span = high - low if high > low else 1.0
    if values.dtype == np.uint16:
        # A table of all values is cheaper and smaller than float pixels.
        table = np.clip((np.arange(65536) - low) / span * 255 + 0.5, 0, 255).astype(np.uint8)
        scaled = table[values]
    else:
        scaled = np.empty(values.shape, np.uint8)
        # By rows: float64 is exact for every depth, and all of it at once would be eight bytes a pixel.
        for row in range(0, len(values), _ROWS):
            part = np.nan_to_num(values[row : row + _ROWS].astype(np.float64), nan=low, posinf=high, neginf=low)
            scaled[row : row + _ROWS] = (np.clip(part, low, high) - low) / span * 255 + 0.5
    return scaled, f"values {low:g} to {high:g} scaled to 8 bits"


def _range(known: npt.NDArray[Any]) -> tuple[float, float]:
    """Which value is drawn black and which white."""
    # A sample of a million is plenty for percentiles, and sorting 100 million is not.
    sample = known[:: max(1, known.size // 1_000_000)].astype(np.float64)
    low, high = (float(v) for v in np.percentile(sample, [0.5, 99.5]))
    least, most = float(known.min()), float(known.max())
    if known.dtype.kind == "f":
        depth = 1.0 if most <= 1 else 255.0 if most <= 255 else None
    else:
        depth = next((float(2**bits - 1) for bits in (8, 10, 12, 14, 16) if most < 2**bits), None)
    if least == most:
        return 0.0, depth if depth is not None and least >= 0 else max(abs(most), 1.0)
    if depth is not None and least >= 0 and high - low >= depth / 8:
        return 0.0, depth
    return (low, high) if high > low else (least, most)


def _in_srgb(picture: Image.Image, profile: Any, notes: list[str]) -> Image.Image:
    """Through the embedded profile to sRGB; without a usable one, by PIL's plain formulas."""
    if not isinstance(profile, bytes) or not profile or _is_srgb(profile):
        return picture.convert("RGB")
    if picture.mode not in ("RGB", "CMYK", "L"):
        return picture.convert("RGB")
    if len(profile) > _MAX_PROFILE:
        notes.append("colour profile ignored: too large")
        return picture.convert("RGB")
    transform = _transform(profile, picture.mode)
    if transform is None:
        notes.append("colour profile ignored: not usable")
        return picture.convert("RGB")
    from PIL import ImageCms

    try:
        converted = ImageCms.applyTransform(picture, transform)
    except (ImageCms.PyCMSError, ValueError, OSError):
        converted = None
    if converted is None:
        notes.append("colour profile ignored: not usable")
        return picture.convert("RGB")
    return converted


def _is_srgb(profile: bytes) -> bool:
    """Whether the profile names itself sRGB, in 8-bit or UTF-16 text: nothing to convert."""
    return b"sRGB" in profile or b"s\0R\0G\0B" in profile


def _transform(profile: bytes, mode: str) -> Any:
    """A cached transform, or None for a profile that is broken or of other channels than the picture."""
    from PIL import ImageCms

    key = hashlib.sha256(profile).digest() + mode.encode()
    with _lock:
        if key in _transforms:
            _transforms.move_to_end(key)
            return _transforms[key]
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        expected = {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}[mode]
        if source.profile.xcolor_space.strip() != expected:
            transform = None
        else:
            transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        transform = None
    with _lock:
        _transforms[key] = transform
        while len(_transforms) > _CACHED_PROFILES:
            _transforms.popitem(last=False)
    return transform
