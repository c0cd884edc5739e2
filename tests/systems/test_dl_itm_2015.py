"""Pairs of digits: their captions, and which text tower can read their order."""

from __future__ import annotations

import pytest
import torch

from openitr.models import BagOfWords, Windows
from openitr.systems import Budget, dl_itm_2015
from openitr.systems.digits import NAMES, digits


def test_pairs_are_what_their_captions_say() -> None:
    data = digits()
    rows, _ = data.split(0)
    pictures, right, wrong = dl_itm_2015.side_by_side(data.pictures, data.labels, rows, 20, seed=0)
    assert pictures.shape == (20, 128)
    for picture, own, other in zip(pictures, right, wrong, strict=True):
        left, _, _, after = own.split()
        assert other == f"{after} left of {left}"
        assert left != after
        for half, word in ((picture[:64], left), (picture[64:], after)):
            match = (data.pictures == half).all(1).nonzero().flatten().tolist()
            assert NAMES["en"][data.labels[match[0]]] == word


def test_windows_read_the_order_and_bags_tie() -> None:
    assert dl_itm_2015.told_apart(BagOfWords, 0, pairs=300) == 50.0
    assert dl_itm_2015.told_apart(Windows, 0, pairs=800) > 80


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    outcome = dl_itm_2015.experiment(Budget(300))
    assert outcome.checks[0].passed
    assert torch.get_default_dtype() == torch.float32
