"""Finding when something happens in a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from openitr.errors import InputError

Span = tuple[float, float]


def temporal_iou(one: Span, other: Span) -> float:
    """Intersection over union of two spans of time.

    Args:
        one: Start and end, in any unit.
        other: In the same unit.

    Raises:
        InputError: A span that ends before it starts.

    >>> temporal_iou((0, 6), (2, 8))                                       # 4 / 8
    0.5
    """
    for start, end in (one, other):
        if not end >= start:
            raise InputError(f"the span {start:g} to {end:g} ends before it starts", "give (start, end)")
    shared = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    union = (one[1] - one[0]) + (other[1] - other[0]) - shared
    return shared / union if union > 0 else float(one == other)


def moment_recall(
    predicted: Mapping[str, Sequence[Span]],
    gold: Mapping[str, Span | Sequence[Span]],
    n: int,
    iou: float,
) -> float:
    """ "R@n, IoU=m": percent of queries one of whose first ``n`` spans overlaps a right one by at least ``iou``.

    Args:
        predicted: Query id to spans, best first; a query that is not there counts as missed.
        gold: Query id to its right span, or spans of which one suffices.
        n: How many spans count.
        iou: Least overlap; reached exactly, it counts.

    Raises:
        InputError: n below 1, iou outside (0, 1], a senseless span, or no query.

    References:
        Gao et al. 2017, "TALL: Temporal Activity Localization via Language Query", section 4.2.

    >>> spans, gold = {"q": [(0, 2), (4, 8)]}, {"q": (4, 7)}
    >>> moment_recall(spans, gold, 1, 0.5), moment_recall(spans, gold, 2, 0.75)          # 3 / 4 overlaps
    (0.0, 100.0)
    """
    if n < 1 or not 0 < iou <= 1:
        raise InputError(f"n is {n}, iou is {iou}", "use n of 1 or more and iou above 0, at most 1")
    best = best_overlaps(predicted, gold, n)
    return 100.0 * sum(overlap >= iou for overlap in best) / len(best)


def mean_iou(predicted: Mapping[str, Sequence[Span]], gold: Mapping[str, Span | Sequence[Span]]) -> float:
    """Percent: mean overlap of the first span of each query with its right one ("mIoU")."""
    best = best_overlaps(predicted, gold, 1)
    return 100.0 * sum(best) / len(best)


def best_overlaps(
    predicted: Mapping[str, Sequence[Span]], gold: Mapping[str, Span | Sequence[Span]], n: int
) -> list[float]:
    """For each query of ``gold``, the best overlap of its first ``n`` spans with a right one."""
    if not gold:
        raise InputError("no query", "there is nothing to measure")
    found = []
    for query, right in gold.items():
        spans = [right] if isinstance(right[0], int | float) else list(right)
        pairs = [temporal_iou(one, other) for one in list(predicted.get(query, ()))[:n] for other in spans]  # type: ignore[arg-type]
        found.append(max(pairs, default=0.0))
    return found
