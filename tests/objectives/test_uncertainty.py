"""The uncertainty loss against arithmetic, and its augmentation against many draws."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from openitr.errors import InputError
from openitr.objectives.uncertainty import GaussianFeatureAugment, UncertaintyLoss, uncertain


def test_the_mean_of_a_sample_stays_in_expectation_and_single_draws_move_it():
    torch.manual_seed(0)
    z = torch.randn(3, 16) * 0.3 + torch.tensor([[0.0], [1.0], [-2.0]])
    augment = GaussianFeatureAugment().train()
    drawn = torch.stack([augment(z) for _ in range(4000)])
    # The mean over 4,000 draws of 16 features of spread about 0.45: three standard errors are 0.006.
    assert torch.allclose(drawn.mean((0, 2)), z.mean(1), atol=0.01)
    assert float((drawn[0].mean(1) - z.mean(1)).abs().max()) > 0.01


def test_without_width_it_is_instance_norm_moved_back():
    z = torch.tensor([[1.0, 2.0, 3.0]])
    made = GaussianFeatureAugment(0.0, 0.0).train()(z)
    expected = [2 + (x - 2) / (math.sqrt(2 / 3) + 1e-5) for x in (1, 2, 3)]
    assert made[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_unit_vectors_come_out_with_a_spread_of_about_one():
    torch.manual_seed(0)
    loose = GaussianFeatureAugment().train()(F.normalize(torch.randn(64, 128), dim=-1))
    assert 0.9 < float(loose.std()) < 1.15


def test_the_loss_by_hand_without_fluctuation():
    q, z = F.normalize(torch.tensor([[1.0, 0.2], [0.1, 1.0]]), dim=-1), torch.eye(2)
    loss = UncertaintyLoss(10, k=2.0, scale=3.0).eval()
    rows = [[3 * float(q[i] @ z[j]) for j in range(2)] for i in range(2)]
    info = sum(-rows[i][i] + math.log(sum(math.exp(v) for v in rows[i])) for i in range(2)) / 2
    sigma = 0.5  # of the four numbers 1, 0, 0, 1
    for epoch in (0, 4, 10):
        gamma = math.exp(-2 * epoch / 10)
        expected = gamma * 0.5 * (math.exp(-sigma) * info + sigma) + (1 - gamma) * info
        assert float(loss(q, z, epoch)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("info", [1.0, 2.5, 40.0])
def test_the_best_spread_is_the_logarithm_of_the_loss(info):
    sigma = torch.tensor(math.log(info), requires_grad=True)
    uncertain(torch.tensor(info), sigma).backward()
    assert abs(float(sigma.grad)) < 1e-6
    least = float(uncertain(torch.tensor(info), sigma.detach()))
    assert all(float(uncertain(torch.tensor(info), sigma.detach() + d)) > least for d in (-0.3, 0.3))


def test_gradients_reach_query_and_target_and_evaluation_is_still():
    torch.manual_seed(0)
    q, z = torch.randn(4, 8, requires_grad=True), torch.randn(4, 8, requires_grad=True)
    loss = UncertaintyLoss(5)
    loss.train()(q, z, 1).backward()
    assert float(q.grad.abs().sum()) > 0 and float(z.grad.abs().sum()) > 0
    loss.eval()
    assert loss(q, z, 1).item() == loss(q, z, 1).item()


def test_senseless_settings():
    with pytest.raises(InputError):
        UncertaintyLoss(0)
    with pytest.raises(InputError):
        GaussianFeatureAugment(-1.0)
