"""Boosted training: the anchor is trained as if alone, the target beyond it."""

from __future__ import annotations

import torch

from openitr.objectives import Triplet
from openitr.train import Plan
from openitr.train.boosted import boosted
from tests.train.conftest import small, vectors


def test_the_anchor_is_trained_as_if_it_were_alone() -> None:
    """Another target, another boost: the anchor's weights are the same bits, since nothing flows back to it."""
    plan, examples = Plan(epochs=3, batch=16, rate=5e-3, clip=2.0), vectors(texts=1)
    found = []
    for seed in (1, 2):
        anchor = small(dropout=0.0)
        history = boosted(anchor, small(seed, dropout=0.0), examples, plan)
        found.append(anchor.state_dict())
    assert len(history) == 3
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_both_learn() -> None:
    from openitr.train import rsum

    examples, held = vectors(texts=1), vectors(texts=1, seed=1)
    anchor, target = small(dropout=0.0), small(1, dropout=0.0)
    before = rsum(anchor, held), rsum(target, held)
    boosted(anchor, target, examples, Plan(epochs=20, batch=16, rate=5e-3, clip=2.0), base=Triplet())
    assert rsum(anchor, held) > before[0] + 100
    assert rsum(target, held) > before[1] + 100
