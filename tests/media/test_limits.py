from __future__ import annotations

import os
from pathlib import Path

import pytest

from openitr.errors import UnreadableImage
from openitr.media.limits import Limits, read_file


def reason_of(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read_file(path, limits or Limits())
    assert caught.value.path == str(path)
    assert caught.value.remedy
    return caught.value.reason


def test_a_file_comes_whole_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    data = os.urandom(300_000)
    path.write_bytes(data)
    os.utime(path, ns=(5, 1_700_000_000_123_456_789))
    read = read_file(path, Limits())
    assert (read.data, read.size, read.mtime_ns) == (data, 300_000, path.stat().st_mtime_ns)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    assert reason_of(tmp_path) == "not a regular file"
    assert reason_of(tmp_path / "empty") == "empty file"
    assert reason_of(tmp_path / "gone") == "no such file"
    assert reason_of(tmp_path / "dangling") == "no such file"
    assert reason_of(tmp_path / "loop") == "cannot be read"
    assert reason_of(Path("a\0b")) == "cannot be read"
    assert reason_of(tmp_path / ("x" * 300)) == "cannot be read"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_or_device_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reason_of(tmp_path / "pipe.jpg") == "not a regular file"
    assert reason_of(Path("/dev/zero")) == "not a regular file"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_permission(tmp_path: Path) -> None:
    path = tmp_path / "mine.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    assert reason_of(path) == "permission denied"


def test_permission_as_the_system_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert reason_of(tmp_path / "a.jpg") == "permission denied"


def test_size_is_checked_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert reason_of(path) == "file too large"
    path.write_bytes(b"12345")
    assert reason_of(path, Limits(max_bytes=4)) == "file too large"
    assert read_file(path, Limits(max_bytes=5)).data == b"12345"


def test_pixels() -> None:
    Limits(max_pixels=12).check_size(3, 4)
    for size in ((13, 1), (0, 5), (5, -1)):
        with pytest.raises(UnreadableImage):
            Limits(max_pixels=12).check_size(*size)
    # The largest phone photographs of 2026.
    Limits().check_size(16_320, 12_240)
