"""The quick experiment: swapped pairs are those that were said, and recall falls with them."""

from __future__ import annotations

import numpy as np
import torch

from openitr.objectives import InfoNCE
from openitr.train import Examples, Plan
from openitr.train.probe import mismatched, probe
from tests.train.conftest import vectors


def test_swapped_texts_are_those_of_another_picture_and_nothing_is_lost() -> None:
    owner = np.array([0, 0, 1, 2, 2, 2, 3, 4])
    examples = Examples(torch.arange(5.0)[:, None], torch.arange(8.0)[:, None], owner)
    noisy, which = mismatched(examples, 0.6, seed=1)
    assert len(which) == 3
    assert sorted(noisy.texts.flatten().tolist()) == list(range(8))
    for row in range(5):
        own = set(examples.texts[owner == row].flatten().tolist())
        given = set(noisy.texts[noisy.owner == row].flatten().tolist())
        assert (own == given) == (row not in which)


def test_recall_falls_with_swapped_pairs_and_a_seed_says_it_all() -> None:
    data = vectors(120, 1)
    train, held = data.some(np.arange(90)), data.some(np.arange(90, 120))
    plan = Plan(epochs=15, batch=30, rate=5e-3)
    torch.manual_seed(5)
    _, clean = probe(train, held, InfoNCE(), plan, width=16)
    _, again = probe(train, held, InfoNCE(), plan, width=16)
    _, noisy = probe(mismatched(train, 0.9, 0)[0], held, InfoNCE(), plan, width=16)
    assert clean == again
    assert noisy.rsum < clean.rsum - 50
