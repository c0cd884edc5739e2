"""Models that begin with the same graphs: what they share of a picture is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from openitr.embeddings import Embeddings, joined, nothing
from openitr.encoders.base import Encoder
from openitr.encoders.graphs import Chain
from openitr.encoders.onnx import OnnxTowers
from openitr.types import ImageArray


class Together:
    """Several models that are asked for the same pictures.

    Where the image graphs of a model go on from those of another one, as ``lexicon`` and ``late`` go on from
    ``default``, they are given what the other's put out. The rest are asked one by one.

    Args:
        encoders: At least one; all read pictures as the first does.

    Source: ours.

    >>> from openitr.encoders import load
    >>> both = Together([load("default"), load("lexicon")])                       # doctest: +SKIP
    >>> [made.kind for made in both.encode_images(pictures)]                      # doctest: +SKIP
    ['dense', 'lexicon']
    """

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self.encoders = list(encoders)
        towers = [encoder for encoder in encoders if isinstance(encoder, OnnxTowers)]
        self._lead = max(towers, key=lambda lead: sum(_goes_on(lead, one) for one in encoders), default=None)
        self._tails: dict[int, Chain] = {}
        self._opened: OnnxTowers | None = None

    def encode_images(self, images: Sequence[ImageArray]) -> list[Embeddings]:
        """What each model makes of (h, w, 3) uint8 RGB pictures, in the order of the models.

        Raises:
            InputError, ShapeError: As the models do.
        """
        lead = self._lead
        after = [] if lead is None else [n for n, encoder in enumerate(self.encoders) if _goes_on(lead, encoder)]
        if lead is None or len(after) < 2 or not images:
            return [encoder.encode_images(images) for encoder in self.encoders]
        made: dict[int, list[Embeddings]] = {n: [] for n in after}
        for known in self._open(lead, after).ran(images):
            for n, tail in self._tails.items():
                follower = self.encoders[n]
                assert isinstance(follower, OnnxTowers)
                made[n].append(follower.images_from([tail.known(known)]))
        return [
            (joined(made[n]) if made[n] else nothing(encoder.kind, encoder.dim))
            if n in made
            else encoder.encode_images(images)
            for n, encoder in enumerate(self.encoders)
        ]

    def _open(self, lead: OnnxTowers, after: Sequence[int]) -> OnnxTowers:
        """The shared graphs, with all that the others take of them."""
        if self._opened is None:
            shared = len(lead.manifest.image.graphs)
            for n in after:
                encoder = self.encoders[n]
                assert isinstance(encoder, OnnxTowers)
                self._tails[n] = encoder.chain(encoder.manifest.image.graphs[shared:])
            wanted = {name for tail in self._tails.values() for name in tail.takes()}
            self._opened = lead.with_outputs(wanted - {"pixels"})
        return self._opened


def _goes_on(lead: OnnxTowers, encoder: Encoder) -> bool:
    """Whether the image side of a model is that of another one, and perhaps more."""
    if not isinstance(encoder, OnnxTowers):
        return False
    own, other = lead.manifest.image, encoder.manifest.image
    return replace(own, graphs=()) == replace(other, graphs=()) and other.graphs[: len(own.graphs)] == own.graphs
