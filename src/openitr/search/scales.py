"""Scores of different makes on one scale, so that they can be added.

    minmax       (s - least) / (greatest - least) of the candidates: 0 to 1
    z            (s - mean) / standard deviation of the candidates
    theoretical  (s - floor) / (greatest - floor), with the least score that the make can give at all

The last keeps what the first destroys: a list whose scores are all alike stays alike. "An Analysis of Fusion Functions
for Hybrid Retrieval" (Bruch, Gai and Ingber 2023, ACM TOIS, arXiv:2210.11934), section 4: convex combination with the
theoretical minimum (TM2C2) beats reciprocal ranks where scores can be had.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from openitr.errors import QueryError

Scale = Literal["minmax", "z", "theoretical"]
SCALES: tuple[Scale, ...] = ("minmax", "z", "theoretical")


def scaled(scores: npt.NDArray[Any], scale: Scale, floor: float = 0.0) -> npt.NDArray[np.float64]:
    """Scores on a common scale; equal scores of the whole list become 0 (``minmax``, ``z``).

    Args:
        scores: (m,) of one make.
        scale: Which.
        floor: The least score that the make can give; only for "theoretical".

    Raises:
        QueryError: An unknown scale.

    >>> scaled(np.array([1.0, 3.0]), "minmax").tolist(), scaled(np.array([1.0, 3.0]), "z").tolist()
    ([0.0, 1.0], [-1.0, 1.0])
    >>> scaled(np.array([0.0, 0.5]), "theoretical", floor=-1).round(3).tolist()
    [0.667, 1.0]
    """
    if scale not in SCALES:
        raise QueryError(f"there is no scale {scale!r}", "use " + ", ".join(SCALES))
    values = np.asarray(scores, np.float64)
    if not len(values):
        return values
    if scale == "z":
        spread = float(values.std())
        return (values - values.mean()) / spread if spread > 1e-12 else np.zeros(len(values))
    low = float(values.min()) if scale == "minmax" else floor
    width = float(values.max()) - low
    return (values - low) / width if width > 1e-12 else np.zeros(len(values))
