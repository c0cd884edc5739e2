"""Attention against plain loops; maps; masks; the future stays unseen."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.models import Attention, Block, attention_maps


def by_hand(attention: Attention, states: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Attention in plain loops over items, heads and positions."""
    width, heads = states.shape[-1], attention.heads
    size = width // heads
    query = attention.query(states)
    key, value = attention.key_value(memory).chunk(2, -1)
    mixed = torch.zeros_like(states)
    for item in range(len(states)):
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            for at in range(states.shape[1]):
                seen = [j for j in range(memory.shape[1]) if mask[item, j] and (j <= at or not attention.causal)]
                scores = [float(query[item, at, part] @ key[item, j, part]) / math.sqrt(size) for j in seen]
                total = sum(math.exp(s) for s in scores)
                for j, score in zip(seen, scores, strict=True):
                    mixed[item, at, part] += math.exp(score) / total * value[item, j, part]
    return attention.out(mixed)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("watched", [False, True])
def test_attention_is_the_plain_loop(causal: bool, watched: bool) -> None:
    torch.manual_seed(0)
    attention = Attention(8, 2, causal=causal).double()
    states = torch.randn(2, 5, 8, dtype=torch.float64)
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
    with torch.no_grad():
        if watched:
            with attention_maps(attention) as maps:
                got = attention(states, mask=mask)
            assert torch.allclose(maps[0].sum(-1), torch.ones(2, 2, 5, dtype=torch.float64))
            assert maps[0][1, :, :, 3:].abs().max() == 0
        else:
            got = attention(states, mask=mask)
        assert torch.allclose(got, by_hand(attention, states, states, mask), atol=1e-12)


def test_cross_attention_reads_the_memory_through_its_mask() -> None:
    torch.manual_seed(1)
    attention = Attention(8, 2, memory_width=6).double()
    states, memory = torch.randn(2, 3, 8, dtype=torch.float64), torch.randn(2, 4, 6, dtype=torch.float64)
    mask = torch.tensor([[True, True, False, True], [True, False, False, False]])
    with torch.no_grad():
        assert torch.allclose(attention(states, memory, mask), by_hand(attention, states, memory, mask), atol=1e-12)


def test_a_causal_block_does_not_see_ahead() -> None:
    torch.manual_seed(2)
    block = Block(8, 2, causal=True)
    states = torch.randn(1, 6, 8)
    changed = states.clone()
    changed[0, 4] += 1
    before, after = block(states), block(changed)
    assert torch.equal(before[0, :4], after[0, :4])
    assert not torch.allclose(before[0, 4:], after[0, 4:])


def test_the_cross_part_rests_without_a_memory() -> None:
    torch.manual_seed(3)
    block, states = Block(8, 2, memory_width=8), torch.randn(1, 4, 8)
    assert not torch.allclose(block(states), block(states, memory=torch.randn(1, 2, 8)))
    with torch.no_grad():
        block.cross.out.weight.zero_()
        block.cross.out.bias.zero_()
    assert torch.equal(block(states), block(states, memory=torch.randn(1, 2, 8)))


def test_maps_are_part_of_the_graph_and_collecting_ends() -> None:
    block, states = Block(8, 2), torch.randn(1, 4, 8)
    with attention_maps(block) as maps:
        out = block(states).sum()
    (gradient,) = torch.autograd.grad(out, maps)
    assert gradient.abs().sum() > 0
    block(states)
    assert len(maps) == 1


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="3 heads"):
        Attention(8, 3)
