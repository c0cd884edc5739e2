"""Positives and negatives apart, in plain loops; the joint form it stands in for."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from openitr.errors import ShapeError
from openitr.objectives import Batch, ClusterDiscrimination, Objective
from openitr.objectives.angular import with_margin
from tests.objectives.loops import mean


def turned(cosine: float, margin: float) -> float:
    angle = math.acos(max(-1.0, min(1.0, cosine)))
    return math.cos(angle + margin) if angle + margin < math.pi else cosine - margin * math.sin(margin)


def cluster_discrimination(objective: Objective, batch: Batch) -> float:
    assert isinstance(objective, ClusterDiscrimination)
    centres = F.normalize(objective.centres.detach(), dim=1).tolist()
    drawn, losses = objective.drawn().tolist(), []
    for v, label in zip(batch.images.tolist(), batch.labels.tolist(), strict=True):
        away = towards = 1.0
        for c, centre in enumerate(centres):
            cosine = sum(a * b for a, b in zip(v, centre, strict=True))
            if c == label:
                towards += math.exp(-64 * turned(cosine, 0.3))
            elif drawn[c]:
                away += math.exp(64 * cosine)
        losses.append(math.log(away) + math.log(towards))
    return mean(losses)


ORACLES = {ClusterDiscrimination: cluster_discrimination}


def batch_of(labels: torch.Tensor, dim: int = 4) -> Batch:
    v = F.normalize(torch.randn(len(labels), dim, generator=torch.Generator().manual_seed(0)).double(), dim=1)
    return Batch(v, v, labels=labels)


def test_without_margin_and_with_all_negatives_it_is_the_product_of_two_sums() -> None:
    """``L = log(1 + A + B + AB)``, A = sum over negatives of exp(s), B = sum over positives of exp(-s)."""
    objective = ClusterDiscrimination(6, 4, margin=0.0, scale=3.0, share=1.0).double()
    labels = torch.tensor([[0, 1], [2, 5], [3, -1]])
    batch = batch_of(labels)
    scores = 3 * batch.images @ F.normalize(objective.centres, dim=1).T
    total = 0.0
    for row, own in zip(scores.tolist(), labels.tolist(), strict=True):
        a = sum(math.exp(s) for c, s in enumerate(row) if c not in own)
        b = sum(math.exp(-row[c]) for c in own if c >= 0)
        total += math.log(1 + a + b + a * b) / 3
    assert objective(batch).item() == pytest.approx(total, rel=1e-9)


def test_negatives_are_a_share_and_change_with_the_step() -> None:
    objective = ClusterDiscrimination(2000, 4)
    first = objective.drawn()
    assert 140 < int(first.sum()) < 260, "five standard deviations around 200"
    assert torch.equal(first, objective.drawn())
    objective.update(batch_of(torch.tensor([1])))
    assert not torch.equal(first, objective.drawn())


def test_a_label_beyond_the_classes_is_refused() -> None:
    with pytest.raises(ShapeError, match="label 7 and 3 classes"):
        ClusterDiscrimination(3, 4).double()(batch_of(torch.tensor([0, 7])))


@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
def test_the_margin_widens_the_angle_and_never_turns_back(margin: float) -> None:
    cosines = torch.linspace(-0.999, 0.999, 500, dtype=torch.float64)
    got = with_margin(cosines, margin)
    assert got.tolist() == pytest.approx([turned(c, margin) for c in cosines.tolist()], abs=1e-9)
    below = cosines <= math.cos(math.pi - margin)
    assert (got.diff()[(~below)[:-1]] > 0).all(), "rising up to the limit"
