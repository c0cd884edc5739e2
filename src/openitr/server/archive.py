"""Original files as a zip archive that is made while it is sent: nothing of it is kept in memory or on disk."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from openitr.server.files import open_file
from openitr.server.problems import Problem

if TYPE_CHECKING:
    from openitr.server.served import ServedCollection
    from openitr.types import Item

_LARGE = 1 << 31


class _Tape(io.RawIOBase):
    """What was written and not yet sent; zip files can be written to something that cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def archive(served: ServedCollection, items: Sequence[Item], documents: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """A zip file, piece by piece: the originals by root and path, and ``items.json`` with what is known of each.

    A file that is gone or may not be read is left out and says so in ``items.json``.
    """
    tape = _Tape()
    roots = {item.root for item in items}
    taken: set[str] = set()
    with zipfile.ZipFile(tape, "w", zipfile.ZIP_STORED) as made:
        for item, document in zip(items, documents, strict=True):
            name = _name(item, len(roots) > 1, taken)
            try:
                file = open_file(served, item)
            except Problem as problem:
                document["left_out"] = problem.detail
                continue
            document["file_in_archive"] = name
            entry = zipfile.ZipInfo(name, _when(file.about.st_mtime))
            with made.open(entry, "w", force_zip64=file.about.st_size >= _LARGE) as inside:
                for data in file:
                    inside.write(data)
                    yield tape.take()
        made.writestr("items.json", json.dumps({"items": list(documents)}, indent=1))
    yield tape.take()


def _name(item: Item, several: bool, taken: set[str]) -> str:
    """A name inside the archive that no program can take for a place outside it."""
    path = item.path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    parts = [part for part in path.replace("\\", "_").split("/") if part not in ("", ".", "..")]
    name = "/".join(["".join(c if c.isprintable() and c not in ':*?"<>|' else "_" for c in part) for part in parts])
    name = f"folder {item.root}/{name}" if several else name
    if name in taken or name == "items.json":
        stem, dot, ending = name.rpartition(".")
        name = f"{stem} ({item.id}).{ending}" if dot else f"{name} ({item.id})"
    taken.add(name)
    return name


def _when(seconds: float) -> tuple[int, int, int, int, int, int]:
    """A time that zip can say: 1980 to 2107."""
    year, *rest = time.localtime(min(max(seconds, 315_532_800 + 86_400), 4_354_819_198 - 86_400))[:6]
    return (year, *rest)  # type: ignore[return-value]
