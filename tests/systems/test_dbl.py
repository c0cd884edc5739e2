"""The gap that the card measures, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.systems import Budget, dbl
from openitr.train import Examples


def test_the_gap_by_hand() -> None:
    class Same(torch.nn.Module):
        def encode_images(self, x: torch.Tensor) -> torch.Tensor:
            return x

        encode_texts = encode_images

    v = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    held = Examples(v, torch.cat([v, v[1:]]), np.array([0, 1, 1]))
    assert dbl.gap(Same(), held) == pytest.approx(0.4, abs=1e-6)


def test_the_same_seed_gives_the_same_projectors() -> None:
    v = torch.randn(10, 4)
    examples = Examples(v, v, np.arange(10))
    one, other = dbl.projectors(examples, 3), dbl.projectors(examples, 3)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    dbl.experiment(Budget(300))
