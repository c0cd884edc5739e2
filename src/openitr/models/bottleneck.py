# mypy: disallow-subclassing-any=False
"""The lexicon bottleneck: a weak reader must fill in a caption's hidden words, told nothing but a bag of words."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import ShapeError
from openitr.models.blocks import Block


class Bottleneck(nn.Module):
    """What a head says of an item, squeezed through the words themselves, is all that a shallow reader gets.

    ``a = softmax(H)``, ``b = a E`` with the word embeddings E frozen; b stands before the caption, half of whose words
    are hidden, in the place of BERT's class token, and the reader's masked-language-model loss is returned (LexLIP
    2023, section 3.2). Whatever the reader knows of a caption has come through weights over words. It does not follow
    that a column goes on meaning its word: a reader that learns can learn another code (measured in its test).
    :func:`openitr.objectives.naming` asks for the names themselves.

    Args:
        embeddings: (V, e) vectors of the words; kept as they are.
        depth: Blocks of the reader; LexLIP uses a third of BERT's. Weak on purpose.
        heads: Of its attention.
        length: Longest caption, words.

    >>> reader = Bottleneck(torch.randn(30, 8), heads=2, length=6)
    >>> ids = torch.tensor([[4, 7, 9, -1]])
    >>> reader(torch.randn(1, 30), ids, torch.tensor([[True, False, False, False]])).ndim
    0
    """

    def __init__(self, embeddings: Tensor, *, depth: int = 1, heads: int = 6, length: int = 32) -> None:
        super().__init__()
        width = embeddings.shape[1]
        self.register_buffer("words", F.normalize(embeddings.float(), dim=1) * width**0.5)
        self.places = nn.Parameter(torch.randn(length + 1, width) * 0.02)
        self.hidden = nn.Parameter(torch.zeros(width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(len(embeddings)))

    def squeeze(self, logits: Tensor) -> Tensor:
        """(n, V) logits to the mean of the words' embeddings under their softmax: (n, e)."""
        return logits.softmax(-1) @ self.words

    def forward(self, logits: Tensor, ids: Tensor, hidden: Tensor) -> Tensor:
        """Mean cross-entropy of the hidden words.

        Args:
            logits: (n, V) of a head, one row per caption.
            ids: (n, L) int64, columns of the vocabulary, -1 where there is no word.
            hidden: (n, L) bool, true for words that the reader must fill in.

        Raises:
            ShapeError: A caption longer than the reader reads.
        """
        if ids.shape[1] >= len(self.places):
            raise ShapeError(
                f"captions of {ids.shape[1]} words for a reader of {len(self.places) - 1}", "cut them or raise length"
            )
        there = ids >= 0
        read = self.words[ids.clamp(min=0)].masked_fill((hidden & there).unsqueeze(-1), 0.0)
        read = read + self.hidden * (hidden & there).unsqueeze(-1)
        states = torch.cat([self.squeeze(logits).unsqueeze(1), read], 1) + self.places[: ids.shape[1] + 1]
        mask = F.pad(there, (1, 0), value=True)
        for block in self.blocks:
            states = block(states, mask)
        asked = self.norm(states[:, 1:])[hidden & there]
        guessed = asked @ self.words.T / self.words.shape[1] ** 0.5 + self.bias
        wanted = ids[hidden & there]
        return F.cross_entropy(guessed, wanted) if len(wanted) else logits.sum() * 0.0
