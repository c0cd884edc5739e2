"""Source bias: does a model rank generated (or otherwise processed) pictures above equally relevant real ones?

Xu et al. 2024, "Invisible Relevance Bias" (arXiv:2311.14084), sections 3 and 5. Real pictures and their twins are
ranked in one pool; each metric is taken once with the real ones as the only right answers and once with the twins:

    Delta% = 200 (M_real - M_generated) / (M_real + M_generated)                         below zero favours the twins

The remedy's loss is :class:`openitr.diagnose.debias.SourceDebiasLoss`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Floats, Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError, ShapeError
from openitr.types import ImageArray

_TIE = 1e-6


@dataclass(frozen=True)
class SourceReport:
    """What the mixed pool showed, by metric ("R@1", "R@5", "nDCG"), in shares of queries.

    Args:
        real, generated: The metric with only the one side's pictures as right answers, mixed pool.
        alone_real, alone_generated: The same where each side is searched alone: controls that should be near.
        delta: By metric, in percent, -200 to 200; below zero favours the generated side.
        twin_first: Share of queries whose generated picture scores above the real one, ties half.
        queries: How many.
    """

    real: Mapping[str, float]
    generated: Mapping[str, float]
    alone_real: Mapping[str, float]
    alone_generated: Mapping[str, float]
    delta: Mapping[str, float]
    twin_first: float
    queries: int


class SourceBias:
    """Rank a mixed pool of real pictures and their twins.

    Args:
        encoder: Any.
        ks: Cut-offs of recall.
    """

    def __init__(self, encoder: Encoder | None = None, ks: Sequence[int] = (1, 5)) -> None:
        if not ks or min(ks) < 1:
            raise InputError(f"cut-offs {list(ks)}", "use 1 or more")
        self.encoder, self.ks = encoder, tuple(ks)

    def report(
        self,
        queries: Sequence[str],
        real: Sequence[ImageArray],
        generated: Sequence[ImageArray],
        owners: npt.ArrayLike | None = None,
    ) -> SourceReport:
        """Measure on texts and pictures; ``owners`` are the picture rows of the texts, by default one each."""
        if self.encoder is None:
            raise InputError("no encoder was given", "SourceBias(encoder), or use of_embeddings")
        return self.of_embeddings(
            self.encoder.encode_texts(queries),
            self.encoder.encode_images(real),
            self.encoder.encode_images(generated),
            owners,
        )

    def of_embeddings(
        self, queries: Embeddings, real: Embeddings, generated: Embeddings, owners: npt.ArrayLike | None = None
    ) -> SourceReport:
        """The same from embeddings: row i of ``generated`` is the twin of row i of ``real``."""
        scores = [np.asarray(queries.score(side), np.float64) for side in (real, generated)]  # type: ignore[arg-type]
        own = np.arange(len(queries)) if owners is None else np.asarray(owners, np.int64)
        return self.of_scores(scores[0], scores[1], own)

    def of_scores(self, real: npt.NDArray[np.floating], generated: npt.NDArray[np.floating], own: Ints) -> SourceReport:
        """The same from (q, n) scores; scores within 1e-6 tie, and both orders of a tie are averaged.

        Raises:
            ShapeError: Scores of different shape, or a query without its picture.
        """
        if real.shape != generated.shape or real.ndim != 2 or len(own) != len(real):
            raise ShapeError(f"scores {real.shape} and {generated.shape}, {len(own)} owners", "give a twin per picture")
        if len(own) and not 0 <= own.min() <= own.max() < real.shape[1]:
            raise ShapeError("a query's picture is not in the pool", "owners are rows of the pictures")
        rows = np.arange(len(own))
        of_real, of_twin = real[rows, own], generated[rows, own]
        pool = np.concatenate([real, generated], axis=1)
        mixed = [self._metrics(pool, target) for target in (of_real, of_twin)]
        alone = [self._metrics(real, of_real), self._metrics(generated, of_twin)]
        delta = {name: _delta(mixed[0][name], mixed[1][name]) for name in mixed[0]}
        ahead = of_twin - of_real
        first = float(np.mean((ahead > _TIE) + 0.5 * (np.abs(ahead) <= _TIE))) if len(own) else float("nan")
        return SourceReport(mixed[0], mixed[1], alone[0], alone[1], delta, first, len(own))

    def _metrics(self, pool: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> dict[str, float]:
        """Expected metrics when ties are broken at random: the target is at any of its tied places alike."""
        above = (pool > target[:, None] + _TIE).sum(axis=1)
        tied = np.maximum((np.abs(pool - target[:, None]) <= _TIE).sum(axis=1), 1)
        found = {f"R@{k}": float(np.mean(np.clip(k - above, 0, tied) / tied)) for k in self.ks}
        gains = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(pool.shape[1]) + 2))])
        found["nDCG"] = float(np.mean((gains[above + tied] - gains[above]) / tied))
        return found


def bias_direction(biased: Floats, debiased: Floats) -> tuple[Floats, float]:
    """What a biased model adds to generated pictures: the mean difference, and how much the differences agree.

    Args:
        biased: (n, d) vectors of generated pictures under the model that was trained among them.
        debiased: (n, d) vectors of the same pictures under the model that was cured.

    Returns:
        (d,) mean of ``biased - debiased``, and the mean cosine of two pictures' differences, 1 when all are one way.

    Raises:
        ShapeError: Fewer than two pictures, or different shapes.
    """
    if biased.shape != debiased.shape or biased.ndim != 2 or len(biased) < 2:
        raise ShapeError(f"vectors {biased.shape} and {debiased.shape}", "give the same two or more pictures twice")
    moved = (biased - debiased).astype(np.float64)
    unit = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    n = len(unit)
    alike = (np.square(unit.sum(axis=0)).sum() - np.square(unit).sum()) / (n * (n - 1))
    return moved.mean(axis=0).astype(np.float32), float(alike)


def smooth_twin(image: ImageArray, strength: int = 4) -> ImageArray:
    """A stand-in for a generated twin: the picture without its finest detail, as decoders of generators leave it.

    Shrunk by ``strength`` and enlarged again. It is no generated picture: a model that prefers these has a preference
    for smooth pictures, which is one cause of source bias, not all of it (ours).
    """
    from PIL import Image

    height, width = image.shape[:2]
    small = Image.fromarray(image).resize((max(1, width // strength), max(1, height // strength)), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def _delta(real: float, generated: float) -> float:
    return 200 * (real - generated) / (real + generated) if real + generated else 0.0
