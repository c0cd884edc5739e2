"""The tower: a table of pieces of words, summed, and a small net into the default model's space.

A text is the sum of its pieces' rows (fastText's bag; Bojanowski et al. 2017, arXiv:1607.04606), scaled by the root of
how many they are, normalised, and mapped by a straight line and one hidden layer beside it. A second output says how
English the text looks: those texts belong to the default model's own tower.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.encoders.grams import grams, in_order, pieces, words

Words = list[np.ndarray]

WIDTH, HIDDEN = 96, 512
SEEN = 20  # pieces in fewer training texts are left out, except whole words of names and of the dictionaries
PAIRS = 40  # the same for two words in a row
_SPACED = re.compile(r"\w+ \w+")


def vocabulary(texts: Iterable[str], always: Iterable[str]) -> list[str]:
    """Pieces that at least `SEEN` of the texts hold, pairs that `PAIRS` do, and the whole words of `always`; sorted."""
    count = Counter(piece for text in texts for piece in set(grams(text)))
    found = {piece for piece, many in count.items() if many >= (PAIRS if _SPACED.fullmatch(piece) else SEEN)}
    return sorted(found | {pieces(word)[0] for text in always for word in words(text)})


class Read:
    """Texts as rows of the table, word by word; a word and a pair are looked up once."""

    def __init__(self, known: Sequence[str]) -> None:
        self.place = {piece: i for i, piece in enumerate(known)}
        self.found: dict[tuple[str, str], np.ndarray] = {}

    def text(self, text: str) -> Words:
        said = words(text)
        return [self._rows(*each) for each in zip(said, ["", *said], in_order(said), strict=False)]

    def _rows(self, word: str, before: str, given: list[str]) -> np.ndarray:
        if (word, before) not in self.found:
            self.found[word, before] = np.array([self.place[p] for p in given if p in self.place], np.int64)
        return self.found[word, before]


@dataclass
class Texts:
    """Texts as rows of pieces, the row of the target of each, and whether it is English."""

    words: list[Words]
    row: np.ndarray
    english: np.ndarray

    def some(self, which: np.ndarray) -> list[Words]:
        return [self.words[i] for i in which]


def flat(texts: Sequence[Sequence[np.ndarray]], keep: float = 1.0, rng: np.random.Generator | None = None) -> tuple:
    """Rows end to end, where each text begins, and the weight of each row. A share of the rows may be left out."""
    each = [np.concatenate(t) if len(t) else np.zeros(0, np.int64) for t in texts]
    if rng is not None and keep < 1:
        each = [rows[rng.random(len(rows)) < keep] if len(rows) > 4 else rows for rows in each]
    sizes = np.array([len(rows) for rows in each])
    weight = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
    starts = np.concatenate([[0], sizes.cumsum()[:-1]])
    return torch.from_numpy(np.concatenate(each)), torch.from_numpy(starts), torch.from_numpy(weight)


class Bag(nn.Module):
    """Rows of pieces to a unit vector of `dim` numbers and the logit of being English."""

    def __init__(self, many: int, dim: int) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(many, WIDTH, mode="sum")
        nn.init.normal_(self.table.weight, std=0.1)
        self.norm = nn.LayerNorm(WIDTH)
        self.line, self.up, self.down = nn.Linear(WIDTH, dim), nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, dim)
        nn.init.zeros_(self.down.weight)
        self.english = nn.Linear(WIDTH, 1)

    def summed(self, rows: Tensor, starts: Tensor, weight: Tensor) -> Tensor:
        return self.norm(self.table(rows, starts, per_sample_weights=weight))

    def vector(self, summed: Tensor, dropout: float = 0.0) -> Tensor:
        hidden = F.dropout(F.gelu(self.up(summed)), dropout, self.training)
        return F.normalize(self.line(summed) + self.down(hidden), dim=1)

    def embed(self, texts: Sequence[Sequence[np.ndarray]]) -> tuple[Tensor, Tensor]:
        """Vectors and how English each text is, from 0 to 1, outside training."""
        self.eval()
        found = []
        with torch.inference_mode():
            for start in range(0, len(texts), 1024):
                summed = self.summed(*flat(texts[start : start + 1024]))
                found.append((self.vector(summed), torch.sigmoid(self.english(summed)[:, 0])))
        return torch.cat([v for v, _ in found]), torch.cat([e for _, e in found])
