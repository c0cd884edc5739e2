"""``openitr serve``: what is said on the command line reaches the server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import openitr.library
import openitr.server.listen
from openitr.cli.app import app
from openitr.library import Library
from openitr.server.settings import Settings


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that servers were started with; none is."""
    found: list[Settings] = []

    def serve(libraries: Mapping[str, Library], settings: Settings, **more: Any) -> None:
        assert list(libraries) == ["album"]
        found.append(settings)

    monkeypatch.setattr(openitr.server.listen, "serve", serve)
    return found


def test_workers(told: list[Settings], tmp_path: Path) -> None:
    openitr.library.create(tmp_path / "album").close()
    for words, workers in (((), 0), (("--workers", "0"), 0), (("--workers", "3"), 3)):
        ended = CliRunner().invoke(app, ["serve", str(tmp_path / "album"), *words])
        assert ended.exit_code == 0, ended.output
        assert told.pop().workers == workers
    for wrong in ("-1", "65", "many"):
        assert CliRunner().invoke(app, ["serve", str(tmp_path / "album"), "--workers", wrong]).exit_code == 2
    assert told == []
