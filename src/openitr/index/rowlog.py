"""The journal of a flat index: which id lives in which row, one 24-byte record per change, appended only.

A record is (id, row, check) as little-endian int64; row -1 says that the id is gone. The check ties the two numbers
to the record's own position, so that a tail of zeros or a torn write after a power cut is told from a record.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Ints

RECORD = 24
GONE = -1
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


def _checks(ids: Ints, rows: Ints, first: int) -> npt.NDArray[np.uint64]:
    places = np.arange(first + 1, first + 1 + len(ids), dtype=np.uint64)
    mixed: npt.NDArray[np.uint64] = (
        ids.astype(np.uint64) * _MIX[0] ^ rows.astype(np.uint64) * _MIX[1] ^ places * _MIX[2]
    )
    mixed ^= mixed >> np.uint64(29)
    return mixed


def pack(ids: Ints, rows: Ints, first: int) -> bytes:
    """Records of changes, the first of which is record number ``first`` of its journal.

    >>> len(pack(np.array([5, 6]), np.array([0, GONE]), 0)) // RECORD
    2
    """
    table = np.empty((len(ids), 3), "<u8")
    table[:, 0], table[:, 1] = ids.astype(np.uint64), rows.astype(np.uint64)
    table[:, 2] = _checks(ids, rows, first)
    return table.tobytes()


def read(path: Path, first: int = 0, last: int | None = None) -> tuple[Ints, Ints]:
    """Ids and rows of the intact records from number ``first`` up to ``last`` (None: as far as they go)."""
    try:
        with path.open("rb") as file:
            file.seek(first * RECORD)
            raw = file.read() if last is None else file.read(max(0, last - first) * RECORD)
    except FileNotFoundError:
        raw = b""
    table = np.frombuffer(raw[: len(raw) // RECORD * RECORD], "<u8").reshape(-1, 3)
    ids, rows = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    torn = np.flatnonzero(table[:, 2] != _checks(ids, rows, first))
    end = int(torn[0]) if len(torn) else len(ids)
    return ids[:end], rows[:end]


def latest(ids: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Ids ascending with the row each ended in; those that ended gone are left out.

    >>> [part.tolist() for part in latest(np.array([5, 6, 5, 6]), np.array([0, 1, 2, GONE]))]
    [[5], [2]]
    """
    unique, from_end = np.unique(ids[::-1], return_index=True)
    ended = rows[::-1][from_end]
    stays = ended != GONE
    return unique[stays], ended[stays]
