"""Clusters of planted groups, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from openitr.errors import InputError
from openitr.train.clusters import Clusters


def groups(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(6, 16, generator=made), dim=1)
    labels = torch.arange(120) % 6
    return centres[labels] + 0.05 * torch.randn(120, 16, generator=made), labels


def test_planted_groups_are_found() -> None:
    features, labels = groups()
    found = Clusters(6).fit(features).assign(features)[:, 0]
    same = found[:, None] == found[None]
    assert torch.equal(same, labels[:, None] == labels[None])


def test_the_nearest_come_first_and_all_differ() -> None:
    features, _ = groups()
    clusters = Clusters(6, top=3).fit(features)
    labels = clusters.assign(features)
    scores = F.normalize(features, dim=1) @ clusters.centres.T
    for row, own in zip(scores, labels, strict=True):
        assert own.tolist() == sorted(range(6), key=lambda c: -row[c].item())[:3]


def test_a_round_never_makes_it_worse() -> None:
    """Lloyd's steps raise the sum of the cosines to the nearest centre."""
    features = F.normalize(torch.randn(200, 8, generator=torch.Generator().manual_seed(1)), dim=1)
    sums = [(features @ Clusters(20, rounds=r).fit(features).centres.T).amax(1).sum().item() for r in (1, 2, 4, 30)]
    assert sums == sorted(sums)


def test_copies_of_one_picture_still_make_centres() -> None:
    found = Clusters(3).fit(torch.ones(5, 4)).centres
    assert torch.isfinite(found).all() and found.shape == (3, 4)


def test_refusals() -> None:
    with pytest.raises(InputError, match="top is 4"):
        Clusters(3, top=4)
    with pytest.raises(InputError, match="2 pictures"):
        Clusters(3).fit(torch.ones(2, 4))
