"""Fewer tokens per item: tokens that say the same become one, and tokens that say little are left out.

Pooling: Clavié et al. 2024 (arXiv:2409.14683), who merge a bag's tokens by Ward's clustering and keep the means.
Pruning: the share of tokens that matter most, as FILIP (arXiv:2111.07783, section 3.1) keeps for its loss.
"""

from __future__ import annotations

import numpy as np

from openitr.embeddings import Floats, Ints, TokenEmbeddings
from openitr.errors import InputError, ShapeError

_CELLS = 8_000_000  # distances held at once, 64 MB


def pool_tokens(bags: TokenEmbeddings, most: int) -> TokenEmbeddings:
    """Merge the tokens of each bag, two at a time, until at most ``most`` are left.

    The two that are merged are those whose union raises the squared error least (Ward 1963); a merged token is the
    mean of its members, scaled to length 1. Bags that are small enough stay as they are.

    Args:
        bags: Of unit vectors.
        most: Tokens an item may keep, at least 1.

    Raises:
        InputError: ``most`` below 1.

    >>> bag = TokenEmbeddings(np.array([[1, 0], [0.8, 0.6], [0, -1]], np.float32), np.array([0, 3]))
    >>> (10 * pool_tokens(bag, 2).values).round().astype(int).tolist()
    [[9, 3], [0, -10]]
    """
    if most < 1:
        raise InputError(f"at most {most} tokens", "keep at least one")
    sizes = np.diff(bags.offsets)
    kept = np.minimum(sizes, most)
    offsets = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
    values = np.empty((offsets[-1], bags.dim), np.float32)
    small = sizes <= most
    values[_rows(offsets, small)] = bags.values[_rows(bags.offsets, small)]
    for size in np.unique(sizes[~small]):
        # Bags of one size are merged in step, so that each step is one array operation.
        same = np.flatnonzero(sizes == size)
        step = max(1, _CELLS // int(size * size))
        for at in range(0, len(same), step):
            some = same[at : at + step]
            tokens = bags.values[bags.offsets[some][:, None] + np.arange(size)]
            values[offsets[some][:, None] + np.arange(most)] = _ward(tokens, most)
    return TokenEmbeddings(values, offsets)


def _rows(offsets: Ints, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Ints:
    return np.flatnonzero(np.repeat(chosen, np.diff(offsets)))


def _ward(tokens: Floats, most: int) -> Floats:
    """(b, n, d) to (b, most, d), the clusters in the order of their first members."""
    many, size, _ = tokens.shape
    bag = np.arange(many)
    sums, count = tokens.astype(np.float64), np.ones((many, size))
    apart = ((tokens[:, :, None].astype(np.float64) - tokens[:, None]) ** 2).sum(-1) / 2
    apart[:, np.arange(size), np.arange(size)] = np.inf
    for _ in range(size - most):
        first, second = np.divmod(apart.reshape(many, -1).argmin(1), size)
        first, second = np.minimum(first, second), np.maximum(first, second)
        sums[bag, first] += sums[bag, second]
        count[bag, first] += count[bag, second]
        count[bag, second] = 0
        apart[bag, second], apart[bag, :, second] = np.inf, np.inf
        # What joining would cost: the product of sizes over their sum, times the squared distance of the means.
        means = sums / np.maximum(count, 1)[..., None]
        distance = ((means - means[bag, first][:, None]) ** 2).sum(-1)
        own = count[bag, first][:, None]
        cost = np.where(count > 0, distance * own * count / np.maximum(own + count, 1), np.inf)
        cost[bag, first] = np.inf
        apart[bag, first], apart[bag, :, first] = cost, cost
    left = np.argsort(count == 0, axis=1, kind="stable")[:, :most]
    merged = np.take_along_axis(sums, left[..., None], 1)
    unit: Floats = (merged / np.maximum(np.linalg.norm(merged, axis=2, keepdims=True), 1e-12)).astype(np.float32)
    return unit


def prune_tokens(bags: TokenEmbeddings, weights: Floats, share: float) -> TokenEmbeddings:
    """Keep the tokens of each bag that weigh most, in their order.

    Args:
        bags: Of any sizes.
        weights: (rows,) how much each token matters, such as its highest similarity to the words of many texts.
        share: Of each bag's tokens that stay, above 0 to 1; at least one does.

    Raises:
        ShapeError: Not one weight per token.
        InputError: A share outside its range.

    >>> bag = TokenEmbeddings(np.eye(3, dtype=np.float32), np.array([0, 3]))
    >>> prune_tokens(bag, np.array([0.1, 0.9, 0.5], np.float32), 0.6).values.argmax(1).tolist()
    [1, 2]
    """
    if weights.shape != (len(bags.values),):
        raise ShapeError(f"weights of shape {weights.shape} for {len(bags.values)} tokens", "give one per token")
    if not 0 < share <= 1:
        raise InputError(f"a share of {share}", "use a number above 0 and up to 1")
    sizes = np.diff(bags.offsets)
    kept = np.maximum(1, np.rint(sizes * share)).astype(np.int64)
    owner = np.repeat(np.arange(len(bags)), sizes)
    order = np.lexsort((-weights, owner))
    place = np.arange(len(order)) - np.repeat(bags.offsets[:-1], sizes)
    chosen = np.sort(order[place < np.repeat(kept, sizes)])
    return TokenEmbeddings(bags.values[chosen], np.concatenate([[0], np.cumsum(kept)]))
