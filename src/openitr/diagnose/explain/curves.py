"""How far a map can be believed: what covering or showing the cells it ranks first does to the score.

Deletion and insertion curves after Petsiuk et al. 2018 (RISE, arXiv:1806.07421), section 4.3; the cells of a random
order as the yardstick beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.diagnose.explain.occlusion import edges, fitted, score
from openitr.embeddings import Embeddings, Floats
from openitr.encoders.base import Encoder
from openitr.errors import ShapeError
from openitr.types import ImageArray


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Areas under the score while cells are covered or shown, best cell first.

    Args:
        deletion: Mean score while cells are covered; lower is better.
        insertion: Mean score while cells are shown on the bare mean colour; higher is better.
        random_deletion, random_insertion: The same for cells in random order, mean over several.
        whole, bare: Score of the whole picture and of the mean colour alone.

    >>> Faithfulness(0.1, 0.3, 0.2, 0.2, 0.4, 0.0).better_than_random
    True
    """

    deletion: float
    insertion: float
    random_deletion: float
    random_insertion: float
    whole: float
    bare: float

    @property
    def better_than_random(self) -> bool:
        """Whether both curves beat the random ones."""
        return self.deletion < self.random_deletion and self.insertion > self.random_insertion


def faithfulness(
    encoder: Encoder,
    image: ImageArray,
    text: str,
    map: npt.ArrayLike,
    *,
    steps: int = 12,
    orders: int = 4,
    batch: int = 16,
    seed: int = 0,
) -> Faithfulness:
    """Judge a map by what its cells do to the score.

    Args:
        encoder: Any; the one that the map explains.
        image: (h, w, 3) uint8 RGB.
        text: What the picture was matched with.
        map: (g, g), larger where the map says the score rests on the cell.
        steps: Pictures per curve, at most one per cell.
        orders: Random orders to compare with.
        batch: Pictures embedded at a time.
        seed: Of the random orders, and of the order of cells that a map ranks equal.

    Raises:
        ShapeError: A map that is not square.
    """
    values = np.asarray(map, np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not np.isfinite(values).all():
        raise ShapeError(f"a map of shape {values.shape}", "give finite numbers of shape (g, g)")
    rng = np.random.default_rng(seed)
    picture = fitted(image, encoder.preparation)
    asked = encoder.encode_texts([text])
    # Equal cells in random order: a map that says nothing must come out like chance, not like reading order.
    first = np.lexsort((rng.random(values.size), -values.ravel()))
    ends = [_curve(encoder, asked, picture, first, steps, batch)]
    ends += [_curve(encoder, asked, picture, rng.permutation(values.size), steps, batch) for _ in range(orders)]
    areas = np.array([[_area(deleted), _area(inserted)] for deleted, inserted in ends])
    others = areas[1:].mean(axis=0) if orders else areas[0]
    return Faithfulness(*_two(areas[0]), *_two(others), float(ends[0][0][0]), float(ends[0][1][0]))


def _two(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _curve(
    encoder: Encoder,
    asked: Embeddings,
    picture: ImageArray,
    order: npt.NDArray[np.int64],
    steps: int,
    batch: int,
) -> tuple[Floats, Floats]:
    """Scores while the cells of ``order`` are covered, and while they are shown: (steps + 1,) each."""
    grid = round(len(order) ** 0.5)
    counts = np.unique(np.round(np.linspace(0, len(order), min(steps, len(order)) + 1)).astype(np.int64))
    mean = picture.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    made: list[ImageArray] = []
    for shown in (False, True):
        for count in counts:
            inside = np.zeros(len(order), bool)
            inside[order[:count]] = True
            keep = _pixels((inside if shown else ~inside).reshape(grid, grid), picture.shape[:2])
            made.append(np.where(keep[..., None], picture, mean))
    scores = np.concatenate(
        [score(asked, encoder.encode_images(made[at : at + batch])) for at in range(0, len(made), batch)]
    )
    return scores[: len(counts)], scores[len(counts) :]


def _pixels(cells: npt.NDArray[np.bool_], size: Sequence[int]) -> npt.NDArray[np.bool_]:
    down, across = (np.diff(edges(side, len(cells))) for side in size)
    return np.repeat(np.repeat(cells, down, axis=0), across, axis=1)


def _area(scores: Floats) -> float:
    return float(np.mean((scores[1:] + scores[:-1]) / 2)) if len(scores) > 1 else float(scores[0])
