"""A small library of colours, with captions beside some pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import openitr.encoders
import openitr.library
from openitr.library import Library
from tests.search.fakes import ColourEncoder

COLOURS = {
    "red": (250, 10, 10),
    "green": (10, 250, 10),
    "blue": (10, 10, 250),
    "night": (5, 5, 5),
    "rose": (250, 60, 60),
}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Five pictures; "red" and "rose" have the same caption."""
    for name, colour in COLOURS.items():
        path = tmp_path / "pictures" / "day" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40), colour).save(path)
    for name in ("red", "rose"):
        (tmp_path / "pictures" / "day" / f"{name}.txt").write_text("something warm\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        with openitr.library.create(tmp_path / "photos") as made:
            made.index(tmp_path / "pictures", workers=1)
            yield made
