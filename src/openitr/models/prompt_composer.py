# mypy: disallow-subclassing-any=False
"""SPRC: a reference picture and an edit become a soft sentence in front of the edit, which is then read as text."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.models.blocks import Block
from openitr.models.tower import masked_mean


class QueryFormer(nn.Module):
    """Learned queries that read a picture's tokens and a text: a small Q-Former (Li et al. 2023, arXiv:2301.12597).

    Queries and words attend to each other; the picture's tokens are looked at by cross-attention.

    Args:
        vocab: Number of ids; id 0 is padding.
        seen: Width of the picture's tokens.
        width, depth, heads: Of the transformer.
        queries: How many.
        length: Longest text, ids.

    >>> former = QueryFormer(50, 16, width=32, depth=1, queries=4)
    >>> former(torch.randn(3, 9, 16), torch.ones(3, 5, dtype=torch.int64)).shape
    torch.Size([3, 9, 32])
    """

    def __init__(
        self,
        vocab: int,
        seen: int,
        *,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        queries: int = 8,
        length: int = 32,
    ) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(queries, width) * 0.02)
        self.words = nn.Embedding(vocab, width)
        nn.init.normal_(self.words.weight, std=0.02)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads, memory_width=seen) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, picture: Tensor | None, ids: Tensor | None = None, prompt: Tensor | None = None) -> Tensor:
        """States of the queries, then of the words.

        Args:
            picture: (n, P, seen); None leaves the cross-attention at rest.
            ids: (n, L) int64; None for queries alone.
            prompt: (n, Q, width) in the place of the learned queries.
        """
        given = picture if picture is not None else ids if ids is not None else prompt
        assert given is not None
        states = self.queries.expand(len(given), -1, -1) if prompt is None else prompt
        mask = torch.ones(states.shape[:2], dtype=torch.bool, device=states.device)
        if ids is not None:
            states = torch.cat([states, self.words(ids) + self.positions[: ids.shape[1]]], 1)
            mask = torch.cat([mask, ids != 0], 1)
        for block in self.blocks:
            states = block(states, mask, picture)
        normed: Tensor = self.norm(states)
        return normed


class SentencePromptComposer(nn.Module):
    """Sentence-level prompts for composed retrieval.

    P = QFormer(queries, edit, reference tokens); u = norm(W_t text(P, edit)); a picture is Q unit vectors
    Z = norm(W_v QFormer(queries, its tokens)), and the score is max_k u . Z_k.

    Args:
        vocab: Number of ids of the edits.
        seen: Width of the pictures' tokens, which come from a frozen tower.
        dim: Of the common space.
        queries: Of the Q-Former; the paper has 32.
        width, depth: Of its transformer.
        align, prompt: Weights of the alignment loss and of the loss that trains the image-free prompt; 0.4 both.

    References:
        Bai et al. 2023, SPRC, arXiv:2310.05473; losses and weights as in the authors' code.

    >>> composer = SentencePromptComposer(50, 16, dim=8, queries=4, width=32, depth=1)
    >>> ids = torch.ones(3, 5, dtype=torch.int64)
    >>> composer.score(composer.compose(torch.randn(3, 9, 16), ids), composer.targets(torch.randn(2, 9, 16))).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        vocab: int,
        seen: int,
        *,
        dim: int = 64,
        queries: int = 8,
        width: int = 64,
        depth: int = 2,
        align: float = 0.4,
        prompt: float = 0.4,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"vocab": vocab, "seen": seen, "dim": dim, "queries": queries}
        self.former = QueryFormer(vocab, seen, width=width, depth=depth, queries=queries)
        self.free = nn.Parameter(torch.randn(queries, width) * 0.02)
        self.text_head, self.vision_head = nn.Linear(width, dim), nn.Linear(width, dim)
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        self.count, self.align, self.prompt = queries, align, prompt

    def prompts(self, reference: Tensor, ids: Tensor) -> Tensor:
        """(n, Q, width) soft sentences of references (n, P, seen) under edits (n, L)."""
        return self.former(reference, ids)[:, : self.count]

    def read(self, prompt: Tensor, ids: Tensor) -> Tensor:
        """(n, dim) unit vectors of a prompt (n, Q, width) followed by an edit, read as text without any picture."""
        states = self.former(None, ids, prompt)[:, self.count :]
        return F.normalize(self.text_head(masked_mean(states, ids != 0)), dim=-1)

    def compose(self, reference: Tensor, ids: Tensor) -> Tensor:
        """(n, dim) unit query vectors."""
        return self.read(self.prompts(reference, ids), ids)

    def targets(self, tokens: Tensor) -> Tensor:
        """(m, Q, dim) unit vectors of pictures."""
        return F.normalize(self.vision_head(self.former(tokens)), dim=-1)

    @staticmethod
    def score(queries: Tensor, targets: Tensor) -> Tensor:
        """(n, m): of each target the best of its Q vectors."""
        return torch.einsum("nd,mqd->nmq", queries, targets).amax(-1)

    def loss(self, reference: Tensor, ids: Tensor, target: Tensor) -> Tensor:
        """L_c + align L_align + prompt L_rtc over a batch of triplets.

        L_align = MSE(mean_k P, sg(mean_k P0)) pulls the prompts to the image-free one and sends it no gradient;
        L_rtc trains that one to find the targets from the edit alone.
        """
        scale, right = self.log_scale.exp().clamp(max=100), torch.arange(len(ids), device=ids.device)
        wanted, prompt = self.targets(target), self.prompts(reference, ids)
        contrast = F.cross_entropy(scale * self.score(self.read(prompt, ids), wanted), right)
        total = contrast + self.align * self.alignment(prompt)
        if self.prompt:
            free = self.free.expand(len(ids), -1, -1)
            total = total + self.prompt * F.cross_entropy(scale * self.score(self.read(free, ids), wanted), right)
        return total

    def alignment(self, prompt: Tensor) -> Tensor:
        """Mean squared difference between the mean prompt (n, Q, width) and the image-free one's, which stays put."""
        return F.mse_loss(prompt.mean(1), self.free.mean(0).detach().expand(len(prompt), -1))
