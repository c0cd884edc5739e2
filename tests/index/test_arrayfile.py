"""Array files: what goes in comes out; no cut and no changed byte makes a reader leave the file or crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import DamagedCollection
from openitr.index import arrayfile
from openitr.index.arrayfile import Column

MAGIC = b"OITRTEST"
COLUMNS = {"ids": Column(("<i8", "<u2")), "values": Column(("<f4",), axes=2), "none": Column(("|u1",))}
ARRAYS = {
    "ids": np.array([3, 1 << 40, -5]),
    "values": np.arange(6, dtype=np.float32).reshape(3, 2),
    "none": np.zeros(0, np.uint8),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    arrayfile.write(tmp_path / "a", MAGIC, ARRAYS)
    return tmp_path / "a"


def test_what_goes_in_comes_out_aligned(path: Path) -> None:
    found = arrayfile.read(path, MAGIC, COLUMNS)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
        assert found[name].ctypes.data % 64 == 0 or not array.size
    assert [file.name for file in path.parent.iterdir()] == ["a"]


def test_other_byte_orders_and_strides_are_written_as_they_are_read(tmp_path: Path) -> None:
    crooked = np.arange(12, dtype=">f4").reshape(4, 3).T[:, ::2]
    arrayfile.write(tmp_path / "a", MAGIC, {"values": crooked})
    found = arrayfile.read(tmp_path / "a", MAGIC, {"values": COLUMNS["values"]})["values"]
    assert found.dtype == np.dtype("<f4") and np.array_equal(found, crooked)


@pytest.mark.parametrize(
    "columns", [{"ids": Column(("<f4",))}, {"values": Column(("<f4",))}, {"gone": Column(("|u1",))}]
)
def test_an_array_of_another_kind_is_refused(path: Path, columns: dict[str, Column]) -> None:
    with pytest.raises(DamagedCollection, match="build the index again"):
        arrayfile.read(path, MAGIC, columns)


def test_a_file_of_another_kind_or_none_is_refused(path: Path) -> None:
    for place, magic in ((path, b"OITRELSE"), (path.with_name("b"), MAGIC), (path.parent, MAGIC)):
        with pytest.raises(DamagedCollection):
            arrayfile.read(place, magic, COLUMNS)


@pytest.mark.parametrize(
    "header",
    [b"[" * 5000, b"[]", b"7", b'{"ids": "x"}', b'{"ids": ["<i8", 0, 1e9]}', b'{"ids": ["<i8", -64, 1]}']
    + [json.dumps({"ids": ["<i8", 0, many]}).encode() for many in (-1, 1 << 62, "3", None, [1])],
)  # fmt: skip
def test_headers_that_lie_are_refused(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "a").write_bytes(MAGIC + len(header).to_bytes(8, "little") + header + bytes(256))
    with pytest.raises(DamagedCollection):
        arrayfile.read(tmp_path / "a", MAGIC, {"ids": COLUMNS["ids"]})


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_within_its_bounds(tmp_path_factory: Any, data: Any) -> None:
    path = tmp_path_factory.mktemp("damage") / "a"
    arrayfile.write(path, MAGIC, ARRAYS)
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:at])
    else:
        whole[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(whole)
    try:
        found = arrayfile.read(path, MAGIC, COLUMNS)
    except DamagedCollection:
        return
    assert sum(array.nbytes for array in found.values()) <= len(whole)
    assert all(isinstance(array.sum().item(), int | float) for array in found.values())


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*about: Any) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr("openitr.index.disk.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        arrayfile.write(path, MAGIC, {"ids": np.arange(9)})
    assert path.read_bytes() == before and [file.name for file in path.parent.iterdir()] == ["a"]
