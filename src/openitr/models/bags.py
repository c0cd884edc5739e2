# mypy: disallow-subclassing-any=False
"""Text towers without attention: bag of words, hashed n-grams, windows of words.

The three text channels of "Deep learning for image-text matching" (2015); widths and hash are ours. They are
baselines that train in seconds, and the first one is the yardstick of every claim about word order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError
from openitr.models.tower import Encoded, masked_max, masked_mean

_PRIMES = 1_000_003, 8_191, 131_071


def _real(ids: Tensor | None, mask: Tensor | None, tokens: Tensor) -> Tensor:
    """(n, L) bool: the mask that was given, else the ids that are not padding, else everything."""
    if mask is not None:
        return mask.bool()
    return torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device) if ids is None else ids != 0


class BagOfWords(nn.Module):
    """The mean of word vectors through a two-layer net: which words there are, not their order.

    Args:
        vocab: Number of ids; id 0 is padding.
        width: Of the state.

    >>> tower = BagOfWords(50).eval()
    >>> one, other = tower(torch.tensor([[7, 9, 3]])).pooled, tower(torch.tensor([[3, 7, 9]])).pooled
    >>> torch.allclose(one, other, atol=1e-6)
    True
    """

    def __init__(self, vocab: int, *, width: int = 128) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"vocab": vocab, "width": width}
        self.width = width
        self.words = nn.Embedding(vocab, width)
        self.net = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def embed(self, ids: Tensor) -> Tensor:
        """(n, L) int64 to word vectors (n, L, width)."""
        return self.words(ids)

    def forward(
        self, ids: Tensor | None = None, *, mask: Tensor | None = None, tokens: Tensor | None = None
    ) -> Encoded:
        """Ids (n, L), or word vectors (n, L, width), to states."""
        tokens = self.embed(ids) if tokens is None else tokens
        mask = _real(ids, mask, tokens)
        mean = masked_mean(tokens, mask)
        return Encoded(mean + self.net(mean), tokens, mask)


class Ngrams(nn.Module):
    """Words and their hashed n-grams, as a bag: order counts inside a window.

    It reads ids alone: n-grams are looked up, so there is no way in for word vectors.

    Args:
        vocab: Number of ids; id 0 is padding.
        width: Of the state.
        orders: Lengths of the n-grams beside the single words, 2 to 3.
        skip: Also pairs with one word between them.
        buckets: Rows of the hash table; n-grams that meet in one share a vector.

    >>> Ngrams(50)(torch.tensor([[7, 9, 3]])).pooled.shape
    torch.Size([1, 128])
    """

    def __init__(
        self, vocab: int, *, width: int = 128, orders: Sequence[int] = (2, 3), skip: bool = True, buckets: int = 8192
    ) -> None:
        super().__init__()
        if not set(orders) <= {2, 3}:
            raise InputError(f"n-grams of {sorted(orders)} words are not counted, only of 2 and 3", "use 2, 3 or both")
        self.config: dict[str, Any] = {
            "vocab": vocab,
            "width": width,
            "orders": list(orders),
            "skip": skip,
            "buckets": buckets,
        }
        self.width, self.buckets = width, buckets
        self.offsets = [tuple(range(order)) for order in orders] + ([(0, 2)] if skip else [])
        self.words = BagOfWords(vocab, width=width)
        self.grams = nn.Embedding(buckets, width)

    def forward(self, ids: Tensor, *, mask: Tensor | None = None) -> Encoded:
        """Ids (n, L) to states."""
        seen = self.words(ids, mask=mask)
        mask = seen.mask
        reach = max((max(offsets) for offsets in self.offsets), default=0)
        ids, real = F.pad(ids, (0, reach)), F.pad(mask, (0, reach))
        count, total = torch.zeros_like(seen.pooled[:, :1]), torch.zeros_like(seen.pooled)
        for kind, offsets in enumerate(self.offsets):
            size = ids.shape[1] - reach
            parts = [ids[:, offset : offset + size] for offset in offsets]
            there = torch.stack([real[:, offset : offset + size] for offset in offsets]).all(0)
            rows = sum((p * prime for p, prime in zip(parts, _PRIMES, strict=False)), start=kind * 977) % self.buckets
            weights = there.to(total.dtype).unsqueeze(-1)
            total = total + (self.grams(rows) * weights).sum(1)
            count = count + weights.sum(1)
        return Encoded(seen.pooled + total / count.clamp(min=1), seen.tokens, mask)


class Windows(nn.Module):
    """Each window of words to a vector, pooled over the text (the thesis' supervised sequence embedding).

    Args:
        vocab: Number of ids; id 0 is padding.
        width: Of the state.
        window: Words seen together.

    >>> Windows(50, window=3)(torch.tensor([[7, 9, 3, 0]])).pooled.shape
    torch.Size([1, 128])
    """

    def __init__(self, vocab: int, *, width: int = 128, window: int = 3) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"vocab": vocab, "width": width, "window": window}
        self.width, self.window = width, window
        self.words = nn.Embedding(vocab, width)
        self.join = nn.Linear(window * width, width)
        self.out = nn.Linear(width, width)

    def embed(self, ids: Tensor) -> Tensor:
        """(n, L) int64 to word vectors (n, L, width)."""
        return self.words(ids)

    def forward(
        self, ids: Tensor | None = None, *, mask: Tensor | None = None, tokens: Tensor | None = None
    ) -> Encoded:
        """Ids (n, L), or word vectors (n, L, width), to states; the window at word j begins there."""
        tokens = self.embed(ids) if tokens is None else tokens
        mask = _real(ids, mask, tokens)
        length = tokens.shape[1]
        padded = F.pad(tokens * mask.unsqueeze(-1), (0, 0, 0, self.window - 1))
        windows = torch.cat([padded[:, at : at + length] for at in range(self.window)], -1)
        states = torch.tanh(self.join(windows))
        return Encoded(self.out(masked_max(states, mask)), states, mask)
