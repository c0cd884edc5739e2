"""A collection of its own for each test, and pictures to fill it with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openitr.collection import Collection, IngestReport, ingest
from tests.collection.fakes import ColourEncoder, paint_many


class Album:
    """A folder of pictures, a collection of it, and the encoder between them."""

    def __init__(self, base: Path) -> None:
        self.folder = base / "pictures"
        self.folder.mkdir()
        self.encoder = ColourEncoder()
        self.collection = Collection.create(base / "album")

    def ingest(self, folder: Path | None = None, **options: Any) -> IngestReport:
        """Bring the collection up to date."""
        options = {"encoder": self.encoder, "workers": 1, **options}
        return ingest(self.collection, folder or self.folder, **options)

    def paths(self) -> dict[str, int]:
        """Ids by path."""
        return {item.path: item.id for item in self.collection.items(self.collection.ids())}

    def state(self) -> dict[str, Any]:
        """Everything that should be the same after another history: by path, without ids and times."""
        items = self.collection.items(self.collection.ids())
        vectors = self.collection.run().index.vectors(self.collection.ids()).values
        return {
            item.path: (item.sha256, item.width, tuple(item.captions), dict(item.metadata), vector.tolist())
            for item, vector in zip(items, vectors, strict=True)
        }


@pytest.fixture
def album(tmp_path: Path) -> Iterator[Album]:
    """An empty album."""
    album = Album(tmp_path)
    yield album
    album.collection.close()


@pytest.fixture
def full(album: Album) -> Album:
    """An album of 12 pictures in three folders."""
    paint_many(album.folder, 12)
    album.ingest()
    return album
