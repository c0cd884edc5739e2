"""Low-rank additions: nothing at first, the same merged, the base untouched."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from openitr.errors import InputError
from openitr.models import TextTransformer
from openitr.models.lora import LowRank, add_low_rank, merge_low_rank


def tower() -> TextTransformer:
    torch.manual_seed(0)
    return TextTransformer(20, width=16, depth=2).eval()


IDS = torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]])


def test_fresh_additions_change_no_bit() -> None:
    whole, plain = tower(), tower()
    names = add_low_rank(whole, ("attention.", "net."), rank=4)
    assert len(names) == 2 * 5 and all("blocks" in name for name in names)
    assert torch.equal(whole(IDS).pooled, plain(IDS).pooled)


def test_only_additions_learn_and_merging_changes_nothing() -> None:
    """Products of two 4-wide factors added before or after the sum: float32 differs by less than 1e-5."""
    whole = tower()
    add_low_rank(whole, ("attention.",), rank=4)
    before = {
        name: value.clone() for name, value in whole.state_dict().items() if "up" not in name and "down" not in name
    }
    optimizer = torch.optim.SGD([p for p in whole.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        whole(IDS).pooled.square().sum().backward()
        optimizer.step()
    changed = whole(IDS).pooled.detach()
    assert not torch.allclose(changed, tower()(IDS).pooled, atol=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in whole.state_dict().items() if name in before)
    merge_low_rank(whole)
    assert not any(isinstance(part, LowRank) for part in whole.modules())
    assert set(whole.state_dict()) == set(tower().state_dict())
    assert torch.allclose(whole(IDS).pooled, changed, atol=1e-5)


def test_the_arithmetic_by_hand() -> None:
    layer = LowRank(nn.Linear(2, 1), rank=1, alpha=3.0)
    with torch.no_grad():
        layer.base.weight.copy_(torch.tensor([[1.0, 2.0]]))
        layer.base.bias.fill_(0.5)
        layer.down.copy_(torch.tensor([[1.0, -1.0]]))
        layer.up.fill_(2.0)
    assert layer(torch.tensor([[4.0, 1.0]])).item() == 4 + 2 + 0.5 + 3.0 * 2 * (4 - 1)


def test_refusals() -> None:
    with pytest.raises(InputError, match="rank is 0"):
        LowRank(nn.Linear(2, 2), 0)
    with pytest.raises(InputError, match="'nothing'"):
        add_low_rank(tower(), ("nothing",))
