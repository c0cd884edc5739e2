"""Documents and queries in which texts and pictures take turns, in an order that matters (MRMR, Zhang et al. 2025)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openitr.datasets.decoding import json_lines
from openitr.datasets.roots import Root
from openitr.datasets.sources import FileImage, ImageSource
from openitr.errors import DatasetError, InputError

_PLACE = re.compile(r"<image(?: (\d+))?>")

Segment = str | ImageSource
"""A run of text, or a picture."""


@dataclass(frozen=True)
class InterleavedItem:
    """Texts and pictures in order.

    Args:
        id: Unique among its kind.
        segments: At least one; no blank text.
        metadata: What else is known of it ("domain", "task").

    Raises:
        InputError: No segment, or a blank text.

    >>> from openitr.datasets.sources import MemoryImage
    >>> pictures = [MemoryImage(b"1"), MemoryImage(b"2")]
    >>> item = InterleavedItem.of_text("q", "What is <image 2> beside <image 1>?", pictures)
    >>> [part if isinstance(part, str) else part.data for part in item.segments]
    ['What is', b'2', 'beside', b'1', '?']
    """

    id: str
    segments: tuple[Segment, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.segments:
            raise InputError(f"item {self.id!r} has no segment", "give it a text or a picture")
        if any(isinstance(part, str) and not part.strip() for part in self.segments):
            raise InputError(f"item {self.id!r} has a blank text", "leave blank segments out")

    @classmethod
    def of_text(
        cls, id: str, text: str, images: Sequence[ImageSource] = (), metadata: Mapping[str, Any] | None = None
    ) -> InterleavedItem:
        """A text with ``<image>`` or ``<image 2>`` where pictures go; pictures it does not place stand at the end.

        Raises:
            InputError: A place without a picture, or nothing at all.
        """
        segments: list[Segment] = []
        at = 0
        used: list[int] = []
        for place in _PLACE.finditer(text):
            number = int(place[1]) - 1 if place[1] else len(used)
            if not 0 <= number < len(images):
                raise InputError(f"item {id!r}: {place[0]} with {len(images)} pictures", "one picture for each place")
            segments += [text[at : place.start()].strip(), images[number]]
            used.append(number)
            at = place.end()
        segments.append(text[at:].strip())
        segments += [image for number, image in enumerate(images) if number not in used]
        return cls(id, tuple(part for part in segments if not isinstance(part, str) or part), dict(metadata or {}))

    @property
    def images(self) -> list[ImageSource]:
        """Its pictures, in order."""
        return [part for part in self.segments if not isinstance(part, str)]

    @property
    def text(self) -> str:
        """Its texts, joined by a space."""
        return " ".join(part for part in self.segments if isinstance(part, str))

    def worded(self, captions: Mapping[ImageSource, str]) -> str:
        """All in words, in order: a picture by its caption in angle brackets.

        Raises:
            InputError: A picture without a caption.
        """
        words = []
        for part in self.segments:
            if not isinstance(part, str) and part not in captions:
                raise InputError(f"item {self.id!r}: picture {part.name!r} has no caption", "caption every picture")
            words.append(part if isinstance(part, str) else f"<{captions[part]}>")
        return " ".join(words)


def write_items(path: str | Path, items: Iterable[InterleavedItem]) -> None:
    """Write JSON lines ``{"id", "segments": [{"text"} | {"image": path}], ...metadata}`` that :func:`read_items` reads.

    Pictures are named, not copied: they must be files below the folder of ``path``.

    Raises:
        InputError: A picture that is no file there.
    """
    target = Path(path)
    root = target.resolve().parent
    with target.open("w", encoding="utf-8") as file:
        for item in items:
            segments = [
                {"text": part} if isinstance(part, str) else {"image": _name(part, root)} for part in item.segments
            ]
            row = {"id": item.id, "segments": segments, **item.metadata}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_items(path: str | Path) -> list[InterleavedItem]:
    """Read what :func:`write_items` wrote; pictures are below the folder of the file, and read when asked for.

    Raises:
        DatasetError: A line that does not fit, naming it.
    """
    root = Root(Path(path).parent)
    found = []
    for where, row in json_lines(Path(path)):
        name, given = row.get("id"), row.get("segments")
        if not isinstance(name, str) or not name or not isinstance(given, list):
            raise DatasetError(f"{where}: no id or no segments", 'write {"id": ..., "segments": [...]}')
        segments: list[Segment] = []
        for part in given:
            only = next(iter(part.items())) if isinstance(part, dict) and len(part) == 1 else ("", None)
            if only[0] not in ("text", "image") or not isinstance(only[1], str):
                raise DatasetError(f"{where}: {str(part)[:80]} is no segment", 'use {"text": ...} or {"image": path}')
            segments.append(only[1] if only[0] == "text" else FileImage(root.file(only[1], where)))
        rest = {key: value for key, value in row.items() if key not in ("id", "segments")}
        try:
            found.append(InterleavedItem(name, tuple(segments), rest))
        except InputError as error:
            raise DatasetError(f"{where}: {error.message}", error.remedy) from error
    return found


def _name(image: ImageSource, root: Path) -> str:
    if image.path is None or root not in image.path.resolve().parents:
        raise InputError(f"picture {image.name!r} is no file below {root}", "write the items beside their pictures")
    return image.path.resolve().relative_to(root).as_posix()
