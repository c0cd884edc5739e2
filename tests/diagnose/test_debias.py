"""The loss against source bias: its value, its gradient, its draw."""

from __future__ import annotations

import math

import pytest

from openitr.diagnose.debias import SourceDebiasLoss
from openitr.errors import InputError

torch = pytest.importorskip("torch")


def vectors(seed: int, count: int = 6) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 5, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_the_formula_by_plain_loops() -> None:
    texts, real, twin = vectors(0), vectors(1), vectors(2)
    expected = 0.0
    for c, r, g in zip(texts.tolist(), real.tolist(), twin.tolist(), strict=True):
        one, other = (math.exp(sum(a * b for a, b in zip(c, side, strict=True)) / 0.1) for side in (r, g))
        expected -= math.log(one / (one + other)) / 6
    assert float(SourceDebiasLoss(p=1, tau=0.1)(texts, real, twin)) == pytest.approx(expected, rel=1e-4)


def test_gradients_agree_with_finite_differences() -> None:
    inputs = [vectors(seed).double().requires_grad_() for seed in range(3)]
    assert torch.autograd.gradcheck(SourceDebiasLoss(p=1, tau=0.5), inputs)


def test_only_the_drawn_pairs_count() -> None:
    texts, real, twin = vectors(0, 400), vectors(1, 400), vectors(2, 400)
    each = torch.stack([SourceDebiasLoss(p=1)(texts[i : i + 1], real[i : i + 1], twin[i : i + 1]) for i in range(400)])
    draw = torch.Generator().manual_seed(3)
    drawn = torch.rand(400, generator=torch.Generator().manual_seed(3)) < 0.5
    found = SourceDebiasLoss(p=0.5)(texts, real, twin, draw)
    assert float(found) == pytest.approx(float(each[drawn].mean()), rel=1e-4)
    assert float(SourceDebiasLoss(p=1e-9)(texts, real, twin, draw)) == 0


def test_refusals() -> None:
    for bad in ({"p": 0}, {"p": 1.1}, {"tau": 0}):
        with pytest.raises(InputError, match="0 < p"):
            SourceDebiasLoss(**bad)
