"""Cached gradients are those of the whole batch; groups are the mean over groups; scores shrink as promised."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError
from openitr.objectives import Batch, InfoNCE, Objective, Triplet
from openitr.objectives.cached import cached_backward, grouped_backward


def towers(dropout: float = 0.0) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    made = [nn.Sequential(nn.Linear(5, 8), nn.GELU(), nn.Dropout(dropout), nn.Linear(8, 4)) for _ in range(2)]
    return made[0].double(), made[1].double()


def unit(tower: nn.Module) -> object:
    return lambda x: F.normalize(tower(x), dim=1)


def gradients(*modules: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for module in modules for p in module.parameters() if p.grad is not None]


def clear(*modules: nn.Module) -> None:
    for module in modules:
        module.zero_grad(set_to_none=True)


@pytest.mark.parametrize("objective", [InfoNCE().double(), Triplet().double()], ids=["info-nce", "triplet"])
@pytest.mark.parametrize("micro", [1, 3, 12, 50])
def test_cached_gradients_are_exact(objective: Objective, micro: int) -> None:
    image, text = towers()
    x, y = torch.randn(12, 5, dtype=torch.float64), torch.randn(12, 5, dtype=torch.float64)
    clear(image, text, objective)
    cached = grouped_backward(objective, unit(image), unit(text), x, y, micro=micro)
    got = gradients(image, text, objective)
    clear(image, text, objective)
    whole = objective(Batch(unit(image)(x), unit(text)(y)))
    whole.backward()
    assert cached.item() == pytest.approx(whole.item(), rel=1e-12)
    assert len(got) == len(gradients(image, text, objective))
    for one, other in zip(got, gradients(image, text, objective), strict=True):
        assert torch.allclose(one, other, atol=1e-12)


def test_dropout_draws_the_same_in_both_passes() -> None:
    """With dropout, the loss and its gradients belong to one and the same draw, made here by hand part by part."""
    image, text = towers(0.5)
    objective = InfoNCE().double()
    x, y = torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 5, dtype=torch.float64)
    torch.manual_seed(3)
    cached = grouped_backward(objective, unit(image), unit(text), x, y, micro=2)
    following = torch.rand(1)
    got = gradients(image, text)
    clear(image, text, objective)
    torch.manual_seed(3)
    v = torch.cat([unit(image)(part) for part in x.split(2)])
    t = torch.cat([unit(text)(part) for part in y.split(2)])
    whole = objective(Batch(v, t))
    whole.backward()
    assert torch.equal(torch.rand(1), following)
    assert cached.item() == pytest.approx(whole.item(), rel=1e-12)
    for one, other in zip(got, gradients(image, text), strict=True):
        assert torch.allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_groups_are_the_mean_of_their_losses(groups: int) -> None:
    image, text = towers()
    objective = InfoNCE().double()
    owner = torch.tensor([0, 0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9, 9])
    x, y = torch.randn(10, 5, dtype=torch.float64), torch.randn(14, 5, dtype=torch.float64)
    value = grouped_backward(objective, unit(image), unit(text), x, y, owner=owner, groups=groups, micro=3)
    got = gradients(image, text)
    clear(image, text, objective)
    size = 10 // groups
    losses = []
    for first in range(0, 10, size):
        rows = [j for j in range(14) if first <= int(owner[j]) < first + size]
        losses.append(objective(Batch(unit(image)(x[first : first + size]), unit(text)(y[rows]), owner[rows] - first)))
    mean = torch.stack(losses).mean()
    mean.backward()
    assert value.item() == pytest.approx(mean.item(), rel=1e-12)
    for one, other in zip(got, gradients(image, text), strict=True):
        assert torch.allclose(one, other, atol=1e-12)


def test_the_towers_see_only_a_part_and_the_scores_only_a_group() -> None:
    image, text = towers()
    seen: list[int] = []
    sizes: list[int] = []

    def watched(x: Tensor) -> Tensor:
        seen.append(len(x))
        return F.normalize(image(x), dim=1)

    class Counting(InfoNCE):
        def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
            sizes.append(len(batch.images) * len(batch.texts))
            return super().terms(batch)

    x = torch.randn(12, 5, dtype=torch.float64)
    grouped_backward(Counting().double(), watched, unit(text), x, x, groups=3, micro=2)
    assert max(seen) == 2
    assert sizes == [16, 16, 16]  # 12 x 12 scores at once become 4 x 4: a ninth


def test_a_frozen_tower_is_left_alone() -> None:
    image, text = towers()
    image.requires_grad_(False)
    x = torch.randn(6, 5, dtype=torch.float64)
    grouped_backward(InfoNCE().double(), unit(image), unit(text), x, x, micro=2)
    assert gradients(image) == []
    assert len(gradients(text)) == 4


def test_senseless_sizes_are_refused() -> None:
    x = torch.randn(2, 5)
    with pytest.raises(InputError, match="micro is 0"):
        cached_backward(torch.sum, [nn.Linear(5, 2)], [x], micro=0)
    with pytest.raises(InputError, match="3 groups"):
        grouped_backward(InfoNCE(), nn.Linear(5, 2), nn.Linear(5, 2), x, x, groups=3)
