# mypy: disallow-subclassing-any=False
"""Pictures with marked parts, and texts, in one space: the embedder of VIRTUE on a small ViT."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.embeddings import Floats
from openitr.models.prompted import Instruction, PromptedViT, SegmentTokens
from openitr.models.tokenizer import WordTokenizer
from openitr.models.vit import ViT
from openitr.types import ImageArray


class RegionViT(nn.Module):
    """A ViT that reads segmentation tokens, patches and an instruction together, beside a text tower for targets.

    VIRTUE (Wang et al. 2025, arXiv:2510.00523) has a multimodal LLM read them in this order; here a ViT does, and the
    states of the prompt's tokens are the embedding (ours). Train it with InfoNCE from marked pictures to captions.

    Args:
        vit: The ViT.
        text: A text tower.
        tokenizer: That it reads with.
        dim: Width of the common space.
        side: Of the map of :class:`openitr.models.SegmentTokens`.

    >>> from openitr.models import BagOfWords
    >>> tokenizer = WordTokenizer.fit(["a red circle"])
    >>> model = RegionViT(ViT(16, patch=8, width=8, depth=1, heads=2), BagOfWords(len(tokenizer)), tokenizer, 4)
    >>> model(torch.zeros(2, 3, 16, 16), torch.ones(2, 1, 16, 16)).shape
    torch.Size([2, 4])
    """

    def __init__(self, vit: ViT, text: nn.Module, tokenizer: WordTokenizer, dim: int, *, side: int = 16) -> None:
        super().__init__()
        self.vit, self.text, self.tokenizer, self.dim = PromptedViT(vit, read=True), text, tokenizer, dim
        self.segments, self.instruction = SegmentTokens(vit.width, side=side), Instruction(text.width, vit.width)
        self.head = nn.Linear(vit.width, dim, bias=False)
        self.text_head = nn.Linear(text.width, dim, bias=False)

    def forward(self, images: Tensor, masks: Tensor | None = None, instructions: Tensor | None = None) -> Tensor:
        """Pictures to unit vectors (n, dim).

        Args:
            images: (n, 3, h, w) in [-1, 1].
            masks: (n, parts, h, w) from 0 to 1; None marks nothing, and the patches are read.
            instructions: (n, L) ids; a row of padding alone is no instruction.
        """
        prompts, there = list[Tensor](), list[Tensor]()
        if masks is not None:
            prompts.append(self.segments(images, masks))
            there.append(torch.ones(prompts[0].shape[:2], dtype=torch.bool, device=images.device))
        if instructions is not None:
            prompts.append(self.instruction(self.text(instructions).pooled))
            there.append((instructions != 0).any(1, keepdim=True))
        seen = self.vit(images, torch.cat(prompts, 1), torch.cat(there, 1)) if prompts else self.vit(images)
        return F.normalize(self.head(seen.pooled), dim=-1)

    def read(self, ids: Tensor) -> Tensor:
        """Captions (n, L) to unit vectors (n, dim)."""
        return F.normalize(self.text_head(self.text(ids).pooled), dim=-1)

    def embed(self, pictures: Sequence[ImageArray], masks: npt.NDArray[np.float32], texts: Sequence[str]) -> Floats:
        """As :class:`openitr.encoders.region_prompts.RegionEncoder` asks; a text is an instruction, "" is none."""
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1)
        told = self.tokenizer.encode(list(texts))
        told[torch.tensor([not text.strip() for text in texts])] = 0
        with torch.inference_mode():
            asked = told if bool((told != 0).any()) else None
            found: Floats = self.eval()(pixels, torch.from_numpy(masks), asked).numpy()
        return found
