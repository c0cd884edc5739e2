"""The benchmark with a cure for hubs: the same ranking, of scores that unrelated queries have levelled.

The bank must have nothing to do with what is measured: texts of the test set among their own pictures would push those
down and so flatter or hurt the cure by what it should not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from openitr.embeddings import Embeddings
from openitr.encoders.base import Encoder
from openitr.errors import InputError, ShapeError
from openitr.evaluate.ranks import Positives, Ranks, blocks, rank_one
from openitr.search.calibrate import calibration_of
from openitr.search.hubness import Unhub


@dataclass(frozen=True, eq=False)
class Cured:
    """A cure, and what it is measured by.

    Args:
        cure: Which, and how strong.
        texts: Unrelated texts of the model: they level pictures for text to image; None leaves that way as it is.
        images: Unrelated pictures of the model: they level texts for image to text; None leaves that way as it is.
        source: Where the bank comes from, in words.
    """

    cure: Unhub
    texts: Embeddings | None
    images: Embeddings | None
    source: str

    @classmethod
    def of(cls, cure: Unhub, encoder: Encoder, bank: Sequence[str] = ()) -> Cured:
        """With texts that are given, else with the unrelated texts and pictures that the model ships with.

        Raises:
            InputError: Neither is to be had.
        """
        calibration = calibration_of(encoder)
        background = None if calibration is None else calibration.background
        images = None if background is None or not len(background.images) else background.images
        if bank:
            return cls(cure, encoder.encode_texts(list(bank)), images, f"{len(bank)} texts that were given")
        if background is None or not len(background.bank):
            raise InputError(f"{encoder.spec} ships no unrelated texts to measure hubs by", "give a bank of texts")
        return cls(cure, background.bank, images, background.source)

    def facts(self) -> dict[str, Any]:
        """What a report says of it."""
        used = {
            "t2i": f"{len(self.texts)} texts" if self.texts is not None else "not cured",
            "i2t": f"{len(self.images)} pictures" if self.images is not None else "not cured",
        }
        return {**asdict(self.cure), "bank": {**used, "source": self.source}}

    def both(self, images: Embeddings, texts: Embeddings, owner: Any) -> tuple[Ranks, Ranks]:
        """Text to image and image to text; arguments as of :func:`openitr.evaluate.both.rank_both`."""
        rows = np.asarray(owner, np.int64)
        return (
            rank_cured(texts, images, Positives.of_texts(rows), self.texts, self.cure),
            rank_cured(images, texts, Positives.of_images(rows, len(images)), self.images, self.cure),
        )


def rank_cured(
    queries: Embeddings, gallery: Embeddings, positives: Positives, bank: Embeddings | None, cure: Unhub
) -> Ranks:
    """Rank the gallery for every query as :func:`openitr.evaluate.ranks.rank_all` does, by cured scores.

    Args:
        queries: What is asked.
        gallery: What is ranked.
        positives: The right answers, one entry per query.
        bank: Unrelated queries of the same make; None leaves scores as they are.
        cure: Which, and how strong.

    Raises:
        ShapeError: A bank of another kind, or an empty one.

    >>> from openitr.embeddings import DenseEmbeddings
    >>> gallery = DenseEmbeddings.normalise(np.array([[1, 1], [1, 0.2]], np.float32))      # 0 is near to everything
    >>> asked, bank = (DenseEmbeddings.normalise(np.array([row], np.float32)) for row in ([0.8, 0.6], [0.4, 1]))
    >>> right = Positives.of_texts([1])
    >>> [int(rank_cured(asked, gallery, right, one, Unhub(k=1, alpha=1)).first[0]) for one in (None, bank)]
    [2, 1]
    """
    if bank is not None and (not len(bank) or bank.kind != queries.kind or bank.dim != gallery.dim):
        raise ShapeError(f"a bank of {len(bank)} x {bank.dim} {bank.kind} queries", "it must come from the same model")
    level = None if bank is None else bank.score(gallery)  # type: ignore[arg-type]
    asked = np.flatnonzero(positives.counts)
    first, precision = np.empty(len(asked), np.int64), np.empty(len(asked), np.float64)
    for start, stop, scores in blocks(queries, gallery, asked):
        better = scores if level is None else cure(scores, level)
        for row in range(start, stop):
            own = positives.items[positives.offsets[asked[row]] : positives.offsets[asked[row] + 1]]
            first[row], precision[row] = rank_one(better[row - start], own)
    return Ranks(asked, first, precision, len(gallery))
