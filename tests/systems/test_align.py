"""ALIGN's composed query, and the card on real photos."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from openitr.systems import Budget, align
from openitr.train import Examples


def pairs(n: int = 60) -> Examples:
    made = torch.Generator().manual_seed(0)
    v = F.normalize(torch.randn(n, 16, generator=made), dim=1)
    return Examples(v, F.normalize(v + 0.1 * torch.randn(n, 16, generator=made), dim=1), np.arange(n))


def test_words_move_the_answer_and_a_query_that_ignores_them_does_not() -> None:
    both, alone = align.composed(pairs())
    assert both > alone + 0.1
    deaf = pairs()
    deaf.texts = torch.zeros_like(deaf.texts)
    both, alone = align.composed(deaf)
    assert both == alone


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs_and_noise_hurts(real_data: object) -> None:
    outcome = align.experiment(Budget(300))
    assert [check.passed for check in outcome.checks][::2] == [True, True]
