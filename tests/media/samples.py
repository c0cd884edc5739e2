"""Small pictures made on the spot, one per format and oddity, whose colours are known.

``quadrants`` is what most of them show: red top left, green top right, blue bottom left, white bottom right. A turn, a
flip, a swapped channel or an inverted plane moves or changes a corner.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quadrants(width: int = 48, height: int = 32) -> np.ndarray:
    """(height, width, 3) uint8: red, green / blue, white."""
    array = np.empty((height, width, 3), np.uint8)
    array[: height // 2, : width // 2] = RED
    array[: height // 2, width // 2 :] = GREEN
    array[height // 2 :, : width // 2] = BLUE
    array[height // 2 :, width // 2 :] = WHITE
    return array


def corners(array: np.ndarray) -> list[tuple[int, ...]]:
    """Colours near the four corners: top left, top right, bottom left, bottom right."""
    h, w = array.shape[:2]
    y, x = max(1, h // 6), max(1, w // 6)
    return [tuple(int(v) for v in array[a, b]) for a, b in ((y, x), (y, -1 - x), (-1 - y, x), (-1 - y, -1 - x))]


def near(found: list[tuple[int, ...]], expected: list[tuple[int, ...]], tolerance: int) -> bool:
    """Whether all colours agree within ``tolerance`` levels."""
    return all(abs(a - b) <= tolerance for f, e in zip(found, expected, strict=True) for a, b in zip(f, e, strict=True))


def encoded(array: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    """Bytes of a file of PIL's format ``kind``."""
    picture = array if isinstance(array, Image.Image) else Image.fromarray(array)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    """One chunk with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims a size and whose data are next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def png_of_zeros(side: int) -> bytes:
    """A complete black RGB PNG of side x side pixels: little to store, slow to decode."""
    packer = zlib.compressobj(1)
    row = bytes(1 + 3 * side)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def tiff_claiming(width: int, height: int) -> bytes:
    """A little-endian TIFF of one uncompressed strip that is not there."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, height), (279, 4, 10)]
    body = struct.pack("<H", len(tags))
    for tag, kind, value in tags:
        body += struct.pack("<HHI", tag, kind, 1) + (struct.pack("<I", value))
    return b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", 0)


def gif_claiming(width: int, height: int) -> bytes:
    """A GIF whose screen and first frame claim a size."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    return screen + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00;"


def endless_jpeg(side: int, scans: int) -> bytes:
    """A small progressive JPEG that claims side x side pixels and repeats its first scan."""
    data = encoded(np.zeros((16, 16, 3), np.uint8), "JPEG", progressive=True)
    frame = data.index(b"\xff\xc2")
    data = data[: frame + 5] + struct.pack(">HH", side, side) + data[frame + 9 :]
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff", first + 2)
    while data[second + 1] in (0, 0xFF) or 0xD0 <= data[second + 1] <= 0xD7:
        second = data.index(b"\xff", second + 2)
    return data[:first] + data[first:second] * scans + data[second:]


SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32">'
    b'<rect width="24" height="16" fill="#f00"/><rect x="24" width="24" height="16" fill="#0f0"/>'
    b'<rect y="16" width="24" height="16" fill="#00f"/></svg>'
)


def family() -> dict[str, bytes]:
    """One good file per format that core and extras decode; the keys are what ``sniff`` must say."""
    array = quadrants()
    files = {
        "jpeg": encoded(array, "JPEG", quality=95),
        "png": encoded(array, "PNG"),
        "webp": encoded(array, "WEBP", lossless=True),
        "gif": encoded(array, "GIF"),
        "bmp": encoded(array, "BMP"),
        "tiff": encoded(array, "TIFF"),
        "avif": encoded(array, "AVIF", quality=95),
        "jpeg2000": encoded(array, "JPEG2000"),
        "ico": encoded(array, "ICO", sizes=[(48, 32)]),
        "pnm": encoded(array, "PPM"),
        "svg": SVG,
    }
    try:
        import pillow_heif
    except ImportError:
        return files
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(array)).save(file, quality=95)
    return files | {"heic": file.getvalue()}
