"""The files of an index of pieces: segments, which of their rows are dead, and a manifest that names what counts.

``NAME.json`` is replaced in one step, so that a killed process leaves the last flushed state; files that it does not
name are leftovers, and the next flush deletes them. A reader that opens while a writer flushes reads again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from openitr.errors import DamagedCollection, ShapeError
from openitr.index import arrayfile
from openitr.index.disk import sync_folder, written
from openitr.index.pieces import ROWS, Piece, S

_FORMAT = 2
_DEAD = b"OITRDEAD"
_DEAD_ROWS = {"rows": arrayfile.Column(("<u2",))}
T = TypeVar("T")


class PieceFolder(Generic[S]):
    """The files of an index, and what it is.

    Args:
        folder: Where they are; made when missing.
        name: Of the kind of index: its manifest is ``name.json``.
        load: Opens the file of a segment.

    Attributes:
        about: What the index is, as plain data, once it is opened.
    """

    def __init__(self, folder: Path, name: str, load: Callable[[Path], S]) -> None:
        self.folder, self.name, self._load = Path(folder), name, load
        self.folder.mkdir(parents=True, exist_ok=True)
        self._path = self.folder / f"{name}.json"
        # No other file is ever deleted: somebody may keep pictures here, frame-000001.png among them.
        self._ours = re.compile(rf"(segment-\d{{6,}}\.{name}|dead-\d{{6,}}\.rows|codec-\d{{6,}}\.npz)(\.part)?")
        self.about: dict[str, Any] = {}
        self._next = 0

    def open(self, about: dict[str, Any], finish: Callable[[tuple[Piece[S], ...]], T]) -> T:
        """The pieces that are there; an index that is not is made.

        Args:
            about: What a new index is, ``dim`` among it: 0 for an index that exists, which keeps what it is.
            finish: Makes of the pieces what is returned, and opens what else :attr:`about` names.

        Raises:
            ShapeError: A new index of no width, or another width than the stored one.
            DamagedCollection: A file is missing or none of ours, or of another version.
        """
        dim = about["dim"]
        if not self._path.is_file():
            if dim < 1:
                raise ShapeError(f"{self.folder} holds no index yet", "give dim, the width of its embeddings")
            return finish(self.save((), **about))
        while True:
            text = self._path.read_bytes()
            try:
                found = finish(self._read(text, tuple(about)))
            except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError, DamagedCollection) as error:
                # A writer may have replaced and deleted files since the manifest was read.
                if self._path.read_bytes() != text:
                    continue
                if isinstance(error, DamagedCollection):
                    raise
                raise DamagedCollection(f"{self._path}: {error}", "build the index again") from error
            break
        if dim and dim != self.about["dim"]:
            raise ShapeError(
                f"{dim} dimensions for an index of {self.about['dim']}", "use the model that the index was built with"
            )
        return found

    def _read(self, text: bytes, names: Sequence[str]) -> tuple[Piece[S], ...]:
        document = json.loads(text)
        if document["openitr"] != f"{self.name} index":
            raise ValueError(f"no {self.name} index")
        if document["format"] != _FORMAT:
            raise DamagedCollection(
                f"{self._path}: format {document['format']}, and this version of OpenITR reads {_FORMAT}",
                "build the index again, or use the version that wrote it",
            )
        self.about = {name: document[name] for name in names}
        self._next = int(document["next"])
        return tuple(self._piece(*pair) for pair in document["segments"])

    def _piece(self, file: str, dead_file: str) -> Piece[S]:
        segment = self._load(self.path(file))
        if not 0 < len(segment.ids) <= ROWS:
            raise ValueError(f"{file} holds {len(segment.ids)} rows")
        alive = np.ones(len(segment.ids), bool)
        if dead_file:
            alive[arrayfile.read(self.path(dead_file), _DEAD, _DEAD_ROWS)["rows"]] = False
        return Piece(segment, alive, file, dead_file)

    def path(self, file: str) -> Path:
        """Of a file that the manifest names; one outside the folder is a :class:`DamagedCollection`."""
        if not self._ours.fullmatch(file):
            raise DamagedCollection(f"{self._path}: {file!r} is no file of an index", "build the index again")
        return self.folder / file

    def new_name(self, what: str, ending: str) -> str:
        """A file name that was never used here."""
        self._next += 1
        return f"{what}-{self._next:06d}.{ending}"

    def save(self, pieces: Sequence[Piece[S]], **changes: Any) -> tuple[Piece[S], ...]:
        """Write what is in memory only, then the manifest, with ``changes`` to what the index is.

        A text in :attr:`about` that is the name of a file keeps that file.

        Returns:
            The pieces with the files they are in.
        """
        kept = tuple(self._kept(piece) for piece in pieces)
        about = {**self.about, **changes}
        files = [[piece.file, piece.dead_file] for piece in kept]
        document = {"openitr": f"{self.name} index", "format": _FORMAT, **about, "next": self._next, "segments": files}
        sync_folder(self.folder)
        with written(self._path) as file:
            file.write(json.dumps(document).encode("utf-8"))
        sync_folder(self.folder)
        self.about = about
        counted = {*about.values(), *(name for pair in files for name in pair)}
        for path in self.folder.iterdir():
            if self._ours.fullmatch(path.name) and path.name not in counted:
                try:
                    path.unlink()
                except OSError:  # a reader on Windows holds it: it goes next time
                    continue
        return kept

    def _kept(self, piece: Piece[S]) -> Piece[S]:
        file, dead_file = piece.file, piece.dead_file
        if not file:
            file = self.new_name("segment", self.name)
            piece.segment.save(self.folder / file)
        if not dead_file and not piece.alive.all():
            dead_file = self.new_name("dead", "rows")
            arrayfile.write(self.folder / dead_file, _DEAD, {"rows": np.flatnonzero(~piece.alive).astype(np.uint16)})
        return Piece(piece.segment, piece.alive, file, dead_file)

    def bytes(self) -> int:
        """Of all files."""
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())
