"""The encoder protocol: pictures and texts in, embeddings out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from openitr.embeddings import Embeddings, Kind
from openitr.media.prepare import Preparation
from openitr.types import ImageArray


@runtime_checkable
class Encoder(Protocol):
    """A dual encoder: one space for pictures and texts.

    Attributes:
        spec: What :func:`openitr.encoders.load` was given, so that a collection can load it again.
        kind: Which kind of embeddings it makes.
        dim: Their width.
        fingerprint: Hash of weights and preprocessing; a collection refuses vectors of another fingerprint.
        preparation: How a decoded picture becomes the model's input; runs in the decoding workers, ahead of the model.
    """

    spec: str
    kind: Kind
    dim: int
    fingerprint: str
    preparation: Preparation

    def encode_images(self, images: Sequence[ImageArray]) -> Embeddings:
        """Embed (h, w, 3) uint8 RGB pictures of any size; already prepared ones pass through unchanged."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts of any length; what exceeds the model's window is chunked and pooled, never cut in silence."""
        ...
