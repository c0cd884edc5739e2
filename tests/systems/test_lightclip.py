"""The card's small arithmetic; the whole of it is slow."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.models import WordTokenizer
from openitr.objectives import InfoNCE
from openitr.systems import Budget, lightclip


def test_a_copy_is_pushed_less_under_soft_targets() -> None:
    hard, soft = lightclip.push()
    assert hard > 0 and soft < hard


def test_the_slope_by_hand() -> None:
    """Picture 0 and text 1 score alike with text 0: the row's half is 1/4 s, the column's (1 - ...) by its softmax."""
    v = t = torch.zeros(2, 3)
    slope = lightclip.pressed(InfoNCE(), v, t)
    assert slope == pytest.approx(0.5 * (1 / 2) * (1 / 0.07) / 2 + 0.5 * (1 / 2) * (1 / 0.07) / 2, rel=1e-4)
    assert math.isclose(slope, 1 / 0.07 / 4, rel_tol=1e-4)


def test_towers_have_the_head_only_for_training() -> None:
    tokenizer = WordTokenizer.fit(["a frog", "a red car"])
    many, few = (
        sum(p.numel() for p in lightclip.towers_of(10, tokenizer, 0, plain=plain).parameters())
        for plain in (False, True)
    )
    assert many > few == sum(p.numel() for p in lightclip.towers_of(10, tokenizer, 0).student().parameters())


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    lightclip.experiment(Budget(300))
