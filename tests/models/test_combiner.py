"""The combiner: with torch and without it the same, and trained it finds what the mean does not."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from openitr.models.combiner import Combiner


def shaken(dim: int = 6) -> Combiner:
    torch.manual_seed(0)
    model = Combiner(dim, width=8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def test_without_torch_it_is_the_same():
    model = shaken()
    v, t = (F.normalize(torch.randn(7, 6), dim=-1) for _ in range(2))
    with torch.no_grad():
        expected = model(v, t).numpy()
    # float32 sums of a dozen products.
    assert np.allclose(model.runs()(v.numpy(), t.numpy()), expected, atol=1e-5)
    assert np.allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5)


def test_it_begins_as_the_mean_and_every_weight_learns():
    model = Combiner(6, width=8, dropout=0.0)
    v, t = (F.normalize(torch.randn(7, 6), dim=-1) for _ in range(2))
    assert torch.allclose(model.eval()(v, t), F.normalize(v + t, dim=-1), atol=1e-6)
    model = shaken().train()
    (model(v, t) * F.normalize(torch.randn(7, 6), dim=-1)).sum().backward()
    assert all(float(parameter.grad.abs().sum()) > 0 for parameter in model.parameters())
