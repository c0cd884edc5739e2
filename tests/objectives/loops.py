"""Plain-loop arithmetic that the oracles of the objectives are written in."""

from __future__ import annotations

import math

from openitr.objectives import Batch


def cosines(batch: Batch) -> list[list[float]]:
    """Inner products of pictures and texts, one by one."""
    pictures, texts = batch.images.tolist(), batch.texts.tolist()
    return [[sum(a * b for a, b in zip(v, t, strict=True)) for t in texts] for v in pictures]


def transposed(matrix: list[list[float]]) -> list[list[float]]:
    return [list(row) for row in zip(*matrix, strict=True)]


def log_softmax(row: list[float]) -> list[float]:
    top = max(row)
    total = math.log(sum(math.exp(x - top) for x in row)) + top
    return [x - total for x in row]


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def cross_entropy(scores: list[list[float]], targets: list[list[float]], scale: float) -> float:
    """Mean over the rows that have a target, targets divided by their sums."""
    losses = []
    for row, wanted in zip(scores, targets, strict=True):
        if (total := sum(wanted)) > 0:
            logp = log_softmax([scale * s for s in row])
            losses.append(-sum(w / total * x for w, x in zip(wanted, logp, strict=True)))
    return mean(losses)


def own(batch: Batch) -> list[list[float]]:
    """1 where a text belongs to a picture."""
    owners = batch.owner.tolist()
    return [[float(o == i) for o in owners] for i in range(len(batch.images))]


def symmetric(batch: Batch, targets: list[list[float]], scale: float) -> float:
    """Mean of the row-wise and the column-wise cross-entropy."""
    scores = cosines(batch)
    return (cross_entropy(scores, targets, scale) + cross_entropy(transposed(scores), transposed(targets), scale)) / 2


def shares(row: list[float]) -> list[float]:
    total = sum(row)
    return [x / total for x in row] if total else row
