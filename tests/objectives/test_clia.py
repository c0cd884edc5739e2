"""CLIA against plain loops, and the battery of all objectives."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.objectives import CLIA, Batch, Objective, check


def by_hand(objective: Objective, batch: Batch) -> float:
    """``-(1/|Q|) sum_ij (1 - p)^gamma log p`` over expressions i and instances j."""
    form = objective.form
    scale, bias, gamma = float(form.log_scale.exp()), float(form.bias), getattr(form, "gamma", 0.0)
    total = 0.0
    for text, owner in enumerate(batch.owner.tolist()):
        for instance in range(len(batch.images)):
            dot = sum(a * b for a, b in zip(batch.texts[text].tolist(), batch.images[instance].tolist(), strict=True))
            p = 1 / (1 + math.exp(-(1 if instance == owner else -1) * (scale * dot + bias)))
            total -= (1 - p) ** gamma * math.log(p)
    return total / len(batch.texts)


ORACLES = {CLIA: by_hand}


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_battery_and_plain_loops(gamma: float) -> None:
    check(CLIA(5.0, -2.0, gamma), by_hand)


def test_instances_without_an_expression_are_negatives() -> None:
    instances, expression = torch.eye(3), torch.eye(3)[:1]
    alone = CLIA(5, -2)(Batch(instances[:1], expression, torch.tensor([0])))
    among = CLIA(5, -2)(Batch(instances, expression, torch.tensor([0])))
    # Two negatives with a cosine of 0: -log sigmoid(2) each.
    assert (among - alone).item() == pytest.approx(2 * math.log(1 + math.exp(-2)), abs=1e-6)


def test_focal_weights_leave_the_hard_pairs() -> None:
    batch = Batch(torch.eye(2), torch.eye(2)[[1, 0]])
    easy = Batch(torch.eye(2), torch.eye(2))
    plain, focal = CLIA(10, -5), CLIA(10, -5, gamma=2)
    assert focal(batch) / plain(batch) > 0.9
    assert focal(easy) / plain(easy) < 0.01
