"""The card of projectors on real drawings; without training, its check fails."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.objectives import InfoNCE
from openitr.systems import Budget, projector_align
from openitr.train import Examples, Plan
from openitr.train.probe import probe


def test_projectors_that_do_not_learn_stay_near_chance() -> None:
    """The check asks for 20 times chance; a learning rate of almost nothing gives no more than a few times."""
    made = torch.Generator().manual_seed(0)
    v = torch.randn(400, 20, generator=made)
    data = Examples(v, torch.tanh(v @ torch.randn(20, 20, generator=made)), np.arange(400))
    train, held = data.some(np.arange(200)), data.some(np.arange(200, 400))
    _, still = probe(train, held, InfoNCE(), Plan(epochs=1, batch=100, rate=1e-9), width=32)
    assert still.t2i["R@10"] < 4 * 5


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    outcome = projector_align.experiment(Budget(300))
    assert outcome.measured["chance R@10"] == 1.0
