"""Finding an object: the right picture and the right place in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError, ShapeError

Box = Sequence[float]
Answer = tuple[str, Box]


def box_iou(one: npt.ArrayLike, other: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Intersection over union of boxes.

    Args:
        one: (n, 4) left, top, right, bottom, in any unit.
        other: (m, 4) in the same unit.

    Returns:
        (n, m), 0 to 1; 0 between boxes without area.

    Raises:
        ShapeError: Not four columns, or a right edge left of the left one.

    >>> box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [4, 4, 5, 5]]).round(3).tolist()      # 2 / (4 + 4 - 2)
    [[0.333, 0.0]]
    """
    a, b = _boxes(one), _boxes(other)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    overlap: npt.NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def box_recall_at(
    answers: Mapping[str, Sequence[Answer]],
    gold: Mapping[str, Sequence[Answer]],
    k: int,
    iou: float = 0.5,
) -> float:
    """Percent of queries with a right answer within the first ``k``: the right picture, and a box that overlaps enough.

    Args:
        answers: Query id to (picture id, box) pairs, best first; a query that is not there counts as missed.
        gold: Query id to the (picture id, box) pairs that are right; one of them suffices.
        k: How many answers count.
        iou: Least overlap with a right box; reached exactly, it counts.

    Raises:
        InputError: k below 1, iou outside (0, 1], or no query.

    References:
        BoxRecall@k of REIR (Hao et al. 2025, "Referring Expression Instance Retrieval and A Strong End-to-End
        Baseline"), with IoU 0.5, 0.7 and 0.9.

    >>> gold = {"q": [("a.jpg", (0, 0, 10, 10))]}
    >>> right_place_second = {"q": [("b.jpg", (0, 0, 10, 10)), ("a.jpg", (0, 0, 10, 8))]}
    >>> box_recall_at(right_place_second, gold, 1), box_recall_at(right_place_second, gold, 2)
    (0.0, 100.0)
    """
    if k < 1 or not 0 < iou <= 1:
        raise InputError(f"k is {k}, iou is {iou}", "use k of 1 or more and iou above 0, at most 1")
    if not gold:
        raise InputError("no query", "there is nothing to measure")
    found = 0
    for query, right in gold.items():
        for picture, box in list(answers.get(query, ()))[:k]:
            places = [place for name, place in right if name == picture]
            if places and box_iou([box], places).max() >= iou:
                found += 1
                break
    return 100.0 * found / len(gold)


def _boxes(given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    boxes = np.asarray(given, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ShapeError(f"boxes have shape {boxes.shape}", "expected (n, 4): left, top, right, bottom")
    if not (boxes[:, 2:] >= boxes[:, :2]).all():
        row = int(np.argmin((boxes[:, 2:] >= boxes[:, :2]).all(axis=1)))
        raise ShapeError(f"box {boxes[row].tolist()} is inside out", "expected left, top, right, bottom")
    return boxes
