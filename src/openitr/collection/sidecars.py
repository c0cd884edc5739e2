"""What the user says of pictures, in files beside them.

    photo.jpg.json, photo.json   metadata of one picture: {"title": "...", "tags": ["a", "b"], "stars": 5}
    photo.jpg.txt, photo.txt     its captions, one a line
    captions.jsonl, metadata.jsonl, metadata.csv    at the root of the folder, one picture a line

A line of the root files names its picture as ``image`` (or ``file``, ``file_name``, ``path``), relative to the
folder. ``texts`` (or ``text``, ``caption``, ``captions``) are captions: a text, a list, or either by language code;
every other text, number, bool or list of texts is metadata.
"""

from __future__ import annotations

import csv
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openitr.collection.lines import Value

_MAX_BYTES = 4 << 20  # of one sidecar or one line
_MAX_TABLE = 4 << 30
_MAX_TEXT = 10_000
_MAX_VALUES = 500
_TABLES = ("captions.jsonl", "metadata.jsonl", "metadata.csv")
_PATH_KEYS = ("image", "file", "file_name", "path")
_QUOTES = ("'", '"')  # what a stamp begins with that names sidecars
_CAPTION_KEYS = ("texts", "text", "captions", "caption")


@dataclass
class Words:
    """What the user says of one picture; ``notes`` name what could not be understood."""

    metadata: dict[str, Value] = field(default_factory=dict)
    captions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def sidecar_names(name: str) -> list[str]:
    """Files that may describe a picture of that name.

    >>> sidecar_names("photo.jpg")
    ['photo.jpg.json', 'photo.json', 'photo.jpg.txt', 'photo.txt']
    """
    stem = name.rpartition(".")[0] or name
    return list(dict.fromkeys([f"{name}.json", f"{stem}.json", f"{name}.txt", f"{stem}.txt"]))


def sidecar_stamp(folder: Path, name: str, names: set[str]) -> str:
    """Names, sizes and times of the sidecars a picture has, so that a changed one is noticed without reading it."""
    parts: list[str] = []
    for sidecar in sidecar_names(name):
        if sidecar in names:
            try:
                info = (folder / sidecar).stat()
            except OSError:
                continue
            parts.append(f"{sidecar!a}:{info.st_size}:{info.st_mtime_ns}")
    return ";".join(parts)


class Table:
    """The root's ``captions.jsonl`` and its like; of JSON lines only their places are held in memory.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.notes: list[str] = []
        self._lines: dict[str, list[tuple[Path, int, int]]] = {}
        self._rows: dict[str, dict[str, Any]] = {}
        for name in _TABLES:
            path = root / name
            try:
                if path.is_file() and path.stat().st_size <= _MAX_TABLE:
                    (self._read_csv if name.endswith(".csv") else self._read_lines)(path)
            except OSError as error:
                self.notes.append(f"{path}: {error}")

    def _read_lines(self, path: Path) -> None:
        place = 0
        with path.open("rb") as file:
            for line in file:
                try:
                    row = json.loads(line) if len(line) <= _MAX_BYTES and line.strip() else None
                    image = _image_of(row) if isinstance(row, dict) else None
                    if image:
                        self._lines.setdefault(image, []).append((path, place, zlib.crc32(line)))
                except ValueError:
                    self.notes.append(f"{path}: the line at byte {place} is no JSON")
                place += len(line)

    def _read_csv(self, path: Path) -> None:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                for row in csv.DictReader(file):
                    facts = {key: _typed(value) for key, value in row.items() if key and isinstance(value, str)}
                    if image := _image_of(facts):
                        self._rows[image] = {key: value for key, value in facts.items() if value != ""}
        except (csv.Error, UnicodeDecodeError) as error:
            self.notes.append(f"{path}: {error}")

    def stamp(self, path: str) -> str:
        """Changes when what the tables say of a picture changes."""
        marks = [f"{name.name}:{crc:08x}" for name, _, crc in self._lines.get(path, ())]
        if path in self._rows:
            marks.append(f"csv:{zlib.crc32(json.dumps(self._rows[path], sort_keys=True).encode()):08x}")
        return ";".join(marks)

    def words(self, path: str, stamp: str) -> Words:
        """What the tables and the picture's own sidecars say; the sidecars have the last word.

        Args:
            path: Of the picture.
            stamp: As in :class:`~openitr.collection.walk.Found`; where it names no sidecar, none is looked for.
        """
        words = Words()
        if path in self._rows:
            _take(words, self._rows[path])
        for table, place, _ in self._lines.get(path, ()):
            with table.open("rb") as file:
                file.seek(place)
                _take(words, json.loads(file.readline(_MAX_BYTES + 1)))
        if stamp.startswith(_QUOTES):
            folder, _, name = path.rpartition("/")
            for sidecar in reversed(sidecar_names(name)):
                _read_sidecar(self.root / folder / sidecar, words)
        words.captions = list(dict.fromkeys(words.captions))[:_MAX_VALUES]
        return words


def _read_sidecar(path: Path, words: Words) -> None:
    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            words.notes.append(f"{path.name} is larger than {_MAX_BYTES >> 20} MB and was left out")
        elif path.suffix == ".txt":
            words.captions += _texts(raw.decode("utf-8-sig", "replace").splitlines())
        else:
            facts = json.loads(raw)
            if not isinstance(facts, dict):
                raise ValueError("not an object")
            _take(words, facts)
    except (ValueError, RecursionError, OSError) as error:
        words.notes.append(f"{path.name} could not be read: {str(error)[:200]}")


def _take(words: Words, facts: Mapping[str, Any]) -> None:
    """Sort the entries of one object into captions and metadata."""
    for key, value in facts.items():
        if key in _PATH_KEYS[:1] or (key in _PATH_KEYS and isinstance(value, str)):
            continue
        if key in _CAPTION_KEYS:
            words.captions += _texts(value)
            continue
        clean = _clean(value)
        name = _text(str(key))[:100].strip()
        if clean is not None and name and len(words.metadata) < _MAX_VALUES:
            words.metadata[name] = clean


def _image_of(row: Mapping[str, Any]) -> str | None:
    for key in _PATH_KEYS:
        if isinstance(row.get(key), str) and row[key]:
            return str(row[key]).replace("\\", "/").removeprefix("./")
    return None


def _texts(value: Any) -> list[str]:
    """Captions from a text, a list of texts, or either by language."""
    if isinstance(value, str):
        text = _text(value).strip()
        return [text] if text else []
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return [text for part in value[:_MAX_VALUES] if isinstance(part, str | list | dict) for text in _texts(part)]
    return []


def _clean(value: Any) -> Value | None:
    """A value of a type that fields have, or None."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else float(value) if abs(value) < 10**300 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return [_text(part) for part in value[:_MAX_VALUES]]
    return None


def _text(value: str) -> str:
    """At most ``_MAX_TEXT`` characters, without what no database can store."""
    return value[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _typed(text: str) -> Value:
    """A CSV cell as a number where it is written as one, and survives the round trip.

    >>> _typed("12"), _typed("1.5"), _typed("007"), _typed("true")
    (12, 1.5, '007', True)
    """
    if text in ("true", "false"):
        return text == "true"
    for make in (int, float):
        try:
            value = make(text)
        except ValueError:
            continue
        if str(value) == text and math.isfinite(value):
            return value
    return text
