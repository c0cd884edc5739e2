"""The card on digits, whole; a cached pass that forgets to be exact fails it."""

from __future__ import annotations

import pytest
import torch

import openitr.objectives
from openitr.systems import Budget, florence, m2_encoder
from openitr.systems.digits import digits


def test_gradients_are_exact_and_a_shuffled_cache_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = digits()
    worst, whole, grouped, plain, cached = m2_encoder.exact(data, 0)
    assert worst < 1e-5
    assert whole == 16 * grouped
    assert cached < plain
    right = openitr.objectives.grouped_backward

    def wrong(
        objective: object, images: object, texts: object, x: torch.Tensor, y: torch.Tensor, **more: int
    ) -> object:
        return right(objective, images, texts, x, y.flip(0), **more)

    monkeypatch.setattr(openitr.objectives, "grouped_backward", wrong)
    assert m2_encoder.exact(data, 0)[0] > 1e-5


@pytest.mark.slow
def test_the_cards_are_shown() -> None:
    assert m2_encoder.experiment(Budget(120)).shown
    assert florence.experiment(Budget(120)).shown
