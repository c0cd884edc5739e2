"""Stretched windows: the spec's numbers, short texts read as before, kept positions frozen."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import InputError
from openitr.models import LongText, TextTransformer, stretch_positions


def test_the_window_of_clip_becomes_248() -> None:
    torch.manual_seed(0)
    positions = torch.randn(77, 5)
    long = stretch_positions(positions)
    assert long.shape == (248, 5)
    assert torch.equal(long[:20], positions[:20])
    for i in range(57):
        assert torch.equal(long[20 + 4 * i], positions[20 + i])
        for j in range(4):
            after = positions[21 + i] if i < 56 else 2 * positions[76] - positions[75]
            expected = ((4 - j) * positions[20 + i] + j * after) / 4
            assert torch.allclose(long[20 + 4 * i + j], expected, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10), st.integers(1, 5))
def test_a_straight_line_stays_one(rest: int, keep: int, ratio: int) -> None:
    line = torch.arange(float(keep + rest))[:, None]
    got = stretch_positions(line, keep, ratio).flatten()
    expected = [float(i) for i in range(keep)] + [keep + i / ratio for i in range(ratio * rest)]
    assert got.tolist() == pytest.approx(expected, abs=1e-5)


def test_what_cannot_be_stretched_is_refused() -> None:
    with pytest.raises(InputError, match="of 5 positions 4 cannot be kept"):
        stretch_positions(torch.zeros(5, 2), keep=4)
    with pytest.raises(InputError, match="ratio of 1 or more"):
        stretch_positions(torch.zeros(5, 2), keep=1, ratio=0)


@pytest.mark.parametrize("pool", ["mean", "first", "last"])
def test_texts_within_the_kept_positions_are_read_as_before(pool: str) -> None:
    torch.manual_seed(0)
    short = TextTransformer(50, length=24, width=16, depth=2, pool=pool).eval()
    long = LongText.stretched(short, keep=10, ratio=3).eval()
    assert long.length == 10 + 3 * 14
    ids = torch.randint(5, 50, (4, 10))
    assert torch.equal(long(ids).pooled, short(ids).pooled)
    longer = torch.randint(5, 50, (4, 12))
    assert not torch.equal(long(longer).pooled, short(longer).pooled)
    assert long(torch.randint(5, 50, (2, 52))).tokens.shape == (2, 52, 16)


def test_kept_positions_get_no_gradient_and_do_not_decay() -> None:
    torch.manual_seed(0)
    long = LongText.stretched(TextTransformer(50, length=24, width=16, depth=1), keep=10, ratio=3)
    before = long.first_positions.clone()
    optimizer = torch.optim.AdamW(long.parameters(), 0.1, weight_decay=0.5)
    long(torch.randint(5, 50, (4, 30))).pooled.square().sum().backward()
    assert (long.positions.grad[:20].abs().sum(1) > 0).all()
    optimizer.step()
    assert torch.equal(long.first_positions, before)
    again = LongText(**long.config)
    again.load_state_dict(long.state_dict())
    assert again.config == long.config
