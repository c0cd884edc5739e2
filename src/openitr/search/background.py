"""Reference embeddings that a query is compared with: what unrelated pictures and texts score under this
model.

The cosine of one query cannot be compared with another's; how far it stands out of what unrelated pictures
get, can. The idea is the cohort normalisation of speaker verification (Auckenthaler, Carey and
Lloyd-Thomas, "Score Normalization for Text-Independent Speaker Verification Systems", 2000): z-norm over
pictures for the query, t-norm over texts for the picture.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.errors import ModelError
from openitr.index.base import Index

_SAMPLE = 512


@dataclass(frozen=True, eq=False)
class Background:
    """Unit vectors of unrelated pictures and texts of one model.

    Args:
        images: (m, d) float32.
        texts: (t, d) float32; may be empty.
        source: Where they come from, in words.
        expect_text, expect_image: (2, d + 1) linear maps, the constants last, from a query to what the
            best 1% of pictures that do not answer it reach: its standardised score, and how well it fits
            them; empty where that was not fitted.
    """

    images: Floats
    texts: Floats
    source: str
    expect_text: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))
    expect_image: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def expected(self, vector: Floats, *, by_image: bool) -> tuple[float, float]:
        """How far the best wrong pictures are expected to stand out for this query, and how well to fit it
        (ours).

        Some queries ("grass") have wrong pictures that come close, others ("zebra") have none; the query's own vector
        tells which. In standard deviations, as ``excess`` and ``fits`` of :mod:`openitr.search.evidence`.
        """
        fitted = self.expect_image if by_image else self.expect_text
        if not len(fitted):
            return 0.0, 0.0
        stands, fits = fitted[:, :-1] @ vector + fitted[:, -1]
        return float(stands), float(fits)

    def spread(self, vector: Floats) -> float:
        """Standard deviation of a query vector's cosines with the pictures: the unit its scores are measured in."""
        if len(self.images) < 2:
            return 1.0
        return max(float((self.images @ vector).std()), 1e-6)

    def save(self, path: Path) -> None:
        """Write one ``.npz``: int8 rows, each with its own scale, which moves a cosine by less than 0.002."""
        with path.open("wb") as file:
            np.savez(
                file,
                images=_small(self.images),
                texts=_small(self.texts),
                expect_text=self.expect_text,
                expect_image=self.expect_image,
            )

    @classmethod
    def load(cls, path: Path, dim: int) -> Background:
        """Read what :meth:`save` wrote.

        Raises:
            ModelError: The file is damaged or made for another width.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                images, texts = (_unit(stored[name].astype(np.float32)) for name in ("images", "texts"))
                expect = [stored[name].astype(np.float32) for name in ("expect_text", "expect_image")]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{path} cannot be read", "install the model again, or fit its calibration again"
            ) from error
        if images.ndim != 2 or texts.ndim != 2 or images.shape[1] != dim or texts.shape[1] != dim:
            raise ModelError(f"{path} was not made for {dim} dimensions", "fit the model's calibration again")
        if any(fitted.shape not in ((0, 0), (2, dim + 1)) for fitted in expect):
            raise ModelError(f"{path} was not made for {dim} dimensions", "fit the model's calibration again")
        return cls(images, texts, "reference pictures and texts shipped with the model", *expect)

    @classmethod
    def of_collection(cls, index: Index, dim: int) -> Background:
        """A sample of the collection itself, for models without reference vectors; the same sample at every call."""
        ids = index.ids()
        if len(ids) > _SAMPLE:
            ids = np.sort(np.random.default_rng(0).permutation(ids)[:_SAMPLE])
        empty = np.empty((0, dim), np.float32)
        if not len(ids) or index.kind != "dense":
            return cls(empty, empty, "nothing")
        vectors = index.vectors(ids)
        assert isinstance(vectors, DenseEmbeddings)
        return cls(vectors.values, empty, "a sample of the collection")


def _small(rows: Floats) -> npt.NDArray[np.int8]:
    scale = np.abs(rows).max(axis=1, keepdims=True, initial=1e-9) / 127
    return np.asarray(np.round(rows / scale), np.int8)


def _unit(rows: Floats) -> Floats:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(norms == 0, 1, norms)).astype(np.float32)
