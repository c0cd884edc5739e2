"""A dataset's pictures and texts through an encoder, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from openitr.datasets.digest import content_stamp, digest
from openitr.datasets.pairs import PairDataset
from openitr.embeddings import Embeddings, Ints, joined
from openitr.encoders.base import Encoder
from openitr.errors import ShapeError, UnreadableImage
from openitr.types import ImageArray

_IMAGES = 32
_TEXTS = 256


@dataclass(frozen=True, eq=False)
class EncodedImages:
    """Pictures that could be decoded, embedded.

    Args:
        embeddings: One per row; None when no picture could be decoded.
        rows: (n,) int64, their rows in the dataset.
        dropped: Id and reason of each of the others.
        content_hash: Of the whole dataset, as its ``content_hash()``.
    """

    embeddings: Embeddings | None
    rows: Ints
    dropped: list[tuple[str, str]]
    content_hash: str


def encode_dataset_images(dataset: PairDataset, encoder: Encoder, say: Callable[[str], None]) -> EncodedImages:
    """Decode, prepare and embed every picture; those that cannot be decoded are named and passed over."""
    from openitr.media.images import decode

    parts: list[Embeddings] = []
    rows: list[int] = []
    dropped: list[tuple[str, str]] = []
    stamps: list[str] = []
    batch: list[ImageArray] = []
    for row, pair in enumerate(dataset):
        data: bytes | None = None
        try:
            data = pair.read()
            picture = decode(data, shrink_to=encoder.preparation.size)
            batch.append(encoder.preparation(picture.array))
            rows.append(row)
        except UnreadableImage as error:
            dropped.append((pair.id, error.reason))
        stamps.append(content_stamp(data))
        if len(batch) == _IMAGES:
            parts.append(encoder.encode_images(batch))
            batch = []
            say(f"pictures {row + 1:,} of {len(dataset):,}")
    if batch:
        parts.append(encoder.encode_images(batch))
    found = joined(parts) if parts else None
    if found is not None and len(found) != len(rows):
        raise ShapeError(f"{len(rows)} pictures, {len(found)} embeddings", f"the encoder {encoder.spec!r} is at fault")
    return EncodedImages(found, np.array(rows, np.int64), dropped, digest(dataset, stamps))


def encode_dataset_texts(texts: Sequence[str], encoder: Encoder, say: Callable[[str], None]) -> Embeddings:
    """Embed texts in their order, each distinct one once."""
    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    place = {text: at for at, text in enumerate(distinct)}
    parts = []
    for at in range(0, len(distinct), _TEXTS):
        parts.append(encoder.encode_texts(distinct[at : at + _TEXTS]))
        say(f"texts {min(at + _TEXTS, len(distinct)):,} of {len(distinct):,}")
    found = joined(parts)
    if len(found) != len(distinct):
        raise ShapeError(f"{len(distinct)} texts, {len(found)} embeddings", f"the encoder {encoder.spec!r} is at fault")
    return found[np.array([place[text] for text in texts], np.int64)]
