"""Patches, token head and reducer against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.models import Patches, TokenHead, TokenReducer
from openitr.objectives import Batch, MaxSim


def test_patches_are_means_of_the_places_around() -> None:
    torch.manual_seed(0)
    middle, grid = torch.rand(2, 3, 9, 9), torch.rand(2, 4, 5, 5)
    around = np.zeros((2, 3, 5, 5))
    for i in range(5):
        for j in range(5):
            rows, columns = slice(max(0, 2 * i - 1), 2 * i + 2), slice(max(0, 2 * j - 1), 2 * j + 2)
            around[:, :, i, j] = middle[:, :, rows, columns].mean((2, 3)).numpy()
    both = np.concatenate([grid.numpy(), around], 1)
    found = Patches()(middle, grid)
    for i in range(5):
        for j in range(5):
            rows, columns = slice(max(0, i - 1), i + 2), slice(max(0, j - 1), j + 2)
            np.testing.assert_allclose(found[:, 5 * i + j], both[:, :, rows, columns].mean((2, 3)), atol=1e-5)
    coarse = Patches.coarse(found)
    assert (
        coarse.shape == (2, 9, 7) and torch.equal(coarse[:, 4], found[:, 12]) and torch.equal(coarse[:, 1], found[:, 2])
    )


def test_the_head_gives_unit_vectors_and_a_token_for_the_whole() -> None:
    torch.manual_seed(0)
    head = TokenHead(6, 5, dim=4, hidden=8).eval()
    tokens, mask, summary = torch.randn(3, 7, 6), torch.rand(3, 7) > 0.4, torch.randn(3, 5)
    head.fit(tokens.flatten(0, 1), summary)
    found, there = head(tokens, mask, summary)
    assert found.shape == (3, 8, 4) and torch.allclose(found.norm(dim=2), torch.ones(3, 8))
    assert there[:, 0].all() and torch.equal(there[:, 1:], mask)
    alone, _ = head(tokens[1:2, 2:3], mask[1:2, 2:3], summary[1:2])
    assert torch.allclose(alone[0, 1], found[1, 3], atol=1e-6), "a token depends on its neighbours"
    other, _ = head(tokens, mask, summary + 1)
    assert not torch.allclose(other[:, 1:], found[:, 1:]), "the whole says nothing to the tokens"


def test_reducer_maps_add_up_to_one_and_pool_as_loops_do() -> None:
    torch.manual_seed(0)
    reducer, tokens = TokenReducer(6, 3), torch.randn(2, 16, 6)
    maps, found = reducer.maps(tokens), reducer(tokens)
    assert torch.allclose(maps.sum(2), torch.ones(2, 3)) and (maps >= 0).all()
    weight, bias = reducer.conv.weight.detach(), reducer.conv.bias.detach()
    for n in range(2):
        for r in range(3):
            logits = []
            for i in range(4):
                for j in range(4):
                    total = bias[r].item()
                    for di in (-1, 0, 1):
                        for dj in (-1, 0, 1):
                            if 0 <= i + di < 4 and 0 <= j + dj < 4:
                                total += float(weight[r, :, di + 1, dj + 1] @ tokens[n, 4 * (i + di) + j + dj])
                    logits.append(total)
            share = np.exp(np.array(logits) - max(logits))
            share /= share.sum()
            expected = (share[:, None] * tokens[n].numpy()).sum(0)
            np.testing.assert_allclose(found[n, r].detach(), expected, atol=1e-5)


def test_as_many_maps_as_tokens_and_each_its_own_change_nothing() -> None:
    """R = P with identity maps: MaxSim of reduced tokens equals MaxSim of all."""
    torch.manual_seed(0)
    reducer = TokenReducer(9, 9, kernel=1)
    with torch.no_grad():
        reducer.conv.weight.copy_(200 * torch.eye(9)[:, :, None, None])
        reducer.conv.bias.zero_()
    tokens = torch.eye(9)[torch.stack([torch.randperm(9) for _ in range(4)])]
    order = torch.cdist(reducer(tokens), torch.eye(9)[None].expand(4, -1, -1))
    assert order.diagonal(dim1=1, dim2=2).abs().max() < 1e-6
    words = torch.nn.functional.normalize(torch.randn(4, 3, 9), dim=2)
    mask = {"image_mask": torch.ones(4, 9, dtype=torch.bool), "text_mask": torch.ones(4, 3, dtype=torch.bool)}
    full = MaxSim()(Batch(tokens[:, 0], words[:, 0], image_tokens=tokens, text_tokens=words, **mask))
    cut = MaxSim()(Batch(tokens[:, 0], words[:, 0], image_tokens=reducer(tokens), text_tokens=words, **mask))
    for a, b in zip(full, cut, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("many", [7, 12])
def test_rows_that_are_no_grid_are_reduced_in_a_line(many: int) -> None:
    assert TokenReducer(4, 2)(torch.randn(1, many, 4)).shape == (1, 2, 4)
