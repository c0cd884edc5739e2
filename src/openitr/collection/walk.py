"""Which files of a folder look like pictures, in a stable order, without opening those that are known."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from openitr.collection import manifest
from openitr.collection.sidecars import sidecar_stamp
from openitr.media.formats import by_extension, looks_like_image


@dataclass(frozen=True, slots=True)
class Found:
    """A file that looks like a picture.

    Args:
        path: Relative to the root, with forward slashes.
        size: Bytes.
        mtime_ns: Modification time, ns since 1970.
        sidecar: Names, sizes and times of the files that describe it.
    """

    path: str
    size: int
    mtime_ns: int
    sidecar: str


@dataclass
class Walk:
    """A walk over a folder: sorted, following links without going in circles, hidden things left out.

    Args:
        root: The folder that paths are relative to.
        under: Where below it to walk, "" for all of it.
        known: Whether a file of that path, size and time was seen before; such a file is not opened to find out what
            it is, whatever its name.

    Attributes:
        unreadable: Folders (relative) that could not be listed; what lies in them is not gone.
    """

    root: Path
    under: str = ""
    known: Callable[[str, int, int], bool] = lambda path, size, mtime_ns: False
    unreadable: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Found]:
        start = self.root / self.under if self.under else self.root
        seen: set[tuple[int, int]] = set()
        waiting = [(start, self.under)]
        while waiting:
            folder, at = waiting.pop()
            try:
                info = folder.stat()
                place = (info.st_dev, info.st_ino)
                if place in seen and place != (0, 0):
                    continue
                seen.add(place)
                with os.scandir(folder) as listing:
                    entries = sorted((e for e in listing if not e.name.startswith(".")), key=lambda e: e.name)
            except FileNotFoundError:
                continue
            except OSError:
                self.unreadable.append(at)
                continue
            names = {entry.name for entry in entries}
            if manifest.NAME in names and "items.sqlite" in names:
                continue  # a collection, this one or another, holds nothing of the user's own
            before = f"{at}/" if at else ""
            below: list[tuple[Path, str]] = []
            for entry in entries:
                try:
                    if entry.is_dir():
                        below.append((folder / entry.name, before + entry.name))
                    elif entry.is_file():
                        found = self._looked_at(entry, before + entry.name, names, folder)
                        if found is not None:
                            yield found
                except OSError:
                    continue  # gone since it was listed, or a link to nothing
            waiting += reversed(below)

    def _looked_at(self, entry: os.DirEntry[str], path: str, names: set[str], folder: Path) -> Found | None:
        info = entry.stat()
        named = by_extension(Path(entry.name)) is not None
        if not named and not self.known(path, info.st_size, info.st_mtime_ns) and not looks_like_image(entry.path):
            return None
        return Found(path, info.st_size, info.st_mtime_ns, sidecar_stamp(folder, entry.name, names))
