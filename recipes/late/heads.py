"""What is trained: two token heads, a reduction of patch features, and which words go into a bag."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.models.token_head import Patches, TokenHead
from openitr.train.frozen import ImageSummary, TextSummary

from .whole import PARTS, Whole

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


class Places(nn.Module):
    """(n, 25, f) patches of a 5 x 5 grid to (n, 16, f): each four that meet, averaged."""

    def forward(self, patches: Tensor) -> Tensor:
        maps = patches.transpose(1, 2).unflatten(2, (5, 5))
        return F.avg_pool2d(maps, 2, 1).flatten(2).transpose(1, 2)


class ImageSide(nn.Module):
    """The image tower's middle, grid and pooled outputs and the default model's `embedding` to `token_embeddings` and
    `patch_embeddings`.
    """

    def __init__(self, reduce: Reduce, head: TokenHead, whole: Whole) -> None:
        super().__init__()
        self.patches, self.summary, self.places = Patches(), ImageSummary(), Places()
        self.reduce, self.head, self.whole = reduce, head, whole

    def forward(self, middle: Tensor, grid: Tensor, pooled: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.reduce(self.patches(middle, grid))
        summary = self.summary(middle, pooled)
        # The 16 places are means of what the tower says, the fine ones, which words point at, stand for themselves.
        local = [self.local(x, summary) for x in (self.places(Patches.coarse(fine)), fine)]
        tokens = torch.cat([self.whole.parts(embedding), self.whole.addressed(local[0], self.whole.seen)], 1)
        return tokens, self.whole.pointed(local[1])

    def local(self, features: Tensor, summary: Tensor) -> Tensor:
        found, _ = self.head(features, torch.ones_like(features[:, :, 0], dtype=torch.bool), summary)
        return found[:, 1:]


class TextSide(nn.Module):
    """The text tower's outputs, the ids it read and the default model's `embedding` to `token_embeddings` and
    `token_mask`.
    """

    def __init__(self, head: TokenHead, counts: Tensor, whole: Whole) -> None:
        super().__init__()
        self.summary, self.head, self.whole = TextSummary(), head, whole
        self.register_buffer("counts", counts)

    def forward(
        self,
        middle_tokens: Tensor,
        tokens: Tensor,
        sentence: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        embedding: Tensor,
    ) -> tuple[Tensor, Tensor]:
        there = chosen(input_ids, attention_mask > 0, self.counts)
        summary = self.summary(middle_tokens, attention_mask, sentence)
        found, mask = self.head(torch.cat([middle_tokens, tokens], 2), there, summary)
        parts = self.whole.parts(embedding)
        joined = torch.cat([parts, self.whole.addressed(found[:, 1:], self.whole.said)], 1)
        return joined, torch.cat([mask[:, :1].repeat(1, PARTS), mask[:, 1:]], 1)
