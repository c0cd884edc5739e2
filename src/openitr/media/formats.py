"""Which kind of picture bytes are, told from the bytes themselves and not from the name.

A format is decodable, or known by sight only: a JPEG XL file is a picture and is reported as one that cannot be
read, which a text file is not.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

HEAD = 4096
"""How many first bytes :func:`sniff` wants to see; fewer are fine for all but SVG."""

# Which file name endings each format goes by; the first is the usual one.
EXTENSIONS: dict[str, tuple[str, ...]] = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo"),
    "png": (".png", ".apng"),
    "webp": (".webp",),
    "gif": (".gif",),
    "bmp": (".bmp", ".dib"),
    "tiff": (".tif", ".tiff", ".gtiff"),
    "avif": (".avif", ".avifs"),
    "heic": (".heic", ".heif", ".hif", ".heics"),
    "svg": (".svg", ".svgz"),
    "jpeg2000": (".jp2", ".j2k", ".jpx", ".jpf"),
    "ico": (".ico",),
    "pnm": (".ppm", ".pgm", ".pbm", ".pnm"),
    "jpegxl": (".jxl",),
    "psd": (".psd", ".psb"),
    "raw": (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".rw2", ".orf", ".pef", ".srw"),
}

UNSUPPORTED: dict[str, str] = {"jpegxl": "JPEG XL", "psd": "Photoshop", "raw": "camera raw"}
"""Formats told by sight that nothing here decodes, with the name people know them by."""

_BY_EXTENSION = {ending: name for name, endings in EXTENSIONS.items() for ending in endings}

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
_PNM = re.compile(rb"P[1-6]\s+(?:#[^\n]*\n\s*)*\d+\s+(?:#[^\n]*\n\s*)*\d+\s")
_SVG_START = re.compile(
    rb"\s*(?:<\?xml.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>\s*|<\?.*?\?>\s*)*<(?:svg:)?svg[\s>]",
    re.DOTALL,
)
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}


def sniff(head: bytes) -> str | None:
    """The format that the first bytes of a file belong to, or None when they are no picture.

    Args:
        head: The first bytes; ``HEAD`` of them are enough.

    Returns:
        A key of ``EXTENSIONS``, of those that cannot be decoded too.

    >>> sniff(b"\\xff\\xd8\\xff\\xe0\\x00\\x10JFIF"), sniff(b"once upon a time")
    ('jpeg', None)
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "raw" if head[8:10] == b"CR" else "tiff"
    if head[4:8] == b"ftyp":
        return _iso_brand(head)
    return _rarer(head)


def _iso_brand(head: bytes) -> str | None:
    """AVIF, HEIC or Canon raw inside the ISO container, by its list of compatible brands; None for a film."""
    length = min(max(int.from_bytes(head[:4], "big"), 16), 256, len(head))
    brands = {head[8:12]} | {head[i : i + 4] for i in range(16, length - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return "avif"
    if brands & _HEIF_BRANDS:
        return "heic"
    return "raw" if b"crx " in brands else None


def _rarer(head: bytes) -> str | None:
    """Formats with weak or odd magic, each checked for more than two letters that prose could begin with."""
    if head[:2] == b"BM" and len(head) >= 18 and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    if head.startswith((b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51\x00")):
        return "jpeg2000"
    if head[:4] == b"\x00\x00\x01\x00" and len(head) >= 10 and head[5] == 0 and head[4] and head[9] == 0:
        return "ico"
    if head.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n")):
        return "jpegxl"
    if head.startswith(b"8BPS\0"):
        return "psd"
    if head.startswith((b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"MMOR")):
        return "raw"
    if _PNM.match(head[:256]):
        return "pnm"
    return "svg" if _is_svg(head) else None


def _is_svg(head: bytes) -> bool:
    """Whether the first element is <svg>, in plain, UTF-16 or gzip-packed text."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            return False
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head[: len(head) // 2 * 2].decode("utf-16", "replace").encode("utf-8", "replace")
    return b"<" in head[:64] and _SVG_START.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def by_extension(path: Path) -> str | None:
    """The format that the file name promises, or None.

    >>> by_extension(Path("a/b.JPEG")), by_extension(Path("notes.txt"))
    ('jpeg', None)
    """
    return _BY_EXTENSION.get(path.suffix.lower())


def looks_like_image(path: Path | str) -> bool:
    """Whether the name or the first bytes of a file say picture; a file that cannot be opened goes by its name.

    >>> looks_like_image("holiday.jpg"), looks_like_image("letter.txt")
    (True, False)
    """
    path = Path(path)
    if by_extension(path) is not None:
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return sniff(file.read(HEAD)) is not None
    except OSError:
        return False


def mismatch(path: Path, content: str) -> str | None:
    """A note where the name promises another format than the content has, else None.

    Camera raw files are TIFF inside by design, so that pair is no mismatch.

    >>> mismatch(Path("cat.png"), "jpeg")
    'extension says png, content is jpeg'
    """
    promised = by_extension(path)
    if promised is None or promised == content or (promised, content) == ("raw", "tiff"):
        return None
    return f"extension says {promised}, content is {content}"
