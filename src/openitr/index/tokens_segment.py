"""One immutable piece of a token index: the bags of some items, rounded or as they came, and who holds which centroid.

File: 8 bytes of magic, the length of a JSON header, the header, then the arrays it lists, each at a multiple of 64.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.errors import DamagedCollection
from openitr.index.tokens_codec import Cells, Codec, Codes

ROWS = 1 << 16
_MAGIC = b"OITRTOK1"
_ALIGN = 64
_MAX_HEADER = 1 << 16
_TYPES = {
    "ids": "<i8",
    "offsets": "<u4",
    "values": "<f4",
    "cells": "<u2",
    "codes": "|u1",
    "starts": "<u4",
    "rows": "<u2",
}


@dataclass(frozen=True, eq=False)
class TokenSegment:
    """Bags of token vectors.

    Args:
        ids: (n,) int64 ascending, n at most 65,536; an item's place here is its row.
        offsets: (n + 1,) uint32; row i owns tokens ``offsets[i]:offsets[i + 1]``.
        values: (t, d) float32 where nothing is rounded, else (0, d).
        cells: (t,) uint16, the centroid of each token; empty where nothing is rounded, as are the rest.
        codes: (t, w) uint8, the rest of each token.
        starts: (c + 1,) uint32; centroid i is held by ``rows[starts[i]:starts[i + 1]]``.
        rows: (p,) uint16, ascending within a centroid, each once.
    """

    ids: Ints
    offsets: npt.NDArray[np.uint32]
    values: Floats
    cells: Cells
    codes: Codes
    starts: npt.NDArray[np.uint32]
    rows: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def rounded(self) -> bool:
        """Whether tokens are kept as centroid and codes."""
        return len(self.starts) > 0

    @property
    def tokens(self) -> int:
        """How many tokens all bags hold."""
        return int(self.offsets[-1])

    def bags(self, chosen: Ints, codec: Codec | None) -> tuple[Floats, Ints]:
        """Tokens of some rows end to end, (t, d) float32, and their (len(chosen) + 1,) offsets."""
        places, offsets = self.places(chosen)
        if not self.rounded:
            return np.asarray(self.values[places], np.float32), offsets
        assert codec is not None
        return codec.decode(self.cells[places], self.codes[places]), offsets

    def places(self, chosen: Ints) -> tuple[Ints, Ints]:
        """Where the tokens of some rows lie, end to end, and the offsets of each row among them."""
        first = self.offsets[chosen].astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(self.offsets[chosen + 1].astype(np.int64) - first)])
        return np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], np.diff(offsets)), offsets

    def save(self, path: Path) -> None:
        """Write the file whole or not at all, and bring it to the disk."""
        arrays = {name: np.ascontiguousarray(getattr(self, name), kind) for name, kind in _TYPES.items()}
        header: dict[str, Any] = {}
        place = 0
        for name, array in arrays.items():
            header[name] = [place, *array.shape]
            place += -(-array.nbytes // _ALIGN) * _ALIGN
        text = json.dumps(header).encode("ascii")
        start = -(-(len(_MAGIC) + 8 + len(text)) // _ALIGN) * _ALIGN
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            file.write(_MAGIC + len(text).to_bytes(8, "little") + text)
            for name, array in arrays.items():
                file.seek(start + header[name][0])
                file.write(array.reshape(-1).view(np.uint8).data)
            file.truncate(start + place)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    @classmethod
    def open(cls, path: Path) -> TokenSegment:
        """Map a file that :meth:`save` wrote.

        Raises:
            DamagedCollection: It is missing, cut short or none of ours.
        """
        try:
            with path.open("rb") as file:
                head = file.read(len(_MAGIC) + 8)
                length = int.from_bytes(head[len(_MAGIC) :], "little")
                if head[: len(_MAGIC)] != _MAGIC or not 0 < length < _MAX_HEADER:
                    raise ValueError("not a token index")
                header = json.loads(file.read(length))
            start = -(-(len(_MAGIC) + 8 + length) // _ALIGN) * _ALIGN
            data = np.memmap(path, np.uint8, "r")
            found = cls(**{name: _array(data, start, kind, *header[name]) for name, kind in _TYPES.items()})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedCollection(f"{path}: {error}", "build the index again") from error
        many = found.cells if found.rounded else found.values
        whole = len(found.offsets) == len(found) + 1 and 0 < len(found) <= ROWS and found.tokens == len(many)
        if not whole or (found.rounded and (found.starts[-1] != len(found.rows) or len(found.codes) != len(many))):
            raise DamagedCollection(f"{path}: its arrays do not fit together", "build the index again")
        return found


def _array(data: npt.NDArray[np.uint8], start: int, kind: str, place: int, *shape: int) -> Any:
    dtype = np.dtype(kind)
    size = dtype.itemsize
    for side in shape:
        size *= side
    if not 1 <= len(shape) <= 2 or min(place, *shape) < 0 or start + place + size > len(data):
        raise ValueError("cut short")
    # A plain array over the map: indexing a memmap itself costs several times as much.
    return np.asarray(data)[start + place : start + place + size].view(dtype).reshape(shape)


def raw_segment(ids: Ints, values: Floats, offsets: Ints) -> TokenSegment:
    """Bags as they came: ids ascending, (t, d) values, (n + 1,) offsets."""
    nothing = np.zeros(0, np.uint16)
    codes, starts = np.zeros((0, 0), np.uint8), np.zeros(0, np.uint32)
    return TokenSegment(ids, offsets.astype(np.uint32), values, nothing, codes, starts, nothing)


def rounded_segment(ids: Ints, cells: Cells, codes: Codes, offsets: Ints, codec: Codec) -> TokenSegment:
    """Rounded bags, with the list of holders of each centroid."""
    owner = np.repeat(np.arange(len(ids)), np.diff(offsets))
    pairs = np.unique(cells.astype(np.int64) << 16 | owner)
    starts = np.searchsorted(pairs, np.arange(len(codec.centroids) + 1, dtype=np.int64) << 16)
    rows = (pairs & 0xFFFF).astype(np.uint16)
    empty = np.zeros((0, codec.dim), np.float32)
    return TokenSegment(ids, offsets.astype(np.uint32), empty, cells, codes, starts.astype(np.uint32), rows)
