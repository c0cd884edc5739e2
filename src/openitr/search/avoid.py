"""Negatives: what the hits should not show is pushed away, without giving up what they should."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats
from openitr.index.base import Index
from openitr.search.background import Background
from openitr.search.pipeline import Candidates, Column, Stage
from openitr.search.retrieve import dense, exact
from openitr.types import Part, Query


class Avoid(Stage):
    """Take from each hit's score what it shows of the negatives beyond what unrelated pictures do (ours).

    ``score - strength * spread * weight * max(0, z - tolerance)``, where z is the standardised score of
    the negative with the wanted part projected out: a "dog" that is "not in water" is not punished for
    what dogs and water share, and a picture that shows nothing of the negative is not touched at all, so
    no unrelated picture rises by being even less like it.

    Args:
        index: The one that was searched.
        background: Unrelated pictures; None samples the index.
        strength: How much of a standard deviation of relevance one standard deviation of the negative costs.
        tolerance: Standard deviations of the negative that cost nothing.
    """

    gives: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, index: Index, *, background: Background | None = None, strength: float = 1.0, tolerance: float = 0.5
    ) -> None:
        self.index, self.background, self.strength, self.tolerance = index, background, strength, tolerance

    def __repr__(self) -> str:
        return f"Avoid(strength={self.strength:g})"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        asked = candidates.asked
        if asked is None or len(asked.parts) == asked.positives or not len(candidates):
            return candidates
        pairs = list(zip(asked.parts, asked.rows, strict=True))[asked.positives :]
        stored = self.index.vectors(candidates.ids)
        penalty: npt.NDArray[np.float64] = np.zeros(len(candidates))
        if asked.vector is not None:
            background = self.background or Background.of_collection(self.index, self.index.dim)
            unit = background.spread(asked.vector[0])
            for part, row in pairs:
                z = _residual_z(dense(row)[0], asked.vector[0], dense(stored), background.images)
                penalty += abs(part.weight) * np.maximum(0.0, z - self.tolerance)
        else:
            unit = max(float(candidates.scores.std()), 1e-6)
            for part, row in pairs:
                scores = exact(row, stored)
                middle, spread = float(np.median(scores)), max(float(scores.std()), 1e-6)
                z = np.asarray((scores - middle) / spread, np.float64)
                penalty += abs(part.weight) * np.maximum(0.0, z - self.tolerance)
        taken = -self.strength * unit * penalty
        return candidates.ranked(
            candidates.scores + taken, _pushed([part for part, _ in pairs], taken, self.strength * penalty)
        )


def _residual_z(negative: Floats, wanted: Floats, stored: Floats, unrelated: Floats) -> npt.NDArray[np.float64]:
    """(m,) standardised score of the negative without what it shares with the wanted."""
    rest = negative - float(negative @ wanted) * wanted
    norm = float(np.linalg.norm(rest))
    # A negative that says the same as the query cannot be told from it.
    if norm < 1e-3:
        return np.zeros(len(stored))
    rest = rest / norm
    reference = unrelated @ rest if len(unrelated) > 1 else stored @ rest
    z = (stored @ rest - reference.mean()) / max(float(reference.std()), 1e-6)
    return np.asarray(z, np.float64)


def _pushed(parts: list[Part], taken: npt.NDArray[np.float64], deviations: npt.NDArray[np.float64]) -> Column:
    names = " or ".join(f"“{p}”" for p in parts)
    return Column(
        "avoid", taken, lambda score, _: f"shows {names}" if score < 0 else f"does not show {names}", (deviations,)
    )
