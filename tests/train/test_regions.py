"""Which region shows what: the loss in loops, and planted regions that are found."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.errors import InputError, ShapeError
from openitr.train.regions import RegionAttributeMapper, mapping_loss, region_texts


def test_the_loss_in_plain_loops() -> None:
    made = torch.Generator().manual_seed(0)
    scores = torch.randn(6, 4, generator=made, dtype=torch.float64)
    named = torch.rand(6, 4, generator=made) < 0.5
    losses = []
    for i in range(6):
        for a in range(4):
            if named[i, a]:
                own = math.exp(scores[i, a])
                losses.append(-math.log(own / (own + sum(math.exp(scores[k, a]) for k in range(6) if not named[k, a]))))
    assert mapping_loss(scores, named).item() == pytest.approx(sum(losses) / len(losses), rel=1e-9)


def test_an_attribute_that_all_or_none_have_teaches_nothing_and_breaks_nothing() -> None:
    scores = torch.zeros(3, 2, requires_grad=True)
    loss = mapping_loss(scores, torch.tensor([[True, False]] * 3))
    loss.backward()
    assert loss.item() == 0 and torch.isfinite(scores.grad).all()
    assert mapping_loss(torch.zeros(2, 1), torch.zeros(2, 1, dtype=torch.bool)).item() == 0


def world(n: int = 160, cells: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Each cell shows one of six things or nothing; a page's description lists what is on it."""
    made = torch.Generator().manual_seed(1)
    shown = torch.randint(0, 8, (n, cells), generator=made)
    truth = torch.nn.functional.one_hot(shown, 8)[..., :6].bool()
    regions = torch.randn(8, 10, generator=made)[shown] + 0.3 * torch.randn(n, cells, 10, generator=made)
    return regions, truth


def test_planted_things_are_found_where_they_are() -> None:
    regions, truth = world()
    mapper = RegionAttributeMapper(torch.eye(6), width=16, epochs=25, rate=5e-3).fit(regions, truth.any(1))
    found = mapper.assign(regions, truth.any(1))
    hits = int((found & truth).sum())
    assert 2 * hits / (int(found.sum()) + int(truth.sum())) > 0.9
    assert mapper.losses[-1] < 0.3 * mapper.losses[0]
    assert not (found & ~truth.any(1)[:, None]).any(), "only what the description names is assigned"
    best = torch.zeros_like(found).scatter(1, mapper.scores(regions).argmax(1, keepdim=True), True)
    assert not (best & ~found & truth.any(1)[:, None]).any(), "the best region always has it"


def test_what_is_said_of_each_region() -> None:
    given = torch.tensor([[[True, False, True], [False, False, False]]])
    assert region_texts(given, ["red", "blue", "one"]) == [["red one", ""]]


def test_refusals() -> None:
    mapper = RegionAttributeMapper(torch.eye(2))
    with pytest.raises(InputError, match="nothing yet"):
        mapper.scores(torch.zeros(1, 2, 3))
    with pytest.raises(ShapeError, match="regions of shape"):
        mapper.fit(torch.zeros(4, 2, 3), torch.zeros(4, 3, dtype=torch.bool))
