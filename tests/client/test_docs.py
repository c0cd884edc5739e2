"""The Python of docs/clients.md, run as it stands against a real server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

import openitr.encoders
from openitr.server import Settings, create_app
from tests.collection.fakes import ColourEncoder, paint, paint_many
from tests.server.jobs_bed import SLOW, album

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address of a server that may index ``holidays``, and a folder with a cat in it."""
    from tests.client.conftest import serving

    base = tmp_path_factory.mktemp("docs")
    paint_many(base / "holidays", 3, 1000)
    paint(base / "cat.png", 7).rename(base / "cat.jpg")
    with pytest.MonkeyPatch.context() as patch, album(base) as library:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        app: FastAPI = create_app({"photos": library}, Settings(state_folder=base / "state", allow_folders=[base]))
        app.state.jobs.command = SLOW
        with serving(app) as address:
            yield address, base


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_snippets_run(
    where: tuple[str, Path],
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    block = BLOCKS[number]
    for framework, module in (("langchain", "langchain_core"), ("llama_index", "llama_index.core")):
        if framework in block:
            pytest.importorskip(module)
    address, base = where
    monkeypatch.chdir(base)
    monkeypatch.setenv("OPENITR_TEST_DELAY", "0")
    monkeypatch.setenv("PYTHONPATH", str(PAGE.parents[1]))
    names: dict[str, Any] = {"openitr": openitr}
    # The probabilities of colours in place of a model say nothing, so every bucket counts here.
    exec(block.replace("http://localhost:8000", address).replace('"maybe"', '"rest"'), names)
    for name in ("photos", "retriever"):
        if (library := getattr(names.get(name), "library", names.get(name))) is not None:
            request.addfinalizer(_closing(library))
    assert capsys.readouterr().out.strip()


def _closing(library: Any) -> Callable[[], None]:
    return lambda: library.close()


def test_there_are_snippets() -> None:
    assert len(BLOCKS) >= 6
