"""Long-CLIP's loss: main components of a batch against the covariance, both halves against loops."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.objectives import LongShort, check, primary_components
from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.contract import draw
from tests.objectives.loops import symmetric


def test_all_main_components_are_the_vectors_and_none_is_the_mean() -> None:
    torch.manual_seed(0)
    x = torch.randn(9, 5, dtype=torch.float64)
    assert torch.allclose(primary_components(x, 5), x, atol=1e-5)
    assert torch.allclose(primary_components(x, 0), x.mean(0).expand(9, -1), atol=1e-12)


def test_two_components_are_those_of_the_covariance() -> None:
    torch.manual_seed(0)
    x = torch.randn(30, 4, dtype=torch.float64) * torch.tensor([3.0, 2.0, 0.5, 0.1], dtype=torch.float64)
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh((x - mean).T @ (x - mean))
    main = vectors[:, values.argsort(descending=True)[:2]]
    assert torch.allclose(primary_components(x, 2), (x - mean) @ main @ main.T + mean, atol=1e-9)


def long_short(objective: Objective, batch: Batch) -> float:
    """Both halves by loops; the components by eigenvectors."""
    short = [sum(1 for word in ids if word) <= objective.upto for ids in batch.ids.tolist()]
    total = 0.0
    for wanted in (False, True):
        rows = [j for j, is_short in enumerate(short) if is_short == wanted]
        if not rows:
            continue
        images = batch.images
        if wanted:
            mean = images.mean(0)
            values, vectors = torch.linalg.eigh((images - mean).T @ (images - mean))
            main = vectors[:, values.argsort(descending=True)[: objective.k]]
            images = (images - mean) @ main @ main.T + mean
        part = Batch(images, batch.texts[rows], batch.owner[rows])
        owners = part.owner.tolist()
        targets = [[float(o == i) for o in owners] for i in range(len(images))]
        total += (objective.weight if wanted else 1.0) * symmetric(part, targets, 1 / 0.07)
    return total


ORACLES = {LongShort: long_short}


def test_long_and_short_texts_keep_the_contract_and_equal_their_loops() -> None:
    check(LongShort(upto=3, k=2, weight=0.5), long_short)


def test_every_direction_and_no_short_text_is_info_nce() -> None:
    batch = draw(4, seed=1)
    scale = math.exp(float(LongShort().contrast.form.log_scale.detach()))
    targets = torch.eye(4).tolist()
    assert LongShort(upto=0)(batch).item() == pytest.approx(symmetric(batch, targets, scale), rel=1e-6)
