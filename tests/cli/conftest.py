"""A small folder of pictures and a collection made of it through the command line, with the default model."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

import openitr.encoders as openitr_encoders
from openitr.cli.app import app

COLOURS = {"red": (210, 30, 30), "green": (30, 160, 60), "blue": (40, 70, 210), "yellow": (240, 210, 40)}


@dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def process(*words: object) -> Said:
    """Run the real command in a process of its own, which costs seconds."""
    command = [sys.executable, "-m", "openitr", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return Said(done.returncode, done.stdout, done.stderr)


def openitr(*words: object) -> Said:
    """Run the command in this process, with what it prints and how it ends."""
    code, out, err = 0, io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            _command().main(args=list(map(str, words)), prog_name="openitr")
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


@cache
def _command() -> Any:
    """Typer takes a quarter of a second to put the commands together."""
    return typer.main.get_command(app)


@pytest.fixture(scope="module")
def models_once() -> Iterator[None]:
    """The shipped models are loaded once for a module; no longer, since others put colours in their place."""
    load, known = openitr_encoders.load, {}

    def once(spec: str = "default", **options: Any) -> Any:
        if options:
            return load(spec, **options)
        if spec not in known:
            known[spec] = load(spec)
        return known[spec]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr_encoders, "load", once)
        yield


def paint(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    """A disc of one colour on grey, placed by the seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :128]
    picture = np.full((96, 128, 3), 190, np.uint8)
    picture[(y - rng.integers(30, 66)) ** 2 + (x - rng.integers(30, 98)) ** 2 < 24**2] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures in two folders, one broken, one that is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    for place in ("holidays", "home"):
        for seed, (name, colour) in enumerate(COLOURS.items()):
            paint(folder / place / f"{name}.png", colour, seed + len(place))
    paint(folder / "home" / "really-a-png.jpg", (0, 0, 0), 1)
    (folder / "home" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a picture")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="session")
def collection(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of those pictures."""
    place = tmp_path_factory.mktemp("collections") / "photos"
    said = openitr("index", pictures, "--into", place, "--json")
    assert said.code == 0, said.err
    return place
