"""The linear part: regularised canonical correlation of pictures and captions, in closed form.

Canonical correlation analysis (Hotelling 1936; for pictures and sentences Klein et al. 2015, arXiv:1411.7399) finds the
directions in which a picture and its captions vary together, here with a ridge on either side, each direction counted
by a power of its correlation (Gong et al. 2014, arXiv:1212.4522). It has no seed, takes a minute, and errs elsewhere
than the trained nets do: side by side they are better than either. Texts add which of the frequent tokens they hold.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .features import LENGTH, load_tokenizer

DIM = 192
RIDGES = (1.0, 1.0)  # of pictures and texts, in mean variances
POWER = 0.7
WORDS, WORD_SHARE = 1500, 1.5  # tokens that are looked for, and how much they weigh beside the other features


def token_ids(texts: list[str]) -> list[list[int]]:
    """As a reader of the model folder sees them."""
    return [
        e.ids[: LENGTH - 1] + e.ids[-1:] if len(e.ids) > LENGTH else e.ids for e in load_tokenizer().encode_batch(texts)
    ]


def frequent(ids: list[list[int]]) -> Tensor:
    """The tokens that most texts hold, those in half of them or more left out."""
    count = Counter(token for one in ids for token in set(one))
    return torch.tensor(sorted(t for t, many in count.most_common(WORDS) if many < len(ids) / 2))


def presence(ids: Tensor, mask: Tensor, words: Tensor) -> Tensor:
    """(n, length) token ids and their mask to (n, words): 1 where a text holds the token."""
    here = (ids.unsqueeze(2) == words) & (mask.unsqueeze(2) > 0)
    return here.float().amax(1)


def presence_of(ids: list[list[int]], words: Tensor) -> Tensor:
    """:func:`presence` of texts of any length."""
    place = {int(w): i for i, w in enumerate(words)}
    out = torch.zeros(len(ids), len(words))
    for row, one in enumerate(ids):
        out[row, [place[t] for t in set(one) if t in place]] = 1.0
    return out


class Line(nn.Module):
    """Standardise, clip, one linear map; a unit vector comes out."""

    def __init__(self, mean: Tensor, std: Tensor, limit: Tensor, dim: int = DIM) -> None:
        super().__init__()
        for name, value in (("mean", mean), ("std", std), ("limit", limit), ("map", torch.zeros(len(mean), dim))):
            self.register_buffer(name, value)

    def standard(self, x: Tensor) -> Tensor:
        return torch.maximum(torch.minimum((x - self.mean) / self.std, self.limit), -self.limit)

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.standard(x) @ self.map, dim=1)


@dataclass
class Lines:
    """Both sides, and the tokens that the text side looks for."""

    image: Line
    text: Line
    words: Tensor


def _side(x: Tensor, words: Tensor | None = None) -> Line:
    mean, std, limit = x.mean(0), x.std(0).clamp(min=1e-3), torch.full((x.shape[1],), 6.0)
    if words is not None:
        # The square root keeps rare words from counting as much as frequent ones; clipping them would undo that.
        spread = words.std(0).clamp(min=1e-3).sqrt()
        mean, limit = torch.cat([mean, words.mean(0)]), torch.cat([limit, torch.full((words.shape[1],), 1e4)])
        std = torch.cat([std, spread * spread.mean().sqrt() / WORD_SHARE])
    return Line(mean, std, limit)


def _whitener(covariance: Tensor, ridge: float) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * (values.clamp(min=0) + ridge * values.mean()).rsqrt()


def fit(views: list[Tensor], texts: Tensor, held: Tensor, owner: np.ndarray, words: Tensor) -> Lines:
    """From views of the same pictures, and their texts with the tokens they hold; text j is of picture `owner[j]`."""
    image, text = _side(views[0]), _side(texts, held)
    a = torch.cat([image.standard(view) for view in views])
    b = text.standard(torch.cat([texts, held], 1))
    many = torch.from_numpy(np.bincount(owner, minlength=len(views[0]))).unsqueeze(1)
    of_picture = torch.zeros(len(views[0]), b.shape[1]).index_add_(0, torch.from_numpy(owner), b) / many
    left = _whitener(a.T @ a / len(a), RIDGES[0])
    right = _whitener(b.T @ b / len(b), RIDGES[1])
    across = a.T @ of_picture.repeat(len(views), 1) / len(a)
    whitened = left.T @ across @ right
    squares, v = torch.linalg.eigh(whitened.T @ whitened)
    squares, v = squares[-DIM:].flip(0), v[:, -DIM:].flip(1)
    correlation = squares.clamp(min=1e-12).sqrt()
    weight = correlation**POWER
    image.map, text.map = left @ (whitened @ v / correlation) * weight, right @ v * weight
    return Lines(image, text, words)
