"""Classes and captions with an angular margin, in plain loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from openitr.objectives import MCIP, ArcMargin, Batch, CaptionArcMargin, Contrastive, Objective, Softmax
from openitr.objectives.contract import draw
from tests.objectives.loops import cosines, mean
from tests.objectives.test_mlcd import turned


def arc(objective: Objective, batch: Batch) -> float:
    assert isinstance(objective, ArcMargin)
    centres, losses = F.normalize(objective.centres.detach(), dim=1).tolist(), []
    for v, label in zip(batch.images.tolist(), batch.labels.tolist(), strict=True):
        row = [sum(a * b for a, b in zip(v, c, strict=True)) for c in centres]
        own = math.exp(16 * turned(row[label], 0.3))
        losses.append(-math.log(own / (own + sum(math.exp(16 * s) for c, s in enumerate(row) if c != label))))
    return mean(losses)


def caption_arc(_: Objective, batch: Batch) -> float:
    owners, losses = batch.owner.tolist(), []
    for i, row in enumerate(cosines(batch)):
        own = sum(math.exp(16 * turned(s, 0.3)) for s, o in zip(row, owners, strict=True) if o == i)
        rest = sum(math.exp(16 * s) for s, o in zip(row, owners, strict=True) if o != i)
        if own:
            losses.append(-math.log(own / (own + rest)))
    return mean(losses)


def both(objective: Objective, batch: Batch) -> float:
    return arc(objective.classes, batch) + caption_arc(objective.captions, batch)


ORACLES = {ArcMargin: arc, CaptionArcMargin: caption_arc, MCIP: both}


def test_without_margin_it_is_the_softmax_over_normalised_classes() -> None:
    batch, objective = draw(5, seed=4), ArcMargin(3, 6, scale=5.0, margin=0.0).double()
    logits = 5 * batch.images @ F.normalize(objective.centres, dim=1).T
    assert objective(batch).item() == pytest.approx(F.cross_entropy(logits, batch.labels).item(), rel=1e-9)


def test_one_caption_and_no_margin_is_half_of_info_nce() -> None:
    batch = draw(5, seed=4)
    half = Contrastive(form=Softmax(0.1, learn=False), directions=(1.0, 0.0)).double()
    assert CaptionArcMargin(10.0, 0.0)(batch).item() == pytest.approx(half(batch).item(), rel=1e-7)


def test_a_picture_without_a_caption_does_not_count() -> None:
    batch = draw(3, (2, 0, 1), seed=5)
    kept = Batch(batch.images[[0, 2]], batch.texts, torch.tensor([0, 0, 1]))
    assert CaptionArcMargin()(batch).item() == pytest.approx(CaptionArcMargin()(kept).item(), rel=1e-12)


def test_a_margin_asks_for_more() -> None:
    batch = draw(5, seed=6)
    torch.manual_seed(0)
    wide, none = MCIP(3, 6, margin=0.5).double(), MCIP(3, 6, margin=0.0).double()
    none.load_state_dict(wide.state_dict())
    assert wide(batch) > none(batch)
