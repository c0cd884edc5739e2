"""One collection, opened twice: as it lies on disk, and through a real server on loopback."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

import openitr.encoders
import openitr.library
from openitr.client import Client, RemoteLibrary
from openitr.library import Library
from openitr.server import Settings, create_app
from tests.collection.fakes import ColourEncoder as Encoder
from tests.collection.fakes import paint, paint_many

KEY = "open-sesame"


@dataclass
class Pair:
    """The same collection from both sides."""

    local: Library
    remote: RemoteLibrary
    client: Client
    address: str
    base: Path


def lay_out(folder: Path) -> None:
    """Thirty pictures: captions, tags, two copies, a near copy, and one that is broken."""
    paint_many(folder, 28)
    for n in range(0, 28, 4):
        path = folder / f"part{n % 3}" / f"picture{n:04d}.png"
        path.with_suffix(".json").write_text(json.dumps({"stars": n % 5, "tags": ["sea", f"day {n}"], "good": n > 9}))
    shutil.copy(folder / "part1" / "picture0001.png", folder / "part1" / "again.png")
    paint(folder / "part2" / "larger.png", 2, size=48)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The app on a free port of loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def colour_encoders() -> Iterator[None]:
    """Models are colours instead of networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: Encoder())
        yield


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Read only: the tests of a module share it. No longer than that, since all models are colours meanwhile."""
    base = tmp_path_factory.mktemp("pair")
    lay_out(base / "pictures")
    with colour_encoders(), openitr.library.create(base / "photos") as local:
        local.index(base / "pictures", workers=1)
        settings = Settings(api_key=KEY, allow_folders=[base], state_folder=base / "state")
        with (
            Library(openitr.library.open(base / "photos").collection) as served,
            serving(create_app({"photos": served, "the same": served}, settings)) as address,
            Client(address, KEY) as client,
        ):
            yield Pair(local, client.library("photos"), client, address, base)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A function that serves an app until the end of the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serving(app))
