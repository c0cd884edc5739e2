"""Where collections are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from openitr.errors import CollectionError


def data_folder() -> Path:
    """The folder that bare names live in: ``OPENITR_HOME``, else what the platform uses for a user's data."""
    chosen = os.environ.get("OPENITR_HOME")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "openitr"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "openitr"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "openitr"


def cache_folder() -> Path:
    """The folder for what can be made again at any time: ``OPENITR_CACHE``, else what the platform uses for caches."""
    chosen = os.environ.get("OPENITR_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "openitr" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "openitr"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openitr"


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The directory that a collection argument means; it need not exist.

    A :class:`~pathlib.Path`, something with a path separator, ``~``, ``.`` or an existing directory is a path; any
    other name lies in :func:`data_folder`.

    Raises:
        CollectionError: The name is empty, or one that no folder can have.

    >>> find("some/where").name, find("photos").parent == data_folder()
    ('where', True)
    """
    text = os.fspath(name_or_path)
    if not text.strip() or "\0" in text:
        raise CollectionError(f"{text!r} names no collection", "give a directory or a name")
    path = Path(text).expanduser()
    separators = {os.sep, os.altsep or os.sep, "/"}
    if isinstance(name_or_path, os.PathLike) or any(s in text for s in separators) or text[0] in "~.":
        return path
    in_data = data_folder() / text
    if path.is_dir() and not in_data.is_dir():
        return path
    return in_data
