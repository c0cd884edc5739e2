"""Named arrays in one file that is mapped, not read.

File: 8 bytes of magic, the length of a JSON header, the header, then the arrays it lists, each at a multiple of 64.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openitr.errors import DamagedCollection
from openitr.index.disk import written

_ALIGN = 64
_MAX_HEADER = 1 << 16


class Column(NamedTuple):
    """What an array of a file may be.

    Args:
        types: Little-endian NumPy type strings, any one of them.
        axes: How many axes it has.
    """

    types: tuple[str, ...]
    axes: int = 1


def write(path: Path, magic: bytes, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write the file whole or not at all, and bring it to the disk.

    Args:
        path: Of the file.
        magic: 8 bytes that say what kind of file it is.
        arrays: Of plain numbers.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "a", b"EXAMPLE1", {"ids": np.array([3, 5], np.uint8)})
    ...     read(Path(folder) / "a", b"EXAMPLE1", {"ids": Column(("|u1", "<u2"))})["ids"].tolist()
    [3, 5]
    """
    flat = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    header: dict[str, list[Any]] = {}
    place = 0
    for name, array in flat.items():
        header[name] = [array.dtype.str, place, *array.shape]
        place += -(-array.nbytes // _ALIGN) * _ALIGN
    text = json.dumps(header).encode("ascii")
    start = _start(magic, len(text))
    with written(path) as file:
        file.write(magic + len(text).to_bytes(8, "little") + text)
        for name, array in flat.items():
            file.seek(start + header[name][1])
            file.write(array.reshape(-1).view(np.uint8).data)
        file.truncate(start + place)


def read(path: Path, magic: bytes, columns: Mapping[str, Column]) -> dict[str, npt.NDArray[Any]]:
    """Map the arrays of a file that :func:`write` wrote.

    Raises:
        DamagedCollection: It is missing, cut short, of another kind, or lacks one of ``columns``.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(magic) + 8)
            length = int.from_bytes(head[len(magic) :], "little")
            if head[: len(magic)] != magic or not 0 < length < _MAX_HEADER:
                raise ValueError("a file of another kind")
            header = json.loads(file.read(length))
        # A plain array over the map: indexing a memmap itself costs several times as much.
        data = np.memmap(path, np.uint8, "r").view(np.ndarray)[_start(magic, length) :]
        return {name: _array(data, column, *header[name]) for name, column in columns.items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedCollection(f"{path}: {error}", "build the index again") from error


def _start(magic: bytes, length: int) -> int:
    """Where the arrays begin behind a header of so many bytes."""
    return -(-(len(magic) + 8 + length) // _ALIGN) * _ALIGN


def _array(data: npt.NDArray[np.uint8], column: Column, kind: str, place: int, *shape: int) -> npt.NDArray[Any]:
    if kind not in column.types or len(shape) != column.axes:
        raise ValueError(f"an array of {len(shape)} axes and type {kind}")
    size = np.dtype(kind).itemsize
    for side in shape:
        size *= side
    if min(place, *shape) < 0 or place + size > len(data):
        raise ValueError("cut short")
    return data[place : place + size].view(kind).reshape(shape)
