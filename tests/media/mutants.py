"""Damaged files made from good ones, the same for the same seed: food for the reliability runs.

    from tests.media.mutants import write_mutants
    paths = write_mutants(sources, folder, count=1000, seed=7)

Every file has a picture's extension, so that each must come out either decoded or reported.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

from openitr.media.formats import EXTENSIONS

Mutation = Callable[[bytes, random.Random], bytes]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """1 to 64 flipped bits anywhere."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def flip_header(data: bytes, rng: random.Random) -> bytes:
    """Bytes overwritten where sizes, tables and tags live."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        damaged[rng.randrange(min(len(damaged), 200))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(damaged)


def truncate(data: bytes, rng: random.Random) -> bytes:
    """Cut anywhere, to nothing too."""
    return data[: rng.randrange(len(data))]


def zero_tail(data: bytes, rng: random.Random) -> bytes:
    """What a download leaves that reserved its space: the rest is zeros."""
    keep = rng.randrange(len(data))
    return data[:keep] + bytes(len(data) - keep)


def huge_header(data: bytes, rng: random.Random) -> bytes:
    """Sizes in the header made absurd, where the format keeps them at a known place."""
    big = rng.choice((0, 0xFFFF, 60_000, 30_000))
    damaged = bytearray(data)
    if data.startswith(b"\x89PNG"):
        damaged[16:24] = struct.pack(">II", rng.choice((big, 2**31 - 1)), big)
    elif data.startswith(b"GIF8"):
        damaged[6:10] = struct.pack("<HH", big & 0xFFFF, big & 0xFFFF)
    elif data.startswith(b"BM"):
        damaged[18:26] = struct.pack("<ii", big, rng.choice((big, -big, 2**31 - 1)))
    elif data.startswith(b"\xff\xd8"):
        for marker in (b"\xff\xc0", b"\xff\xc2"):
            at = data.find(marker)
            if at > 0:
                damaged[at + 5 : at + 9] = struct.pack(">HH", big & 0xFFFF, big & 0xFFFF)
    elif data[8:12] == b"WEBP":
        damaged[12:16] = rng.choice((b"VP8X", b"VP8L", b"VP8 "))
        damaged[24:30] = b"\xff" * 6
    else:
        return flip_header(data, rng)
    return bytes(damaged)


def garbage(data: bytes, rng: random.Random) -> bytes:
    """Noise behind a good first line, or nothing but noise."""
    return data[: rng.choice((0, 12, 64))] + rng.randbytes(rng.randrange(1, 20_000))


def swap_blocks(data: bytes, rng: random.Random) -> bytes:
    """Two stretches exchanged, as in a badly reassembled file."""
    size = max(1, len(data) // rng.randint(3, 12))
    a, b = sorted(rng.randrange(max(1, len(data) - size)) for _ in range(2))
    if b - a < size:
        return data[:a] + data[b:] + data[a:b]
    return data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]


def repeat_block(data: bytes, rng: random.Random) -> bytes:
    """One stretch many times: more chunks, scans, frames and tags than anyone expects."""
    size = rng.randrange(1, max(2, len(data) // 4))
    at = rng.randrange(max(1, len(data) - size))
    return data[:at] + data[at : at + size] * rng.randint(2, 40) + data[at + size :]


def untouched(data: bytes, rng: random.Random) -> bytes:
    """A good file, under whatever name it gets."""
    return data


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, flip_header, truncate, zero_tail, huge_header, garbage, swap_blocks, repeat_block, untouched,
)  # fmt: skip


def mutants(sources: Mapping[str, bytes], count: int, seed: int) -> list[tuple[str, bytes]]:
    """``count`` (file name, bytes) pairs; every mutation meets every source, names lie one time in four.

    Args:
        sources: Good files by format (a key of ``EXTENSIONS``) or format and anything after a dash ("jpeg-7").
        count: How many.
        seed: The same seed gives the same files.
    """
    rng = random.Random(seed)
    names = sorted(sources)
    endings = [ending for group in EXTENSIONS.values() for ending in group]
    made = []
    for number in range(count):
        source = names[number % len(names)]
        mutation = MUTATIONS[(number // len(names)) % len(MUTATIONS)]
        ending = EXTENSIONS[source.partition("-")[0]][0]
        if rng.random() < 0.25:
            ending = rng.choice(endings)
        made.append((f"{number:05d}-{source}-{mutation.__name__}{ending}", mutation(sources[source], rng)))
    return made


def write_mutants(sources: Mapping[str, bytes], folder: Path, count: int, seed: int) -> list[Path]:
    """Write :func:`mutants` into an existing folder; the paths, in order."""
    paths = []
    for name, data in mutants(sources, count, seed):
        path = folder / name
        path.write_bytes(data)
        paths.append(path)
    return paths
