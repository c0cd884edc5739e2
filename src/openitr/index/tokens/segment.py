"""One immutable piece of a token index: the bags of some items, rounded or not, and who holds which centroid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.errors import DamagedCollection
from openitr.index import arrayfile
from openitr.index.arrayfile import Column
from openitr.index.pieces import ROWS
from openitr.index.tokens.codec import Cells, Codec, Codes

_MAGIC = b"OITRTOK2"
_COLUMNS = {
    "ids": Column(("<i8",)),
    "offsets": Column(("<u4",)),
    "values": Column(("<f4",), axes=2),
    "cells": Column(("<u2",)),
    "codes": Column(("|u1",), axes=2),
    "starts": Column(("<u4",)),
    "rows": Column(("<u2",)),
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
        arrayfile.write(path, _MAGIC, {name: getattr(self, name) for name in _COLUMNS})

    @classmethod
    def open(cls, path: Path) -> TokenSegment:
        """Map a file that :meth:`save` wrote.

        Raises:
            DamagedCollection: It is missing, cut short or none of ours.
        """
        found = cls(**arrayfile.read(path, _MAGIC, _COLUMNS))
        many = found.cells if found.rounded else found.values
        whole = len(found.offsets) == len(found) + 1 and 0 < len(found) <= ROWS and found.tokens == len(many)
        if not whole or (found.rounded and (found.starts[-1] != len(found.rows) or len(found.codes) != len(many))):
            raise DamagedCollection(f"{path}: its arrays do not fit together", "build the index again")
        return found


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
