"""The mixture of experts against loops over tokens and experts."""

from __future__ import annotations

import pytest
import torch

from openitr.errors import InputError
from openitr.models import RelationExperts


@pytest.mark.parametrize(("n", "k"), [(1, 1), (4, 2), (5, 5)])
def test_by_hand(n: int, k: int) -> None:
    torch.manual_seed(0)
    experts = RelationExperts(6, n, k, out=3)
    tokens = torch.randn(2, 4, 6)
    with torch.no_grad():
        got = experts(tokens)
        for row in range(2):
            for at in range(4):
                x = tokens[row, at]
                shares = (experts.gate.weight @ x).softmax(0)
                wanted = sum(shares[e] * (x @ experts.experts[e]) for e in shares.argsort(descending=True)[:k])
                torch.testing.assert_close(got[row, at], wanted, atol=1e-5, rtol=1e-5)


def test_gates_use_k_and_learn() -> None:
    experts = RelationExperts(6, 4, 2)
    gates = experts.gates(torch.randn(3, 5, 6))
    assert (gates > 0).sum(-1).unique().tolist() == [2]
    experts(torch.randn(3, 5, 6)).square().sum().backward()
    assert experts.gate.weight.grad is not None and experts.gate.weight.grad.abs().sum() > 0


def test_padding_changes_nothing() -> None:
    experts = RelationExperts(6, 4, 2)
    tokens = torch.randn(1, 3, 6)
    padded = torch.cat([tokens, torch.full((1, 2, 6), 9.0)], 1)
    mask = torch.tensor([[True, True, True, False, False]])
    torch.testing.assert_close(experts.pool(padded, mask), experts.pool(tokens, mask[:, :3]))


def test_too_many_chosen() -> None:
    for k in (0, 5):
        with pytest.raises(InputError):
            RelationExperts(6, 4, k)
