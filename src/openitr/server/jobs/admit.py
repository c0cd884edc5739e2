"""Which folders, data and models a client may name: what the owner of the server named first, and nothing else.

A folder is compared after its links are resolved. What is outside is refused before anybody looks whether it is there,
so that an answer tells nothing of the rest of the disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from openitr.server.problems import Problem


class Admission:
    """What clients may name.

    Args:
        allow: Folders that the owner allowed; a relative path is looked for in each.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp()).resolve()
    >>> (home / "holidays").mkdir()
    >>> Admission([home]).folder("holidays") == home / "holidays"
    True
    """

    def __init__(self, allow: Iterable[Path] = ()) -> None:
        self.allow = [Path(os.path.realpath(folder)) for folder in allow]

    def folder(self, named: str, roots: Sequence[Path] = ()) -> Path:
        """A folder of pictures: a known root, below one, or below an allowed folder.

        Raises:
            Problem: 403 outside of them, 422 when it is no folder.
        """
        place = self._inside(named, [*self.allow, *(Path(os.path.realpath(root)) for root in roots)])
        if not place.is_dir():
            raise Problem(422, f"{named!r} is no folder here", "check the path")
        return place

    def data(self, named: str) -> Path:
        """A file or folder of a pair dataset below an allowed folder.

        Raises:
            Problem: 403 outside of them, 422 when there is nothing.
        """
        place = self._inside(named, self.allow)
        if not place.exists():
            raise Problem(422, f"there is nothing at {named!r}", "check the path")
        return place

    def model(self, named: str, used: Iterable[str] = ()) -> str:
        """A shipped model, one that a run uses already, or a folder below an allowed one.

        Raises:
            Problem: 403 for other folders and for what would be fetched, 422 for a name that means nothing.
        """
        from openitr.encoders import available

        shipped = [info.name for info in available() if ":" not in info.name]
        if named in shipped or named in used:
            return named
        prefix, colon, rest = named.partition(":")
        if colon and prefix != "onnx":
            raise Problem(403, f"the model {named!r} is not loaded for a client", "use `openitr reindex` for it")
        bare = not colon and not any(separator in named for separator in "/\\\0")
        if bare and not any((folder / named).is_dir() for folder in self.allow):
            raise Problem(422, f"there is no model {named!r}", f"use one of: {', '.join(shipped)}")
        return str(self.folder(rest if colon else named))

    def _inside(self, named: str, allowed: Sequence[Path]) -> Path:
        if not named.strip() or "\0" in named or len(named) > 4096:
            raise Problem(422, "this is the path of nothing", "name a folder")
        tries = [Path(named)] if Path(named).is_absolute() else [folder / named for folder in self.allow]
        found: Path | None = None
        for path in tries:
            try:
                place = Path(os.path.realpath(path))
                inside = any(place == folder or folder in place.parents for folder in allowed)
                if inside and (found is None or not found.exists()):
                    found = place
            except (OSError, ValueError):
                continue
        if found is None:
            raise Problem(
                403, f"{named!r} is outside the folders that may be read", "start the server with --allow-folder DIR"
            )
        return found


def still(place: str) -> bool:
    """Whether a path that was admitted still leads where it led; a link may have been put there since."""
    return os.path.realpath(place) == place
