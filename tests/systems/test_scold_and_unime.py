"""The cards on real data, and the measure of the first stage of UniME."""

from __future__ import annotations

import pytest
import torch

from openitr.models import Projector
from openitr.systems import Budget, scold, unime


def test_agreement_is_one_with_oneself_and_falls_with_noise() -> None:
    torch.manual_seed(0)
    model, texts = Projector(12, width=8).eval(), torch.randn(30, 12)
    with torch.inference_mode():
        own = torch.nn.functional.normalize(model(texts).pooled, dim=1)
    assert unime.agreement(model, texts, own) == pytest.approx(1.0, abs=1e-6)
    other = torch.nn.functional.normalize(torch.randn(30, 5), dim=1)
    assert abs(unime.agreement(model, texts, other)) < 0.3


@pytest.mark.real_data
@pytest.mark.slow
def test_scold_is_shown(real_data: object) -> None:
    assert scold.experiment(Budget(300)).shown


@pytest.mark.real_data
@pytest.mark.slow
def test_the_first_stage_of_unime_teaches(real_data: object) -> None:
    before, after, _ = unime.distilled(Budget(300))
    assert after > before
