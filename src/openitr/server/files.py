"""Original files out of indexed folders, and nothing else: no link leads out of its root, no name becomes a header."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from openitr.server.problems import Problem

if TYPE_CHECKING:
    from openitr.server.served import ServedCollection
    from openitr.types import Item

_CHUNK = 1 << 18
# What a browser shows as a picture and never as a page or a script; everything else is handed over as a download.
INLINE = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "avif": "image/avif",
    "bmp": "image/bmp",
}


def safe_path(served: ServedCollection, item: Item) -> Path:
    """Where a picture really lies, if that is inside its root or inside a folder that is allowed.

    Raises:
        Problem: 403, it became a link that leads elsewhere; 404, its root is unknown.
    """
    root = served.library.collection.roots().get(item.root)
    if root is None:
        raise Problem(404, f"the folder of picture {item.id} is not known any more", "index it again")
    real = Path(os.path.realpath(root.joinpath(*item.path.split("/"))))
    allowed = [Path(os.path.realpath(root)), *(Path(os.path.realpath(a)) for a in served.house.settings.allow_folders)]
    if not any(real.is_relative_to(folder) for folder in allowed):
        raise Problem(
            403, f"picture {item.id} is a link that leads out of its folder", "start the server with --allow-folder"
        )
    return real


class OpenFile:
    """A picture's file, opened for reading; closed when it was read, or when nobody holds it any more.

    Args:
        handle: Of the system; it is this object's to close.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._open = True
        self.about = os.fstat(handle)

    def __iter__(self) -> Iterator[bytes]:
        left = self.about.st_size
        while left > 0 and (data := os.read(self._handle, min(_CHUNK, left))):
            left -= len(data)
            yield data
        self.close()

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._open:
            self._open = False
            os.close(self._handle)

    __del__ = close


def open_file(served: ServedCollection, item: Item) -> OpenFile:
    """Open a picture's file.

    Raises:
        Problem: 403 or 404, as :func:`safe_path`, or the file is gone or no file any more.
    """
    path = safe_path(served, item)
    try:
        file = OpenFile(_without_links(path))
    except OSError as error:
        raise Problem(404, f"the file of picture {item.id} cannot be read", "index its folder again") from error
    if not stat.S_ISREG(file.about.st_mode):
        file.close()
        raise Problem(404, f"the file of picture {item.id} is no file any more", "index its folder again")
    return file


def _without_links(path: Path) -> int:
    """Open a path that holds no link, even if one is put there between looking and opening."""
    last = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if os.open not in os.supports_dir_fd:
        return os.open(path, last)
    folder = os.open(path.anchor, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in path.parts[1:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(path.name, last, dir_fd=folder)
    finally:
        os.close(folder)


def disposition(name: str, *, inline: bool) -> str:
    """A ``Content-Disposition`` that any file name fits into (RFC 6266): nothing of it can end the header.

    >>> disposition('a"b\\r\\nSet-Cookie: x.jpg', inline=True)
    'inline; filename="a_b__Set-Cookie_ x.jpg"; filename*=UTF-8\\'\\'a%22b%0D%0ASet-Cookie%3A%20x.jpg'
    """
    kind = "inline" if inline else "attachment"
    plain = "".join(c if " " <= c <= "~" and c not in '"\\;:%' else "_" for c in name) or "picture"
    coded = quote(name.encode("utf-8", "surrogateescape"), safe="")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{coded}"
