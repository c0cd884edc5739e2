# mypy: disallow-subclassing-any=False
"""One causal transformer that reads pictures and sentences in a row, writes on, and says in a vector what it read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.models.blocks import Block
from openitr.models.tokenizer import END, MASK, PAD, WordTokenizer


@dataclass(frozen=True, eq=False)
class Rows:
    """Sequences in a rectangle.

    Args:
        ids: (n, L) int64 words; MASK where a picture stands, END at the end, PAD after it.
        pictures: (n, L, d), zeros where no picture stands.
    """

    ids: Tensor
    pictures: Tensor


def pack(sequences: Sequence[Sequence[str | Tensor]], tokenizer: WordTokenizer, width: int) -> Rows:
    """Slices in a row, each a sentence or the (width,) features of a picture, and the end.

    >>> rows = pack([["a dog", torch.ones(2)]], WordTokenizer.fit(["a dog"]), 2)
    >>> rows.ids.tolist(), rows.pictures[0, 2].tolist()
    ([[5, 6, 4, 3]], [1.0, 1.0])
    """
    found: list[tuple[list[int], dict[int, Tensor]]] = []
    for slices in sequences:
        ids, pictures = list[int](), dict[int, Tensor]()
        for one in slices:
            if isinstance(one, str):
                ids += [number for number in tokenizer.encode([one])[0].tolist() if number > MASK or number == 1]
            else:
                pictures[len(ids)] = one
                ids.append(MASK)
        found.append(([*ids, END], pictures))
    longest = max(len(ids) for ids, _ in found)
    made = Rows(torch.full((len(found), longest), PAD), torch.zeros(len(found), longest, width))
    for row, (ids, pictures) in enumerate(found):
        made.ids[row, : len(ids)] = torch.tensor(ids)
        for at, features in pictures.items():
            made.pictures[row, at] = features
    return made


class Interleaved(nn.Module):
    """A small decoder over words and pictures; the state of the end is the vector of the whole sequence.

    Args:
        vocab: Number of ids.
        features: Width of the pictures' features.
        length: Longest sequence.
        width, depth, heads: Of the transformer.

    References:
        Mixed sequences in one model that writes and embeds: Sugar, Chow et al. 2024, arXiv:2411.00304; its size is
        ours.

    >>> model = Interleaved(9, 2, length=6, width=8, depth=1, heads=2)
    >>> vectors, logits = model(Rows(torch.tensor([[5, 6, 4, 3]]), torch.zeros(1, 4, 2)))
    >>> vectors.shape, logits.shape
    (torch.Size([1, 8]), torch.Size([1, 4, 9]))
    """

    def __init__(
        self, vocab: int, features: int, *, length: int = 32, width: int = 64, depth: int = 2, heads: int = 4
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocab, width)
        nn.init.normal_(self.words.weight, std=0.02)
        self.look = nn.Linear(features, width)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads, causal=True) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.write = nn.Linear(width, vocab)

    def forward(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Unit vectors (n, width), and what is expected after each position (n, L, vocab)."""
        states = self.run(self.embed(rows), rows.ids != PAD)
        end = (rows.ids == END).int().argmax(1)
        return F.normalize(states[torch.arange(len(end)), end], dim=1), self.write(states)

    def embed(self, rows: Rows) -> Tensor:
        """(n, L, width): words and pictures before anything is mixed, without positions."""
        return torch.where((rows.ids == MASK).unsqueeze(-1), self.look(rows.pictures), self.words(rows.ids))

    def run(self, embedded: Tensor, real: Tensor) -> Tensor:
        """What :meth:`embed` gives, or anything in its place (n, L, width), to states; (n, L) bool, False: padding."""
        states = embedded + self.positions[: embedded.shape[1]]
        for block in self.blocks:
            states = block(states, real)
        return self.norm(states)

    def surprise(self, rows: Rows, logits: Tensor) -> Tensor:
        """Cross-entropy of each word after what stands before it, mean over the words; pictures are not written."""
        after = rows.ids[:, 1:]
        real = (after != PAD) & (after != MASK)
        return F.cross_entropy(logits[:, :-1][real], after[real])
