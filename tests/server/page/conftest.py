"""A real server over rendered scenes, and a browser that tells of everything that goes wrong on the page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import openitr
from openitr.datasets.scenes import World, caption, render

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
SHAPES = ((192, 128), (128, 192), (160, 160), (224, 128))


def draw_scenes(folder: Path, count: int) -> None:
    """Scenes of several proportions in two sub-folders, with captions and data in files beside them."""
    world = World(things=(1, 2))
    for seed in range(count):
        scene = world.sample(seed)
        place = folder / ("north" if seed % 3 else "south")
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"scene-{seed:02d}.png"
        width, height = SHAPES[seed % len(SHAPES)]
        Image.fromarray(render(scene, 224)).resize((width, height)).save(path)
        path.with_suffix(".txt").write_text(caption(scene, "short").texts["en"])
        path.with_suffix(".json").write_text(
            f'{{"stars": {seed % 5 + 1}, "tags": ["{"warm" if seed % 2 else "cold"}"]}}'
        )


@contextmanager
def serving(*collections: Path, env: dict[str, str] | None = None, options: tuple[str, ...] = ()) -> Iterator[str]:
    """The address of a server in a process of its own."""
    command = [sys.executable, "-m", "openitr", "serve", *map(str, collections), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            assert address.startswith("http://"), "the server did not start"
            yield address + "/"
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 scenes, a copy of one, a picture with a long name, and one broken file."""
    folder = tmp_path_factory.mktemp("page") / "pictures"
    draw_scenes(folder, 24)
    shutil.copy(folder / "north" / "scene-01.png", folder / "south" / "copy.png")
    long = "a very long name that somebody once gave to a picture of a few things on a plain ground " * 2
    rng = np.random.default_rng(5)
    Image.fromarray(rng.integers(0, 255, (90, 300, 3), np.uint8)).save(folder / "south" / f"{long.strip()}.png")
    (folder / "south" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a picture")
    return folder


@pytest.fixture(scope="session")
def served(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server: "scenes" with two runs, and "spare", from which tests may remove."""
    home = tmp_path_factory.mktemp("served")
    with openitr.create(home / "scenes") as library:
        library.index(scenes, workers=1)
        library.reindex("conse", workers=1)
    shutil.copytree(home / "scenes", home / "spare")
    env = {"OPENITR_HOME": str(home / "home")}
    with serving(home / "scenes", home / "spare", env=env) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium without a window; no longer than a module, since no other event loop can run meanwhile."""
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass
class Watch:
    """What a page must not do, as it happens."""

    origin: str
    wrong: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def request(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.wrong.append(f"left the origin: {request.url}")

    def console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console {message.type}: {message.text}")

    def left(self) -> list[str]:
        """What went wrong and was not announced by the test."""
        return [one for one in self.wrong if not any(part in one for part in self.expected)]


Open = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any, served: str) -> Iterator[Open]:
    """Open the page; afterwards nothing may have gone wrong: no error, no breach of the policy, no foreign request."""
    watches: list[Watch] = []
    contexts: list[Any] = []

    def opened(
        query: str = "",
        *,
        base: str = "",
        stub: Callable[[Any], None] | None = None,
        expected: tuple[str, ...] = (),
        phone: bool = False,
        **options: Any,
    ) -> Any:
        watch = Watch(base or served, expected=list(expected))
        size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 800}
        options = {"viewport": size, "has_touch": phone, "is_mobile": phone, "accept_downloads": True, **options}
        context = chromium.new_context(**options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        watches.append(watch)
        tab = context.new_page()
        tab.on("console", watch.console)
        tab.on("pageerror", lambda error: watch.wrong.append(f"error: {error}"))
        tab.on("request", watch.request)
        if stub:
            stub(tab)
        tab.goto((base or served) + query)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert not [line for watch in watches for line in watch.left()]
