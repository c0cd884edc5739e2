# mypy: disallow-subclassing-any=False
"""Long-CLIP: a text tower trained on short texts learns to read long ones, and keeps what it could."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from openitr.errors import InputError
from openitr.models.text import TextTransformer


def stretch_positions(positions: Tensor, keep: int = 20, ratio: int = 4) -> Tensor:
    """Positions of a longer window: the first ones as they are, the others pulled apart with lines between them.

    Row ``keep + ratio i + j`` is ``((ratio - j) P[keep + i] + j P[keep + i + 1]) / ratio``; the last row goes on along
    the last difference. CLIP's 77 become 248.

    Args:
        positions: (L, d).
        keep: How many of the first, well-trained rows stay.
        ratio: How far the others are pulled apart.

    Returns:
        (keep + ratio (L - keep), d).

    Raises:
        InputError: Fewer than two rows to pull apart, or a ratio below 1.

    References:
        Long-CLIP, Zhang et al. 2024, arXiv:2403.15378, section 3.1.

    >>> stretch_positions(torch.tensor([[0.0], [1.0], [2.0], [4.0]]), keep=1, ratio=2).flatten().tolist()
    [0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0]
    """
    if not 0 <= keep <= len(positions) - 2 or ratio < 1:
        raise InputError(
            f"of {len(positions)} positions {keep} cannot be kept and the others pulled apart {ratio} times",
            "keep at least two fewer than there are, with a ratio of 1 or more",
        )
    first, rest = positions[:keep], positions[keep:]
    after = torch.cat([rest[1:], 2 * rest[-1:] - rest[-2:-1]])
    share = torch.arange(ratio, dtype=positions.dtype, device=positions.device)[None, :, None] / ratio
    # lerp gives the row itself, bit for bit, where the share is 0.
    return torch.cat([first, torch.lerp(rest[:, None], after[:, None], share).flatten(0, 1)])


class LongText(TextTransformer):
    """A text tower with stretched positions; the kept ones stay frozen, the others learn.

    Args:
        vocab: As of :class:`~openitr.models.TextTransformer`.
        keep: First positions that are frozen.
        rest: As of :class:`~openitr.models.TextTransformer`.

    >>> short = TextTransformer(50, length=24, width=16, depth=1)
    >>> long = LongText.stretched(short, keep=4, ratio=3)
    >>> ids = torch.tensor([[2, 7, 9, 3]])
    >>> long.length, torch.equal(long(ids).pooled, short(ids).pooled)
    (64, True)
    """

    def __init__(self, vocab: int, *, keep: int = 20, **rest: Any) -> None:
        super().__init__(vocab, **rest)
        self.config["keep"] = keep
        # A buffer, not a parameter without gradient: weight decay would wear that down.
        self.register_buffer("first_positions", self.positions.detach()[:keep].clone())
        self.positions = nn.Parameter(self.positions.detach()[keep:].clone())

    def places(self) -> Tensor:
        return torch.cat([self.first_positions, self.positions])

    @classmethod
    def stretched(cls, tower: TextTransformer, keep: int = 20, ratio: int = 4) -> LongText:
        """A copy of a trained tower with a window ``ratio`` times as long after its first ``keep`` positions."""
        positions = stretch_positions(tower.positions.detach(), keep, ratio)
        made = cls(**{**tower.config, "length": len(positions), "keep": keep})
        made.load_state_dict({**tower.state_dict(), "first_positions": positions[:keep], "positions": positions[keep:]})
        return made
