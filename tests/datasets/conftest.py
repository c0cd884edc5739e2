"""Small pictures and folders of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


def _png(number: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (number % 256, number // 256 % 256, 7)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def png() -> Callable[[int], bytes]:
    """A function that makes a different PNG for every number."""
    return _png


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a.png, b.png and sub/c.png."""
    folder = tmp_path / "set"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "sub/c.png")):
        (folder / name).write_bytes(_png(number))
    return folder
