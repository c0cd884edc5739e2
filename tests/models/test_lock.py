"""A locked tower beside one that learns."""

from __future__ import annotations

import torch
from torch import nn

from openitr.models import lock


def test_a_locked_module_is_the_same_to_the_bit_after_training_and_an_open_one_is_not() -> None:
    torch.manual_seed(0)

    def tower() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))

    model = nn.ModuleDict({"locked": lock(tower()), "open": tower(), "head": nn.Linear(4, 1)})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    model.train()
    for _ in range(3):
        x = torch.randn(8, 4)
        loss = model["head"](model["locked"](x) + model["open"](x)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = model.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"open", "head"}
    assert all(parameter.grad is None for parameter in model["locked"].parameters())
    assert model["open"].training and not any(part.training for part in model["locked"].modules())


def test_it_stays_what_it_was() -> None:
    tower = nn.Linear(2, 2)
    x, before = torch.randn(3, 2), tower.state_dict()
    expected = tower(x)
    assert lock(lock(tower)) is tower and isinstance(tower, nn.Linear)
    assert torch.equal(tower(x), expected) and before.keys() == tower.state_dict().keys()
