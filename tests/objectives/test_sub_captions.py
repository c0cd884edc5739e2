"""Sentences and their patches: the loss in plain loops, the grouping by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from openitr.objectives import Batch, InfoNCE, Objective, SubCaptions, grouping
from openitr.objectives.contract import draw
from tests.objectives.loops import cosines, log_softmax, mean


def weights_of(patches: list[list[float]], real: list[bool], text: list[float], delta: float) -> list[float]:
    like = [sum(a * b for a, b in zip(p, text, strict=True)) for p in patches]
    there = [x for x, r in zip(like, real, strict=True) if r]
    low, high = min(there), max(there)
    scaled = [(x - low) / (high - low) if r else 0.0 for x, r in zip(like, real, strict=True)]
    kept = [x if r and x >= delta else 0.0 for x, r in zip(scaled, real, strict=True)]
    return [x / sum(kept) for x in kept]


def sub_captions(objective: Objective, batch: Batch) -> float:
    scale, owners = 1 / 0.07, batch.owner.tolist()
    scores = [[scale * s for s in row] for row in cosines(batch)]
    one, other = [], []
    for j, i in enumerate(owners):
        rest = 0.0
        for k in range(len(scores)):
            theirs = [scores[i][m] for m, o in enumerate(owners) if o == k]
            if k != i and theirs:
                rest += sum(math.exp(s) for s in theirs) / len(theirs)
        one.append(math.log(math.exp(scores[i][j]) + rest) - scores[i][j])
        other.append(-log_softmax([row[j] for row in scores])[i])
    texts, grouped = batch.texts.tolist(), []
    for j, i in enumerate(owners):
        patches = batch.image_tokens[i].tolist()
        weights = weights_of(patches, batch.image_mask[i].tolist(), texts[j], 0.1)
        sums = [sum(w * p[d] for w, p in zip(weights, patches, strict=True)) for d in range(len(texts[j]))]
        length = math.sqrt(sum(x * x for x in sums))
        grouped.append([x / length for x in sums])
    parts = [[scale * sum(a * b for a, b in zip(g, t, strict=True)) for t in texts] for g in grouped]
    ways = [
        mean([-log_softmax(row)[n] for n, row in enumerate(parts)]),
        mean([-log_softmax(list(column))[n] for n, column in enumerate(zip(*parts, strict=True))]),
    ]
    return (mean(one) + mean(other)) / 2 + sum(ways) / 2


ORACLES = {SubCaptions: sub_captions}


def test_one_sentence_and_no_patches_is_info_nce() -> None:
    batch = draw(5, seed=3)
    got, wanted = SubCaptions(weight=0.0).double()(batch), InfoNCE().double()(batch)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-12)


@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_weights_are_shares_and_none_is_small(seed: int, delta: float) -> None:
    """After the cut, a weight is 0 or at least delta over the sum of what was kept."""
    made = torch.Generator().manual_seed(seed)
    patches = F.normalize(torch.randn(2, 7, 3, generator=made, dtype=torch.float64), dim=-1)
    mask = torch.arange(7)[None] < torch.randint(1, 8, (2, 1), generator=made)
    texts = F.normalize(torch.randn(2, 3, generator=made, dtype=torch.float64), dim=-1)
    weights = grouping(patches, mask, texts, delta)
    assert torch.allclose(weights.sum(1), torch.ones(2, dtype=torch.float64))
    assert (weights[~mask] == 0).all()
    for row, here, there, text in zip(weights, mask, patches, texts, strict=True):
        like = (there @ text)[here]
        if len(like) > 1 and like.max() > like.min():
            scaled = (like - like.min()) / (like.max() - like.min())
            total = scaled[scaled >= delta].sum()
            assert ((row == 0) | (row >= delta / total - 1e-9)).all()


def test_patches_that_are_all_alike_share_evenly() -> None:
    same = torch.tensor([1.0, 0.0]).expand(1, 4, 2)
    mask = torch.tensor([[True, True, True, False]])
    assert grouping(same, mask, torch.tensor([[0.6, 0.8]])).tolist()[0] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_below_zero_the_threshold_is_one_over_the_patches() -> None:
    patches = torch.tensor([[[1.0, 0.0], [0.28, 0.96], [0.0, 1.0], [0.6, 0.8]]])
    mask = torch.ones(1, 4, dtype=torch.bool)
    assert grouping(patches, mask, torch.tensor([[1.0, 0.0]]), -1.0).tolist()[0] == pytest.approx(
        [1 / 1.88, 0.28 / 1.88, 0, 0.6 / 1.88]
    )
