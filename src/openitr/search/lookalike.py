"""The perceptual signal: what pictures look like, in a 63-bit hash and a small colour layout.

The hash (:mod:`openitr.media.likeness`) says nothing about plain pictures, whose frequencies are noise, so
the contrast and the colours travel with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Ints
from openitr.media.likeness import mirrored, perceptual_hash
from openitr.types import ImageArray

_SIDE, _LAYOUT = 32, 8


@dataclass(frozen=True, eq=False)
class Looks:
    """How n pictures look.

    Args:
        hashes: (n,) int64, 63 bits each.
        contrast: (n,) standard deviation of a 32 x 32 grey thumbnail, 0..128; the hash of a plain picture
            is noise.
        layout: (n, 8, 8, 3) float32 mean colours, 0..255.
    """

    hashes: Ints
    contrast: npt.NDArray[np.float32]
    layout: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.hashes)

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Looks:
        return Looks(self.hashes[rows], self.contrast[rows], self.layout[rows])

    @classmethod
    def of(cls, pictures: Sequence[ImageArray]) -> Looks:
        """Look at (h, w, 3) uint8 RGB pictures of any size.

        >>> grey = np.full((40, 60, 3), 128, np.uint8)
        >>> Looks.of([grey]).contrast.round(3).tolist()
        [0.0]
        """
        from PIL import Image

        small = np.empty((len(pictures), _SIDE, _SIDE, 3), np.float32)
        hashes = np.empty(len(pictures), np.int64)
        for row, picture in enumerate(pictures):
            hashes[row] = perceptual_hash(picture)
            # Reducing first keeps the antialiased resize cheap for large pictures.
            shrunk = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
            small[row] = np.asarray(shrunk)
        grey = small @ np.array([0.299, 0.587, 0.114], np.float32)
        block = _SIDE // _LAYOUT
        layout = small.reshape(len(pictures), _LAYOUT, block, _LAYOUT, block, 3).mean(axis=(2, 4))
        return cls(hashes, grey.std(axis=(1, 2)), layout)

    def compare(self, a: Ints, b: Ints) -> tuple[Ints, npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """How rows ``a`` and ``b`` differ, the second one mirrored where that fits better.

        Returns:
            (m,) bits that differ, (m,) mean difference of the colour layouts in grey levels, (m,) whether
            mirrored.
        """
        flipped = np.array([mirrored(int(h)) for h in self.hashes[b]], np.int64)
        straight, turned = count_bits(self.hashes[a] ^ self.hashes[b]), count_bits(self.hashes[a] ^ flipped)
        mirror = turned + 4 < straight
        other = np.where(mirror[:, None, None, None], self.layout[b][:, :, ::-1], self.layout[b])
        gap = np.abs(self.layout[a] - other).mean(axis=(1, 2, 3), dtype=np.float32)
        return np.where(mirror, turned, straight), gap, mirror


def count_bits(values: Ints) -> Ints:
    """Set bits of each number.

    >>> count_bits(np.array([0, 7, 2**62], np.int64)).tolist()
    [0, 3, 1]
    """
    octets = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), 8)
    counts: Ints = np.unpackbits(octets, axis=1).sum(axis=1, dtype=np.int64)
    return counts
