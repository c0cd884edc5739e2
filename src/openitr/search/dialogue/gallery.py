"""Pictures in memory that can be asked like a library: what conversations are measured over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.index.memory import MemoryIndex
from openitr.media.prepare import Preparation
from openitr.search.answer import Answer
from openitr.search.avoid import Avoid
from openitr.search.calibrate import POOL, Calibrate, calibration_of, thresholds
from openitr.search.dialogue.showing import ZeroShot
from openitr.search.retrieve import Retrieve
from openitr.search.rivals import KeptRivals
from openitr.types import Hits, ImageArray, Item, Query


class Gallery:
    """Vectors of pictures and the encoder that made them; filters are not looked at.

    Args:
        images: (n, d) of the pictures.
        encoder: Of the queries.
        items: What is known of the pictures; numbered from 0 if None.
        picture: Row to pixels, for pictures that are "close"; none can be looked at if None.

    Raises:
        InputError: Items of another number, or while asking: an unknown id.

    >>> gallery = Gallery(encoder.encode_images(pictures), encoder)                     # doctest: +SKIP
    >>> Session(gallery).say("a dog").hits[0].id                                        # doctest: +SKIP
    17
    """

    def __init__(
        self,
        images: Embeddings,
        encoder: Encoder,
        *,
        items: Sequence[Item] | None = None,
        picture: Callable[[int], ImageArray] | None = None,
    ) -> None:
        self.items = [_plain(row) for row in range(len(images))] if items is None else list(items)
        if len(self.items) != len(images):
            raise InputError(f"{len(self.items)} items for {len(images)} pictures", "give one for each")
        self.encoder = Remembering(encoder)
        self.index = MemoryIndex(encoder.kind, encoder.dim)
        self.index.add(np.array([item.id for item in self.items], np.int64), images)
        self._rows = {item.id: row for row, item in enumerate(self.items)}
        self._picture = picture
        self.calibration = calibration_of(encoder)
        background = None if self.calibration is None else self.calibration.background
        self._rivals = None if background is None else KeptRivals(self.index, background)
        self.shows = ZeroShot(self.index, self.encoder, background)

    def __repr__(self) -> str:
        return f"Gallery({len(self.items)} pictures, {self.encoder.spec})"

    def search(self, query: Query, *, kind: str | None = None, run: str | None = None) -> Hits:
        """Answer a query as a collection of one run would."""
        background = None if self.calibration is None else self.calibration.background
        likely, maybe = thresholds(self.calibration)
        stages = (
            Retrieve(self.index, self.encoder, background=background, pool=POOL)
            >> Avoid(self.index, background=background)
            >> Calibrate(self.index, self.calibration, self._rivals)
            >> Answer(self._items, likely=likely, maybe=maybe)
        )
        return stages(replace(query, where={}))

    def item(self, id: int) -> Item:
        """One picture by id."""
        if id not in self._rows:
            raise InputError(f"there is no picture {id}", "ids are in the answer of a search")
        return self.items[self._rows[id]]

    def thumbnail(self, id: int) -> bytes:
        """A picture as PNG."""
        self.item(id)
        if self._picture is None:
            raise InputError(f"picture {id} has no pixels here", "give the gallery its pictures")
        import io

        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(self._picture(self._rows[id])).save(file, "PNG")
        return file.getvalue()

    def _items(self, ids: Ints) -> list[Item]:
        return [self.items[self._rows[int(id)]] for id in ids]


class Remembering:
    """An encoder that encodes no text twice, for measurements that ask the same again and again.

    Args:
        encoder: Any; its texts are kept for as long as this lives.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.spec, self.kind, self.dim = encoder.spec, encoder.kind, encoder.dim
        self.fingerprint, self.preparation = encoder.fingerprint, encoder.preparation
        self._kept: dict[str, Embeddings] = {}

    spec: str
    preparation: Preparation

    def encode_images(self, images: Sequence[ImageArray]) -> Embeddings:
        """As the encoder does it."""
        return self._encoder.encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """As the encoder does it, each text once."""
        from openitr.embeddings import joined

        missing = [text for text in dict.fromkeys(texts) if text not in self._kept]
        if missing:
            made = self._encoder.encode_texts(missing)
            self._kept |= {text: made[at : at + 1] for at, text in enumerate(missing)}
        if not texts:
            return self._encoder.encode_texts([])
        rows = [self._kept[text] for text in texts]
        if all(isinstance(row, DenseEmbeddings) for row in rows):
            return DenseEmbeddings(np.concatenate([row.values for row in rows if isinstance(row, DenseEmbeddings)]))
        return joined(rows)


def _plain(row: int) -> Item:
    return Item(row, 0, f"{row}", "", 0, 0, 1, 1, "memory")
