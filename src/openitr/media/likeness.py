"""A 63-bit hash that near-identical pictures share: the signs of the lowest frequencies.

The idea is pHash (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010): shrink to
32 x 32 grey, take the 8 x 8 lowest DCT coefficients, keep one bit each. Two changes are ours. The bit is the sign and
not "above the median", because a mirror image then differs by a fixed mask (a flip negates the odd horizontal
frequencies), so that mirrored copies are found without hashing twice. The constant term is left out, because its sign
is always the same; 63 bits fit a signed 64-bit column of any database.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from openitr.types import ImageArray

BITS = 63
_SIDE, _KEEP = 32, 8

# Orthonormal DCT-II: row k is the k-th frequency over 32 samples.
_DCT = np.array(
    [
        [math.cos(math.pi * k * (2 * x + 1) / (2 * _SIDE)) * math.sqrt(2 / _SIDE) for x in range(_SIDE)]
        for k in range(_KEEP)
    ],
    dtype=np.float32,
)
_DCT[0] /= math.sqrt(2)

_MIRROR = sum(1 << (BITS - 1 - i) for i in range(BITS) if ((i + 1) % _KEEP) % 2)


def perceptual_hash(array: ImageArray) -> int:
    """Hash of an (h, w, 3) uint8 picture: 0 <= hash < 2**63.

    A picture of one colour has no frequencies: all such pictures hash to 0, so that 0 says nothing about likeness.

    >>> noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    >>> hamming(perceptual_hash(noise), mirrored(perceptual_hash(noise[:, ::-1]))) <= 2
    True
    """
    picture = Image.fromarray(array)
    if min(picture.size) >= 4 * _SIDE:
        # Averaging by whole pixels first is several times faster and moves no bit that matters.
        picture = picture.reduce(min(picture.size) // (2 * _SIDE))
    grey = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    low = _DCT @ np.asarray(grey, np.float32) @ _DCT.T
    # A quarter of a grey level over the whole picture is the noise of rounding to 8 bits: no sign to speak of.
    bits = (low > 0.25).ravel()[1:]
    # The leading zero stands for the constant term: 63 bits in eight whole bytes.
    return int.from_bytes(np.packbits(np.concatenate(([False], bits))).tobytes(), "big")


def mirrored(value: int) -> int:
    """The hash that the same picture has when flipped left to right.

    Exact but for frequencies that the picture hardly has (their bit is 0 both ways): graphics with few frequencies
    are better flipped and hashed again.
    """
    return value ^ _MIRROR


def hamming(a: int, b: int) -> int:
    """In how many of 63 bits two hashes differ.

    >>> hamming(0b1010, 0b0110)
    2
    """
    return (a ^ b).bit_count()
