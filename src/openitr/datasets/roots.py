"""Names that a dataset's files hold, turned into files inside the dataset's own folder."""

from __future__ import annotations

import os
from pathlib import Path

from openitr.errors import DatasetError


class Root:
    """A folder that no name leads out of: not by "..", not by an absolute path, not by a symbolic link.

    Args:
        folder: Where relative names start.

    >>> try:
    ...     Root(Path("/data/pets")).file("../secret.jpg", "captions.jsonl, line 3")
    ... except DatasetError as error:
    ...     print(error.message)
    captions.jsonl, line 3: '../secret.jpg' leads out of /data/pets
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._real = Path(os.path.realpath(folder))
        self._folders: dict[Path, Path] = {}

    def file(self, name: str, where: str) -> Path:
        """The path that ``name`` means; it need not exist. Raises DatasetError, naming ``where``, when it leads out."""
        if name.lower().startswith(("http://", "https://", "s3://", "gs://")):
            raise DatasetError(f"{where}: {name[:200]!r} is a web address", "download the pictures, name their files")
        if not name or "\0" in name:
            raise DatasetError(f"{where}: {name[:200]!r} names no file", "every row needs the path of its picture")
        path = self.folder / name
        if "\\" in name and not os.path.lexists(path):
            path = self.folder / name.replace("\\", "/")
        real = self._real_folder(path.parent) / path.name
        if path.name in ("", ".", "..") or real.is_symlink():
            real = Path(os.path.realpath(path))
        if self._real not in real.parents:
            raise DatasetError(
                f"{where}: {name[:200]!r} leads out of {self.folder}", "name the folder of the pictures with images=..."
            )
        return path

    def id_of(self, path: Path) -> str:
        """The path below the root with forward slashes; what a picture without an id of its own goes by."""
        return Path(os.path.normpath(os.path.relpath(path, self.folder))).as_posix()

    def _real_folder(self, folder: Path) -> Path:
        # Resolving each of a million pictures one by one would cost a minute; they share a few folders.
        if folder not in self._folders:
            self._folders[folder] = Path(os.path.realpath(folder))
        return self._folders[folder]


_USUAL = ("", "images", "Images", "imgs", "train2014", "val2014", "train2017", "val2017", "flickr8k-images")


def picture_folder(beside: Path, first: str, hint: str = "") -> Path:
    """The folder in which the first picture named by a file lies: the file's own, its parent, or a usual one in either.

    ``hint`` is a folder name to try before the usual ones. The file's own folder when it is in none of them, so that
    the picture is reported as missing from there.
    """
    for folder in (beside, beside.parent):
        for name in (hint, *_USUAL):
            try:
                if (folder / name / first).is_file():
                    return folder / name
            except (OSError, ValueError):
                return beside
    return beside
