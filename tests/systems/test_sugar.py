"""The card at a tiny size: structure is learned, and writing alone does not bring it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from openitr.models import WordTokenizer
from openitr.systems import Budget, sugar


@pytest.fixture(scope="module")
def world() -> sugar.World:
    made = torch.Generator().manual_seed(0)
    centres = F.normalize(torch.randn(8, 6, generator=made), dim=1)
    names = ["frog", "red car", "tree", "house", "blue bird", "sun", "moon", "big ship"]
    return sugar.World(centres, F.normalize(centres + 0.1 * torch.randn(8, 6, generator=made), dim=1), names)


def test_things_are_told_in_order_as_picture_name_or_both(world: sugar.World) -> None:
    seen = set()
    for seed in range(30):
        slices, vectors = world.told(np.array([2, 5]), np.random.default_rng(seed))
        assert len(slices) == len(vectors.picture)
        named = [one for one in slices if isinstance(one, str)]
        assert named in ([], ["tree"], ["sun"], ["tree", "sun"])
        for one, kind in zip(slices, vectors.picture.tolist(), strict=True):
            assert isinstance(one, str) is not kind
        seen.add(tuple(vectors.picture.tolist()))
    assert len(seen) >= 7


def test_structure_helps_finding(world: sugar.World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sugar, "STEPS", 60)
    monkeypatch.setattr(sugar, "BATCH", 16)
    monkeypatch.setattr(sugar, "ASKED", 60)
    tokenizer = WordTokenizer.fit(world.names)
    plain, structured = (
        sugar.measured(sugar.trained(world, tokenizer, weight, 0), world, tokenizer, 0) for weight in (0.0, 0.5)
    )
    assert structured[0] > plain[0] + 10
    assert structured[1] < 2 * plain[1]


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    sugar.experiment(Budget(300))
