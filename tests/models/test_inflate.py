"""An inflated convolution gives on equal frames what the flat one gives on one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from openitr.models import inflate


@pytest.mark.parametrize("frames", [1, 3, 5])
@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 1}, {"groups": 2, "bias": False, "dilation": 2}])
def test_equal_frames_give_the_flat_answer(frames: int, settings: dict[str, int]) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 6, 3, **settings).double()
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    found = inflate(conv, frames).double()(x.unsqueeze(2).expand(-1, -1, frames, -1, -1))
    assert found.shape[2] == 1
    assert torch.allclose(found[:, :, 0], conv(x), atol=1e-6)  # the new weights pass through float32


def test_frames_that_differ_count() -> None:
    conv, video = nn.Conv2d(1, 1, 1, bias=False), torch.tensor([1.0, 3.0]).reshape(1, 1, 2, 1, 1)
    assert inflate(conv, 2)(video).item() == pytest.approx(2 * conv.weight.item(), rel=1e-5)


def test_other_paddings_are_refused() -> None:
    with pytest.raises(ValueError, match="zero padding"):
        inflate(nn.Conv2d(1, 1, 3, padding="same"), 2)
