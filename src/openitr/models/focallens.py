# mypy: disallow-subclassing-any=False
"""FocalLens, the build on a dual encoder: a ViT told by an instruction, aimed at the answer's text vector."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.embeddings import Floats
from openitr.models.prompted import Instruction, PromptedViT
from openitr.models.vit import ViT
from openitr.types import ImageArray


class FocalLens(nn.Module):
    """Pictures and vectors of instructions to unit vectors in the space of the answers.

    Args:
        base: A ViT, pre-trained with ``head``.
        head: Its way into the space of the frozen text encoder; the blank instruction gives ``head(base(image))``.
        dim: Width of that space.

    Attributes:
        fingerprint: Of the present weights.

    References:
        Hsieh et al. 2025, "FocalLens: Instruction Tuning Enables Zero-Shot Conditional Image Representations",
        arXiv:2504.08368, the build on CLIP.

    >>> model = FocalLens(ViT(16, patch=8, width=8, depth=1, heads=2), nn.Linear(8, 5), 5)
    >>> model(torch.zeros(2, 3, 16, 16), torch.randn(2, 5), torch.tensor([True, False])).shape
    torch.Size([2, 5])
    """

    def __init__(self, base: ViT, head: nn.Module, dim: int) -> None:
        super().__init__()
        self.vit, self.head, self.dim = PromptedViT(base), head, dim
        self.instruction = Instruction(dim, base.width)

    def forward(self, images: Tensor, instructions: Tensor | None = None, told: Tensor | None = None) -> Tensor:
        """Pictures under instructions.

        Args:
            images: (n, 3, h, w) in [-1, 1].
            instructions: (n, dim) text vectors; None for the general embedding of all.
            told: (n,) bool, False where there is no instruction; None where all are told.
        """
        if instructions is None:
            return F.normalize(self.head(self.vit(images).pooled), dim=-1)
        there = torch.ones(len(images), dtype=torch.bool, device=images.device) if told is None else told
        seen = self.vit(images, self.instruction(instructions), there[:, None])
        return F.normalize(self.head(seen.pooled), dim=-1)

    def loss(self, images: Tensor, instructions: Tensor, answers: Tensor, tau: float = 0.07) -> Tensor:
        """InfoNCE of pictures under instructions against answers; an answer equal to another's is no negative.

        Args:
            images: (n, 3, h, w).
            instructions: (n, dim) frozen text vectors.
            answers: (n, dim) frozen text vectors.
            tau: Temperature.
        """
        # Equal answers are one candidate: each then competes with all different ones, as the mask has it.
        candidates, own = torch.unique(answers, dim=0, return_inverse=True)
        return F.cross_entropy(self(images, instructions) @ candidates.T / tau, own)

    def embed(self, pictures: Sequence[ImageArray], instructions: Floats, told: Sequence[bool]) -> Floats:
        """Squares of the ViT's size to (n, dim), for :class:`openitr.encoders.conditional.ConditionalImageEncoder`."""
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1)
        with torch.inference_mode():
            found: Floats = self.eval()(pixels, torch.from_numpy(instructions), torch.tensor(told)).numpy()
        return found

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the present weights."""
        held = sha256()
        for name, value in sorted(self.state_dict().items()):
            held.update(name.encode())
            held.update(value.detach().cpu().contiguous().numpy().tobytes())
        return held.hexdigest()
