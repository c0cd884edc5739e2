"""NCE with the price of FLOPS, in plain loops."""

from __future__ import annotations

import pytest
import torch

from openitr.objectives import Batch, InfoNCE, LexiconContrast, check, flops, naming
from tests.objectives.loops import own, symmetric


def lexlip(objective: object, batch: Batch) -> float:
    total = symmetric(batch, own(batch), 1 / 0.05)
    for weights in (batch.images.tolist(), batch.texts.tolist()):
        columns = list(zip(*weights, strict=True))
        total += 0.002 * sum((sum(abs(w) for w in column) / len(column)) ** 2 for column in columns)
    return total


ORACLES = {LexiconContrast: lexlip}


def test_the_battery_and_the_loops() -> None:
    check(LexiconContrast(), lexlip)


def test_without_a_price_it_is_info_nce() -> None:
    v = torch.nn.functional.normalize(torch.rand(6, 9, generator=torch.Generator().manual_seed(0)), dim=1)
    batch = Batch(v, v.flip(0))
    assert LexiconContrast(0.0, tau=0.07)(batch).item() == pytest.approx(InfoNCE(0.07)(batch).item())


def test_flops_counts_shared_words() -> None:
    """n items on n words of their own cost 1/n; n items on one word cost 1, whatever n."""
    for n in (2, 5):
        assert flops(torch.eye(n)).item() == pytest.approx(1 / n)
        one = torch.zeros(n, 7)
        one[:, 3] = 1
        assert flops(one).item() == pytest.approx(1)


def test_shrinking_unit_weights_is_no_way_out() -> None:
    """On raw weights FLOPS falls with their scale; on normalised ones it does not move."""
    raw = torch.rand(4, 6)
    unit = torch.nn.functional.normalize(raw, dim=1)
    assert flops(raw / 10).item() == pytest.approx(flops(raw).item() / 100)
    assert flops(torch.nn.functional.normalize(raw / 10, dim=1)).item() == pytest.approx(flops(unit).item())


def test_naming_is_the_cross_entropy_of_the_bag() -> None:
    import math

    logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    bags = torch.tensor([[1.0, 0, 0, 0, 0], [0, 2, 0, 6, 0], [0, 0, 0, 0, 0]])
    top = [[math.exp(v) for v in row] for row in logits.tolist()]
    one = -math.log(top[0][0] / sum(top[0]))
    two = -0.25 * math.log(top[1][1] / sum(top[1])) - 0.75 * math.log(top[1][3] / sum(top[1]))
    assert naming(logits, bags).item() == pytest.approx((one + two + 0) / 3, abs=1e-6)
