"""Token vectors in some tens of bytes: the nearest of many centroids, and the rest at a few bits per dimension.

ColBERTv2's residual compression (Santhanam et al. 2022, arXiv:2112.01488, section 3.3), with one scale per dimension
and levels placed where the residuals lie (Lloyd 1982) in place of quantiles. Centroids are plain means, not brought to
length 1, and neither is what is read back: where all tokens of a cluster agree in a dimension nothing is left to round,
and an error in one dimension stays there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats
from openitr.errors import DamagedCollection, ShapeError

Codes = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.uint16]
BITS = (1, 2, 4, 8)
_BLOCK = 8192  # vectors met with all centroids at once
_ROUNDS = 6


@dataclass(frozen=True, eq=False)
class Codec:
    """How token vectors are rounded.

    Args:
        centroids: (c, d) float32 means of clusters, c at most 65,536; kept in half precision.
        scale: (d,) float32, the deviation of residuals in each dimension.
        levels: (2^bits,) float32 ascending, what a code stands for, in deviations.

    >>> rng = np.random.default_rng(0)
    >>> tokens = rng.standard_normal((4000, 16)).astype(np.float32)
    >>> tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    >>> codec = fit(tokens, bits=4, seed=0)
    >>> cells, codes = codec.encode(tokens)
    >>> codes.shape, bool((codec.decode(cells, codes) * tokens).sum(1).mean() > 0.99)
    ((4000, 8), True)
    """

    centroids: Floats
    scale: Floats
    levels: Floats

    @property
    def bits(self) -> int:
        """Bits of a dimension's code."""
        return len(self.levels).bit_length() - 1

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.centroids.shape[1])

    def encode(self, values: Floats) -> tuple[Cells, Codes]:
        """(n, d) unit vectors to (n,) centroids and (n, d * bits / 8) bytes."""
        cells = nearest(values, self.centroids)
        codes = np.empty((len(values), -(-self.dim * self.bits // 8)), np.uint8)
        edges = (self.levels[1:] + self.levels[:-1]) / 2
        for at in range(0, len(values), _BLOCK):
            part = slice(at, at + _BLOCK)
            rest = (values[part] - self.centroids[cells[part]]) / self.scale
            codes[part] = _packed(np.searchsorted(edges, rest).astype(np.uint8), self.bits)
        return cells, codes

    def decode(self, cells: Cells, codes: Codes) -> Floats:
        """Back to (n, d) float32 vectors near the ones that were encoded, of about their length."""
        found = np.take(self.unpacked, codes, axis=0).reshape(len(codes), -1)[:, : self.dim]
        found = found * self.scale
        found += self.centroids[cells]
        return found

    @cached_property
    def unpacked(self) -> Floats:
        """What each byte stands for: (256, 8 / bits) float32."""
        shifts = np.arange(0, 8, self.bits)
        found: Floats = self.levels[(np.arange(256)[:, None] >> shifts) & (len(self.levels) - 1)]
        return found

    def save(self, file: BinaryIO) -> None:
        """Write one ``.npz`` file, without pickle."""
        np.savez(file, centroids=self.centroids.astype(np.float16), scale=self.scale, levels=self.levels)

    @classmethod
    def open(cls, path: Path) -> Codec:
        """Read what :meth:`save` wrote; a :class:`DamagedCollection` where that is not possible."""
        try:
            with np.load(path, allow_pickle=False) as file:
                found = cls(*(np.asarray(file[name], np.float32) for name in ("centroids", "scale", "levels")))
        except Exception as error:  # np.load raises OSError, ValueError, KeyError, BadZipFile, EOFError, struct.error
            raise DamagedCollection(f"{path}: {error}", "build the index again") from error
        if found.centroids.ndim != 2 or found.scale.shape != (found.dim,) or found.bits not in BITS:
            raise DamagedCollection(f"{path}: its arrays do not fit together", "build the index again")
        return found


def fit(values: Floats, *, bits: int, seed: int, centroids: int | None = None) -> Codec:
    """Learn a codec from tokens.

    Args:
        values: (n, d) float32 unit vectors; of more than 32 per centroid a sample is used.
        bits: Per dimension: 1, 2, 4 or 8.
        seed: Of the sample and of where centroids start.
        centroids: How many; a power of two near ``4 sqrt(n)`` if None.

    Raises:
        ShapeError: Bits that do not divide a byte.
    """
    if bits not in BITS:
        raise ShapeError(f"{bits} bits a dimension", f"use one of {', '.join(map(str, BITS))}")
    rng = np.random.default_rng(seed)
    many = centroids or 1 << max(2, round(float(np.log2(4 * np.sqrt(max(len(values), 1))))))
    many = min(many, len(values), 1 << 16)
    sample = values[np.sort(rng.choice(len(values), min(len(values), 32 * many), replace=False))]
    # As they will be on disk, so that what is rounded now is read the same later.
    places = _means(sample, kmeans(sample, many, seed)).astype(np.float16).astype(np.float32)
    rest = sample - places[nearest(sample, places)]
    scale = np.maximum(rest.std(0), 1e-6).astype(np.float32)
    return Codec(places, scale, _levels((rest / scale).ravel()[: 1 << 20], 1 << bits))


def kmeans(values: Floats, many: int, seed: int, rounds: int = _ROUNDS) -> Floats:
    """Spherical k-means: (many, d) unit vectors; an empty cluster starts again at a random vector."""
    rng = np.random.default_rng(seed)
    centres = values[np.sort(rng.choice(len(values), many, replace=False))].astype(np.float32)
    for _ in range(rounds):
        cells = nearest(values, centres)
        order = np.argsort(cells, kind="stable")
        counts = np.bincount(cells, minlength=many)
        filled = np.flatnonzero(counts)
        starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
        centres[filled] = np.add.reduceat(values[order], starts[filled], axis=0)
        empty = np.flatnonzero(counts == 0)
        centres[empty] = values[rng.choice(len(values), len(empty))]
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    return centres


def nearest(values: Floats, centroids: Floats) -> Cells:
    """The centroid at the least distance from each row: (n,) uint16."""
    found = np.empty(len(values), np.uint16)
    half = np.einsum("cd,cd->c", centroids, centroids) / 2
    for at in range(0, len(values), _BLOCK):
        found[at : at + _BLOCK] = (values[at : at + _BLOCK] @ centroids.T - half).argmax(1)
    return found


def _means(values: Floats, centres: Floats) -> Floats:
    """The mean of each cluster, after a last round; a centre that nothing is nearest to stays."""
    cells = nearest(values, centres)
    counts = np.bincount(cells, minlength=len(centres))
    filled = np.flatnonzero(counts)
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    found = centres.copy()
    sums = np.add.reduceat(values[np.argsort(cells, kind="stable")], starts[filled], axis=0)
    found[filled] = sums / counts[filled, None]
    return found


def _levels(values: Floats, many: int) -> Floats:
    """Levels that err least on these numbers: quantiles, then Lloyd's rounds."""
    ordered = np.sort(values)
    levels = np.quantile(ordered, (np.arange(many) + 0.5) / many)
    sums = np.concatenate([[0.0], np.cumsum(ordered, dtype=np.float64)])
    for _ in range(20):
        cuts = np.concatenate([[0], np.searchsorted(ordered, (levels[1:] + levels[:-1]) / 2), [len(ordered)]])
        size = np.diff(cuts)
        levels = np.where(size > 0, np.diff(sums[cuts]) / np.maximum(size, 1), levels)
    return np.sort(levels).astype(np.float32)


def _packed(codes: npt.NDArray[Any], bits: int) -> Codes:
    """(n, d) small numbers to bytes, the first dimension in the lowest bits; d is filled up with zeros."""
    each = 8 // bits
    filled = np.pad(codes, ((0, 0), (0, -codes.shape[1] % each))).reshape(len(codes), -1, each)
    found: Codes = np.bitwise_or.reduce(filled << np.arange(0, 8, bits, dtype=np.uint8), axis=2).astype(np.uint8)
    return found
