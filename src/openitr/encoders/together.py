"""Models that begin with the same graphs: what they share of a picture is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from openitr.embeddings import Embeddings, joined
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
        towers: dict[int, OnnxTowers] = {
            place: one for place, one in enumerate(encoders) if isinstance(one, OnnxTowers)
        }
        # Of all that share a beginning, those that go on from the one that most others go on from.
        groups = ({at: one for at, one in towers.items() if _goes_on(lead, one)} for lead in towers.values())
        self._group: dict[int, OnnxTowers] = max(groups, key=len, default={})
        self._opened: tuple[OnnxTowers, dict[int, Chain]] | None = None

    def encode_images(self, images: Sequence[ImageArray]) -> list[Embeddings]:
        """What each model makes of (h, w, 3) uint8 RGB pictures, in the order of the models.

        Raises:
            InputError, ShapeError: As the models do.
        """
        if len(self._group) < 2 or not images:
            return [encoder.encode_images(images) for encoder in self.encoders]
        lead, tails = self._open()
        made: dict[int, list[Embeddings]] = {at: [] for at in self._group}
        for known in lead.ran(images):
            for at, encoder in self._group.items():
                made[at].append(encoder.images_from([tails[at].known(known)]))
        return [
            joined(made[at]) if at in made else encoder.encode_images(images)
            for at, encoder in enumerate(self.encoders)
        ]

    def _open(self) -> tuple[OnnxTowers, dict[int, Chain]]:
        """The shared graphs, with all that is taken of them, and what each model goes on with."""
        if self._opened is None:
            lead = min(self._group.values(), key=lambda one: len(one.manifest.image.graphs))
            shared = len(lead.manifest.image.graphs)
            tails = {at: one.chain(one.manifest.image.graphs[shared:]) for at, one in self._group.items()}
            wanted = {name for tail in tails.values() for name in tail.takes()}
            self._opened = lead.with_outputs(wanted - {"pixels"}), tails
        return self._opened


def _goes_on(lead: OnnxTowers, other: OnnxTowers) -> bool:
    """Whether the image side of a model is that of another one, and perhaps more."""
    first, whole = lead.manifest.image, other.manifest.image
    return replace(first, graphs=()) == replace(whole, graphs=()) and whole.graphs[: len(first.graphs)] == first.graphs
