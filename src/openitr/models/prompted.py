# mypy: disallow-subclassing-any=False
"""A vision transformer that is told what to look at: by an instruction in words, or by a point, a box or a mask."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import ShapeError
from openitr.models.tower import Encoded, masked_mean
from openitr.models.vit import ViT


class PromptedViT(nn.Module):
    """A ViT with further tokens among its patches; without them it is that ViT.

    The tokens go in after positions were added and take part in every block. A prompt that is masked out is not
    attended at all, so a blank prompt gives the ViT's own states; a token of zeros would not, because attention spends
    weight on it (FocalLens, Hsieh et al. 2025, arXiv:2504.08368, inserts the instruction so).

    Args:
        base: The ViT; it is kept, not copied, and may be trained on.
        read: Whether the state that is read ("pooled") is that of the prompt where there is one, else of the patches.
            False reads the patches (or the class token) always.

    Raises:
        ShapeError: When called: prompts of another width.

    >>> model = PromptedViT(ViT(16, patch=8, width=8, depth=1, heads=2)).eval()
    >>> pictures, prompt = torch.randn(2, 3, 16, 16), torch.randn(2, 1, 8)
    >>> there = torch.tensor([[True], [False]])
    >>> told, plain = model(pictures, prompt, there).pooled, model.base(pictures).pooled
    >>> torch.allclose(told[1], plain[1], atol=1e-6), torch.allclose(told[0], plain[0], atol=1e-3)
    (True, False)
    """

    def __init__(self, base: ViT, *, read: bool = False) -> None:
        super().__init__()
        self.base, self.read, self.width = base, read, base.width

    def forward(self, images: Tensor, prompts: Tensor | None = None, mask: Tensor | None = None) -> Encoded:
        """Pictures and prompts to states.

        Args:
            images: (n, 3, h, w) in [-1, 1].
            prompts: (n, E, width) tokens, None for none at all.
            mask: (n, E) bool, False for a prompt that is not there; None for all there.
        """
        base = self.base
        if prompts is None:
            plain: Encoded = base(images)
            return plain
        if prompts.ndim != 3 or prompts.shape[2] != base.width or len(prompts) != len(images):
            raise ShapeError(
                f"prompts of shape {tuple(prompts.shape)} for {len(images)} pictures", f"give (n, E, {base.width})"
            )
        states = base.begin(images)
        own = states.shape[1]
        there = torch.ones(prompts.shape[:2], dtype=torch.bool, device=states.device) if mask is None else mask.bool()
        real = F.pad(there, (own, 0), value=True)
        states = torch.cat([states, prompts], 1)
        for block in base.blocks:
            states = block(states, real)
        seen = base.end(states[:, :own])
        if not self.read:
            return seen
        told = masked_mean(base.norm(states[:, own:]), there)
        return seen._replace(pooled=torch.where(there.any(1, keepdim=True), told, seen.pooled))


class Instruction(nn.Module):
    """A text vector as one prompt token: two layers (FocalLens projects CLIP's text vector).

    Args:
        text_width: Of the vectors.
        width: Of the ViT.

    >>> Instruction(5, 8)(torch.randn(3, 5)).shape
    torch.Size([3, 1, 8])
    """

    def __init__(self, text_width: int, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(text_width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, texts: Tensor) -> Tensor:
        """(n, text_width) to (n, 1, width)."""
        return self.net(texts).unsqueeze(1)


class SegmentTokens(nn.Module):
    """A marked part of a picture as prompt tokens: convolution 4 x 4 with stride 4, then Linear, GELU, Linear.

    VIRTUE (2025) does this to the feature map of SAM's mask decoder. Here the map is the picture under the mask beside
    the mask itself, at 16 x 16 (ours).

    Args:
        width: Of the ViT.
        hidden: Channels after the convolution.
        side: Of the map, a multiple of 4; (side / 4) squared tokens per part.

    >>> marked = torch.zeros(2, 3, 32, 32)
    >>> marked[:, :, 8:16, 8:16] = 1
    >>> SegmentTokens(8)(torch.randn(2, 3, 32, 32), marked).shape           # three parts of 16 tokens
    torch.Size([2, 48, 8])
    """

    def __init__(self, width: int, hidden: int = 32, side: int = 16) -> None:
        super().__init__()
        self.side = side
        self.cut = nn.Conv2d(4, hidden, 4, 4)
        self.net = nn.Sequential(nn.Linear(hidden, width), nn.GELU(), nn.Linear(width, width))
        self.positions = nn.Parameter(torch.randn((self.side // 4) ** 2, width) * 0.02)

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """(n, 3, h, w) and (n, parts, h, w) from 0 to 1, to (n, parts x tokens, width)."""
        if masks.ndim != 4 or masks.shape[0] != images.shape[0] or masks.shape[2:] != images.shape[2:]:
            raise ShapeError(
                f"masks of shape {tuple(masks.shape)} for pictures of {tuple(images.shape)}", "give (n, parts, h, w)"
            )
        n, parts = masks.shape[:2]
        marked = masks.flatten(0, 1).unsqueeze(1).to(images.dtype)
        under = images.repeat_interleave(parts, 0) * marked
        small = F.adaptive_avg_pool2d(torch.cat([under, marked * 2 - 1], 1), self.side)
        tokens = self.net(self.cut(small).flatten(2).transpose(1, 2)) + self.positions
        return tokens.reshape(n, parts * tokens.shape[1], -1)
