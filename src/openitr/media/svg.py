"""SVG drawings to pixels, without touching a file or the network and without growing beyond bounds.

The text is read by expat, copied element by element into a plain tree, and only that copy is handed to the renderer
(resvg): no document type, no entity, no processing instruction, and no reference that leaves the document. Fonts of
the system are not used, so that a drawing gives the same pixels on every machine; its lettering stays blank.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import zlib
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, TreeBuilder, tostring
from xml.parsers import expat

from PIL import Image

from openitr.errors import MissingExtra, UnreadableImage
from openitr.media.limits import Limits

_MAX_TEXT = 32 << 20
_MAX_ELEMENTS = 300_000
_MAX_DRAWN = 500_000
_MAX_DEPTH = 200
_MAX_ENTITY = 2000
_MAX_INSET_PIXELS = 40_000_000
_DEFAULT_SIDE = 1024
_MAX_SIDE = 16384
_MAX_CANVAS = 64_000_000

_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
_LENGTH = re.compile(r"\s*\+?(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)\s*(px|pt|pc|mm|cm|in|)\s*", re.IGNORECASE)
_INSET = re.compile(r"\s*data:image/(?:png|jpe?g|gif|webp)\s*;\s*base64\s*,", re.IGNORECASE)


def render(data: bytes, shrink_to: int | None, limits: Limits, notes: list[str]) -> tuple[Image.Image, tuple[int, int]]:
    """Draw, and tell the size that the drawing gives itself.

    Args:
        data: SVG text in UTF-8 or UTF-16, or packed with gzip.
        shrink_to: Short side to draw at; None draws at the drawing's own size (at most 1,024 on the long side where it
            has none).
        limits: How many pixels it may claim to have.
        notes: Oddities are added here.

    Returns:
        An RGBA picture, and (width, height) in CSS pixels.

    Raises:
        UnreadableImage: Not well-formed, or built to explode.
        MissingExtra: The renderer is not installed.
    """
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise MissingExtra("SVG pictures", "svg") from error
    root = _Reader().read(_unpacked(data))
    _check_weight(root)
    size = _own_size(root)
    # A drawing that names no size is fitted by its renderer around what it shows.
    width, height = size or (_DEFAULT_SIDE, _DEFAULT_SIDE)
    if shrink_to is None:
        limits.check_size(width, height)
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    if size:
        root.attrib.update(width=str(width), height=str(height))
    if _sanitise(root):
        notes.append("references to other files were left out")
    if any(_local(element.tag) == "text" for element in root.iter()):
        notes.append("lettering is not drawn")
    scale = shrink_to / min(width, height) if shrink_to else 1.0
    # A long and thin drawing would be wide beyond measure at the short side that was asked for.
    scale = min(scale, (_MAX_CANVAS / (width * height)) ** 0.5, _MAX_SIDE / max(width, height))
    drawn = svg_to_bytes(
        svg_string=tostring(root, encoding="unicode"),
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        skip_system_fonts=True,
        dpi=96,
    )
    picture = Image.open(io.BytesIO(drawn), formats=["PNG"])
    picture.load()
    return picture, size or picture.size


def _unpacked(data: bytes) -> bytes:
    """Out of gzip, within bounds."""
    if data.startswith(b"\x1f\x8b"):
        unpacker = zlib.decompressobj(wbits=31)
        data = unpacker.decompress(data, _MAX_TEXT + 1)
        if len(data) <= _MAX_TEXT and not unpacker.eof:
            raise UnreadableImage("truncated", remedy="the gzip data end too early: fetch or copy the file again")
    if len(data) > _MAX_TEXT:
        raise UnreadableImage("too complex", remedy=f"more than {_MAX_TEXT >> 20} MiB of SVG text")
    return data


@dataclass
class _Reader:
    """Expat events to a tree, counting what it grows to."""

    builder: TreeBuilder = field(default_factory=TreeBuilder)
    depth: int = 0
    elements: int = 0
    text: int = 0

    def read(self, data: bytes) -> Element:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = self._entity
        parser.buffer_text = True
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            what = "truncated" if error.code in _ENDS_EARLY else "corrupt"
            raise UnreadableImage(what, remedy=f"the SVG text is not well-formed: {error}") from error
        return self.builder.close()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        self._grow(sum(map(len, attributes.values())))
        if self.depth > _MAX_DEPTH or self.elements > _MAX_ELEMENTS:
            raise UnreadableImage("too complex", remedy="more elements than a drawing needs")
        self.builder.start(name, attributes)

    def _end(self, name: str) -> None:
        self.depth -= 1
        self.builder.end(name)

    def _characters(self, text: str) -> None:
        self._grow(len(text))
        self.builder.data(text)

    def _grow(self, characters: int) -> None:
        self.text += characters
        if self.text > _MAX_TEXT:
            raise UnreadableImage("too complex", remedy="its entities expand without end")

    def _entity(self, name: str, is_parameter: bool, value: str | None, *_: object) -> None:
        # Drawing programs write plain ones for namespaces; only bombs nest them or make them long.
        if is_parameter or value is None or "&" in value or "<" in value or len(value) > _MAX_ENTITY:
            raise UnreadableImage(
                "unsafe", remedy=f"entity {name[:40]!r} is external, nested or long; save it as plain SVG"
            )


_ENDS_EARLY = {
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
}


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _href(element: Element) -> str | None:
    return next((value for name, value in element.attrib.items() if _local(name) == "href"), None)


def _check_weight(root: Element) -> None:
    """Refuse drawings whose <use> elements multiply into more than can be drawn."""
    by_id = {name: element for element in root.iter() if (name := element.get("id"))}
    weights: dict[Element, int] = {}

    def weigh(element: Element, depth: int) -> int:
        if depth > 2 * _MAX_DEPTH:
            raise UnreadableImage("too complex", remedy="its elements use one another too deeply")
        if element not in weights:
            # A drawing that uses itself is the renderer's to refuse; here it must only not recurse for ever.
            weights[element] = 1
            total = 1 + sum(weigh(child, depth + 1) for child in element)
            target = (
                by_id.get((_href(element) or "").strip().removeprefix("#")) if _local(element.tag) == "use" else None
            )
            weights[element] = total + (weigh(target, depth + 1) if target is not None else 0)
        return weights[element]

    if weigh(root, 0) > _MAX_DRAWN:
        raise UnreadableImage("too complex", remedy="its <use> elements multiply beyond measure")


def _sanitise(root: Element) -> bool:
    """Drop every reference that is neither inside the document nor a small inset picture; tells whether any was."""
    dropped = False
    for element in root.iter():
        for name in [name for name in element.attrib if _local(name) == "href"]:
            value = element.attrib[name].strip()
            if value.startswith("#") or not value or _is_small_inset(value):
                continue
            del element.attrib[name]
            dropped = dropped or _local(element.tag) != "a"
    return dropped


def _is_small_inset(value: str) -> bool:
    """Whether a data URL holds a raster picture whose header claims a sane size."""
    found = _INSET.match(value)
    if not found:
        return False
    try:
        data = base64.b64decode(value[found.end() :].encode("ascii", "ignore"))
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "GIF", "WEBP"]) as inset:
            return inset.width * inset.height <= _MAX_INSET_PIXELS
    except (OSError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError):
        return False


def _own_size(root: Element) -> tuple[int, int] | None:
    """Width and height in CSS pixels by the attributes of <svg>, else by its view box, else None."""
    box = [float(n) for n in re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", root.get("viewBox") or "")]
    box_width, box_height = (box[2], box[3]) if len(box) == 4 and min(box[2:]) > 0 else (0.0, 0.0)
    width, height = _length(root.get("width")), _length(root.get("height"))
    if box_width and not (width or height):
        shrink = min(1.0, _DEFAULT_SIDE / max(box_width, box_height))
        width, height = box_width * shrink, box_height * shrink
    if box_width:
        width = width or (height or 0) * box_width / box_height
        height = height or width * box_height / box_width
    if not width or not height:
        return None
    if not max(width, height) < 1e9:
        raise UnreadableImage("too many pixels", remedy="its <svg> element has no sensible size")
    return max(1, round(width)), max(1, round(height))


def _length(value: str | None) -> float | None:
    """A CSS length in pixels; None for percentages and nonsense."""
    found = _LENGTH.fullmatch(value or "")
    return float(found[1]) * _UNITS[found[2].lower()] or None if found else None
