"""Deep Boosting Learning against plain loops, and the identities of its spec."""

from __future__ import annotations

import pytest
import torch

from openitr.objectives import Batch, Boost
from openitr.objectives.contract import check, draw
from tests.objectives.loops import cosines


def hinges(scores: list[list[float]], anchor: list[list[float]], margin: float) -> float:
    size, total = len(scores), 0.0
    gain = [[s - a for s, a in zip(r, q, strict=True)] for r, q in zip(scores, anchor, strict=True)]
    for i in range(size):
        others = [j for j in range(size) if j != i]
        total += max([0.0, *(margin - gain[i][i] + gain[i][j] for j in others)])
        total += max([0.0, *(margin - gain[i][i] + gain[j][i] for j in others)])
    return total


def absolute(scores: list[list[float]], anchor: list[list[float]], margin: float, gamma: float) -> float:
    size, total = len(scores), 0.0
    for i in range(size):
        others = [j for j in range(size) if j != i]
        total += 2 * max(0.0, margin * gamma + anchor[i][i] - scores[i][i])
        total += max([0.0, *(margin * (1 - gamma) + scores[i][j] - anchor[i][j] for j in others)])
        total += max([0.0, *(margin * (1 - gamma) + scores[j][i] - anchor[j][i] for j in others)])
    return total


def zeros(batch: Batch) -> list[list[float]]:
    return [[0.0] * len(batch.texts) for _ in range(len(batch.images))]


ORACLES = {
    Boost: lambda o, b: hinges(cosines(b), zeros(b), 0.2) + hinges(cosines(b), b.plain.tolist(), 0.2),
}


def test_the_absolute_boost_keeps_the_contract_and_equals_its_loops() -> None:
    check(
        Boost("abs", margin=0.3, gamma=0.25, alpha=2.0),
        lambda _, b: hinges(cosines(b), zeros(b), 0.3) + 2 * absolute(cosines(b), b.plain.tolist(), 0.3, 0.25),
    )


def test_equal_matchers_cost_the_whole_margin() -> None:
    """S = A: absolute 2 B m g + 2 B m (1 - g), relative 2 B m."""
    batch = draw(5, seed=1)
    same = Batch(batch.images, batch.texts, plain=batch.images @ batch.texts.T)
    assert Boost("abs", 0.2, 0.3).parts(same)["boost"].item() == pytest.approx(2 * 5 * 0.2 * 0.3 + 2 * 5 * 0.2 * 0.7)
    assert Boost("rel", 0.2).parts(same)["boost"].item() == pytest.approx(2 * 5 * 0.2)


def test_a_margin_ahead_costs_nothing() -> None:
    """Positives raised by the margin and negatives lowered by it: both boosts are zero."""
    scores = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ahead = scores - 0.2 + 0.4 * torch.eye(4)
    batch = Batch(ahead, torch.eye(4, dtype=torch.float64), plain=scores)
    for kind in ("abs", "rel"):
        assert Boost(kind, 0.2).parts(batch)["boost"].item() == pytest.approx(0.0, abs=1e-12)


def test_an_unknown_boost_is_refused() -> None:
    with pytest.raises(ValueError, match="'sum'"):
        Boost("sum")
