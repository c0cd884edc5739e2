"""Two-dimensional convolutions made three-dimensional, so that a picture tower can watch a video."""

from __future__ import annotations

import torch
from torch import nn

from openitr.errors import InputError


def inflate(conv: nn.Conv2d, frames: int) -> nn.Conv3d:
    """A Conv3d that gives on ``frames`` equal frames what ``conv`` gives on one.

    The kernel is repeated along time and divided by its length (I3D, Carreira and Zisserman 2017, arXiv:1705.07750;
    Florence adapts its picture tower to video so). Nothing is padded in time.

    Args:
        conv: Zero-padded.
        frames: Length of the new kernel.

    >>> conv = nn.Conv2d(3, 4, 3, padding=1)
    >>> x = torch.randn(2, 3, 5, 5)
    >>> video = x.unsqueeze(2).expand(-1, -1, 4, -1, -1)
    >>> torch.allclose(inflate(conv, 4)(video)[:, :, 0], conv(x), atol=1e-5)
    True
    """
    if isinstance(conv.padding, str) or conv.padding_mode != "zeros":
        raise InputError("only zero padding of so many pixels can be inflated", "give padding as numbers")
    made = nn.Conv3d(
        conv.in_channels,
        conv.out_channels,
        (frames, *conv.kernel_size),
        stride=(1, *conv.stride),
        padding=(0, *conv.padding),
        dilation=(1, *conv.dilation),
        groups=conv.groups,
        bias=conv.bias is not None,
    )
    with torch.no_grad():
        made.weight.copy_(conv.weight.unsqueeze(2).expand_as(made.weight) / frames)
        if conv.bias is not None:
            made.bias.copy_(conv.bias)
    return made
