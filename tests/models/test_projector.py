"""Projectors against their formula, and CKA against its identities."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from openitr.models import Projector, linear_cka


def test_a_projector_is_its_formula() -> None:
    torch.manual_seed(0)
    projector = Projector(6, width=4).eval()
    features = 3 * torch.randn(20, 6) + 1
    projector.fit(features)
    x = ((features - features.mean(0)) / features.std(0)).clamp(-6, 6)
    h = x @ projector.first.weight.T + projector.first.bias
    out = F.layer_norm(h + F.gelu(h) @ projector.second.weight.T + projector.second.bias, (4,))
    assert torch.allclose(projector(features).pooled, out, atol=1e-5)


def test_cka_is_one_up_to_rotation_and_scale_and_symmetric() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(50, 6), torch.randn(50, 9)
    turn = torch.linalg.qr(torch.randn(6, 6))[0]
    assert abs(linear_cka(x, 5 * x @ turn + 2) - 1) < 1e-9
    assert abs(linear_cka(x, y) - linear_cka(y, x)) < 1e-12
    stretched = x * torch.tensor([10.0, 1, 1, 1, 1, 1])
    assert linear_cka(x, stretched) < 0.9


def test_cka_of_independent_features_goes_to_zero_as_things_become_many() -> None:
    made = torch.Generator().manual_seed(0)
    found = [
        linear_cka(torch.randn(n, 8, generator=made), torch.randn(n, 8, generator=made)) for n in (20, 200, 20_000)
    ]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.01
