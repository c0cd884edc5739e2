"""What a picture file says of itself: when, where and with what it was taken.

Tags are those of "Exchangeable image file format for digital still cameras: Exif Version 2.32" (CIPA DC-008). Every
fact is read on its own: one bad tag costs that fact, never the picture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from PIL import Image

from openitr.types import Scalar

ORIENTATION = 0x0112
_MAX_TEXT = 2000
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_DATE = re.compile(r"(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")

# Cameras that write their own name where the caption belongs.
_NO_DESCRIPTION = {"OLYMPUS DIGITAL CAMERA", "SONY DSC", "DCIM", "MINOLTA DIGITAL CAMERA", "DIGITAL CAMERA"}


def orientation(exif: Mapping[int, Any]) -> int:
    """How the picture must be turned, 1 to 8; 1 where the tag is absent or senseless."""
    value = exif.get(ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def facts_of(exif: Image.Exif) -> dict[str, Scalar]:
    """Facts in plain values; never raises.

    Returns:
        Of these what the file has: ``taken_at`` (ISO 8601, with offset where the camera wrote it), ``camera``,
        ``lens``, ``latitude`` and ``longitude`` (degrees, WGS 84), ``altitude`` (m), ``iso``, ``focal_length`` (mm),
        ``aperture`` (f-number), ``exposure`` (s), ``description``, ``artist``.
    """
    base: Mapping[int, Any] = exif
    shot = _directory(exif, _EXIF_IFD)
    gps = _directory(exif, _GPS_IFD)
    readers: dict[str, Callable[[], Scalar | None]] = {
        "taken_at": lambda: _taken_at(base, shot),
        "camera": lambda: _camera(base),
        "lens": lambda: _text(shot.get(0xA434)),
        "latitude": lambda: _degrees(gps.get(2), gps.get(1), "S", 90),
        "longitude": lambda: _degrees(gps.get(4), gps.get(3), "W", 180),
        "altitude": lambda: _altitude(gps),
        "iso": lambda: _iso(shot.get(0x8827)),
        "focal_length": lambda: _positive(shot.get(0x920A)),
        "aperture": lambda: _positive(shot.get(0x829D)),
        "exposure": lambda: _positive(shot.get(0x829A)),
        "description": lambda: _description(base, shot),
        "artist": lambda: _text(base.get(0x013B)),
    }
    facts: dict[str, Scalar] = {}
    for name, read in readers.items():
        try:
            value = read()
        except Exception:
            # PIL hands out whatever the bytes hold; no list of exception types would be complete.
            continue
        if value is not None:
            facts[name] = value
    if facts.get("latitude") == 0 and facts.get("longitude") == 0:
        # What receivers write before they have a fix; nobody photographs that spot of the Atlantic.
        del facts["latitude"], facts["longitude"]
    if ("latitude" in facts) != ("longitude" in facts):
        facts.pop("latitude", None)
        facts.pop("longitude", None)
    return facts


def _directory(exif: Image.Exif, tag: int) -> Mapping[int, Any]:
    """A sub-directory, empty when it is absent or broken."""
    if tag not in exif:
        return {}
    try:
        return exif.get_ifd(tag)
    except Exception:
        return {}


def _text(value: Any) -> str | None:
    """Printable text without padding, or None."""
    if isinstance(value, tuple | list) and value:
        value = value[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    cleaned = _CONTROL.sub(" ", value.split("\0")[0]).strip()
    # Lone surrogates could not be written to JSON or SQLite later.
    cleaned = cleaned.encode("utf-8", "replace").decode("utf-8")
    return cleaned[:_MAX_TEXT] or None


def _number(value: Any) -> float | None:
    """A finite float, or None."""
    if isinstance(value, tuple | list) and len(value) == 1:
        value = value[0]
    number: float = float(value)
    return number if math.isfinite(number) else None


def _positive(value: Any) -> float | None:
    """A finite number above zero with six significant digits, or None."""
    if value is None:
        return None
    number = _number(value)
    return float(f"{number:.6g}") if number is not None and number > 0 else None


def _iso(value: Any) -> int | None:
    number = _positive(value[0] if isinstance(value, tuple | list) and value else value)
    return round(number) if number is not None else None


def _camera(base: Mapping[int, Any]) -> str | None:
    """Maker and model, the maker only once ("Canon", "Canon EOS R5" -> "Canon EOS R5")."""
    maker, model = _text(base.get(0x010F)), _text(base.get(0x0110))
    if maker and model and maker.split()[0].lower() not in model.lower():
        return f"{maker} {model}"
    return model or maker


def _taken_at(base: Mapping[int, Any], shot: Mapping[int, Any]) -> str | None:
    """The shutter's time, else the digitiser's, else the file's; only dates that exist."""
    for directory, tag, offset_tag in ((shot, 0x9003, 0x9011), (shot, 0x9004, 0x9012), (base, 0x0132, 0x9010)):
        found = _DATE.match(_text(directory.get(tag)) or "")
        if not found:
            continue
        try:
            moment = datetime(*(int(part) for part in found.groups()))  # type: ignore[arg-type]
        except ValueError:
            continue
        offset = _text(shot.get(offset_tag)) or ""
        return moment.isoformat() + (offset if _OFFSET.fullmatch(offset) else "")
    return None


def _degrees(value: Any, reference: Any, negative: str, limit: int) -> float | None:
    """Degrees, minutes and seconds to signed degrees, to about a centimetre."""
    if value is None:
        return None
    parts: list[float] = [float(part) for part in (value if isinstance(value, tuple | list) else (value,))]
    degrees: float = sum(part / 60.0**i for i, part in enumerate(parts[:3]))
    if not math.isfinite(degrees) or not 0 <= degrees <= limit:
        return None
    return round(-degrees if (_text(reference) or "").upper().startswith(negative) else degrees, 7)


def _altitude(gps: Mapping[int, Any]) -> float | None:
    """Metres above the sea."""
    if gps.get(6) is None:
        return None
    metres = _number(gps[6])
    below = gps.get(5) in (1, b"\x01")
    return None if metres is None or abs(metres) > 20_000 else round(-metres if below else metres, 2)


def _description(base: Mapping[int, Any], shot: Mapping[int, Any]) -> str | None:
    """The caption a person wrote; what cameras write there by themselves is none."""
    for value in (base.get(0x010E), _comment(shot.get(0x9286))):
        text = _text(value)
        if text and text.upper() not in _NO_DESCRIPTION:
            return text
    return None


def _comment(value: Any) -> str | None:
    """The user comment without the eight bytes that name its character set."""
    if not isinstance(value, bytes) or len(value) <= 8:
        return value if isinstance(value, str) else None
    charset, body = value[:8].rstrip(b"\0 "), value[8:]
    if charset == b"UNICODE":
        # Byte order is that of the file, which is not known here: text in Latin letters has its zeros in one place.
        big = body[::2].count(0) > body[1::2].count(0)
        return body.decode("utf-16-be" if big else "utf-16-le", "replace")
    return body.decode("utf-8", "replace") if charset in (b"ASCII", b"") else None
