"""The structured sparse similarity: between cosine and bilinear, against loops."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.objectives import Batch, Contrastive, StructuredSparse, check
from openitr.objectives.contract import DIM, draw


def filled(groups: int, gated: bool = True) -> StructuredSparse:
    torch.manual_seed(0)
    made = StructuredSparse(DIM, groups, gated=gated).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def test_it_begins_as_the_cosine() -> None:
    batch = draw(4, seed=1)
    found = StructuredSparse(DIM, 3).double()(batch)[0]
    assert torch.allclose(found, batch.images @ batch.texts.T, atol=1e-6)


def test_one_group_without_gates_is_the_full_bilinear_form_beside_the_cosine() -> None:
    batch, similarity = draw(4, seed=2), filled(1, gated=False)
    bilinear = batch.images @ similarity.blocks[0] @ batch.texts.T
    assert torch.allclose(similarity(batch)[0], batch.images @ batch.texts.T + bilinear, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_without_gates_it_is_an_inner_product_of_mapped_texts(groups: int) -> None:
    batch, similarity = draw(4, seed=3), filled(groups, gated=False)
    assert torch.allclose(similarity(batch)[0], batch.images @ similarity.map_texts(batch.texts).T, atol=1e-12)


def test_the_gates_are_the_plain_loop() -> None:
    batch, similarity, width = draw(3, seed=4), filled(3), DIM // 3
    got = similarity(batch)[0]
    for i in range(3):
        for j in range(3):
            v, t = batch.images[i].tolist(), batch.texts[j].tolist()
            product = [a * b for a, b in zip(v, t, strict=True)]
            raw = [
                math.exp(sum(w * p for w, p in zip(row, product, strict=True)))
                for row in similarity.channel.weight.tolist()
            ]
            total = sum(DIM * r / sum(raw) * p for r, p in zip(raw, product, strict=True))
            scores = [
                sum(
                    v[g * width + x] * similarity.blocks[g, x, y].item() * t[g * width + y]
                    for x in range(width)
                    for y in range(width)
                )
                for g in range(3)
            ]
            for g in range(3):
                gate = (
                    sum(similarity.group.weight[g, h].item() * scores[h] for h in range(3))
                    + similarity.group.bias[g].item()
                )
                total += scores[g] / (1 + math.exp(-gate))
            assert got[i, j].item() == pytest.approx(total, abs=1e-10)


def test_it_keeps_the_contract_as_an_axis() -> None:
    check(Contrastive(similarity=filled(2)))


def test_it_learns_a_rotation_inside_blocks() -> None:
    """Text channels are a block-wise rotation of the picture's: the cosine is lost, the blocks find it."""
    torch.manual_seed(0)
    v = torch.nn.functional.normalize(torch.randn(200, 12), dim=1)
    turn = torch.block_diag(*(torch.linalg.qr(torch.randn(4, 4))[0] for _ in range(3)))
    t = v @ turn
    similarity = StructuredSparse(12, 3)
    objective = Contrastive(similarity=similarity)
    optimizer = torch.optim.Adam(objective.parameters(), 0.03)
    for step in range(120):
        rows = torch.randperm(160, generator=torch.Generator().manual_seed(step))[:64]
        loss = objective(Batch(v[rows], t[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    held = Batch(v[160:], t[160:])
    right = torch.arange(40)
    assert ((v[160:] @ t[160:].T).argmax(1) == right).float().mean() < 0.5
    assert (similarity(held)[0].argmax(1) == right).float().mean() > 0.9


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(ValueError, match="4 groups"):
        StructuredSparse(6, 4)
