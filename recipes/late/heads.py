"""What is trained: two token heads, a reduction of patch features, and which words go into a bag."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from openitr.models.token_head import Patches, TokenHead
from openitr.train.frozen import ImageSummary, TextSummary

REDUCED, DIM, HIDDEN = 320, 64, 384
# Words that point at nothing in a picture. Their tokens are left out of a bag that holds others.
IDLE = frozenset(Path(__file__).with_name("idle_words.txt").read_text("utf-8").split())


class Reduce(nn.Module):
    """Principal components of standardised patch features; a linear map in the exported graph."""

    def __init__(self, features: int = 1400, width: int = REDUCED) -> None:
        super().__init__()
        self.linear = nn.Linear(features, width)

    def fit(self, features: Tensor) -> None:
        """From (rows, features); what comes out has the deviation of its component's square root."""
        mean, std = features.mean(0), features.std(0).clamp(min=1e-3)
        _, vectors = torch.linalg.eigh(torch.cov(((features - mean) / std).T))
        kept = vectors[:, -self.linear.out_features :].flip(1)
        self.linear.weight.data = (kept / std[:, None]).T.contiguous()
        self.linear.bias.data = -self.linear.weight.data @ mean

    def forward(self, patches: Tensor) -> Tensor:
        return self.linear(patches)


def counting(tokenizer: Path) -> Tensor:
    """(vocabulary,) bool: tokens that are part of a word that is not idle; neither special ones nor punctuation."""
    words = Tokenizer.from_file(str(tokenizer))
    counts = torch.zeros(words.get_vocab_size(), dtype=torch.bool)
    for token, place in words.get_vocab().items():
        bare = token.removeprefix("##")
        special = token.startswith("[") and token.endswith("]")
        counts[place] = any(c.isalnum() for c in bare) and not special and token not in IDLE
    return counts


def chosen(ids: Tensor, mask: Tensor, counts: Tensor) -> Tensor:
    """Which of (n, L) tokens go into the bag: those that count, or, where a text has none, all that are there."""
    content = mask & counts[ids]
    return content | (mask & ~content.any(1, keepdim=True))


class ImageSide(nn.Module):
    """The image tower's middle, grid and pooled outputs to `token_embeddings` and `patch_embeddings`."""

    def __init__(self, reduce: Reduce, head: TokenHead) -> None:
        super().__init__()
        self.patches, self.summary, self.reduce, self.head = Patches(), ImageSummary(), reduce, head

    def forward(self, middle: Tensor, grid: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.reduce(self.patches(middle, grid))
        found, _ = self.head(fine, torch.ones_like(fine[:, :, 0], dtype=torch.bool), self.summary(middle, pooled))
        return torch.cat([found[:, :1], Patches.coarse(found[:, 1:])], 1), found[:, 1:]


class TextSide(nn.Module):
    """The text tower's outputs, with the ids it read, to `token_embeddings` and `token_mask`."""

    def __init__(self, head: TokenHead, counts: Tensor) -> None:
        super().__init__()
        self.summary, self.head = TextSummary(), head
        self.register_buffer("counts", counts)

    def forward(
        self, middle_tokens: Tensor, tokens: Tensor, sentence: Tensor, input_ids: Tensor, attention_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        there = chosen(input_ids, attention_mask > 0, self.counts)
        summary = self.summary(middle_tokens, attention_mask, sentence)
        found, mask = self.head(torch.cat([middle_tokens, tokens], 2), there, summary)
        return found, mask
