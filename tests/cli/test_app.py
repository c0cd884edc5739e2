"""Commands are made when they are asked for, and none is forgotten."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import typer
from typer.testing import CliRunner

import openitr.cli
from openitr.cli.app import _ROOMS, app


def test_every_command_of_every_module_is_listed() -> None:
    modules = {file.stem for file in Path(openitr.cli.__file__).parent.glob("*.py")}
    registering = {name for name in modules if hasattr(import_module(f"openitr.cli.{name}"), "register")}
    assert registering == set(_ROOMS)
    for room, names in _ROOMS.items():
        alone = typer.Typer()
        import_module(f"openitr.cli.{room}").register(alone)
        assert list(typer.main.get_group(alone).commands) == names, room


def test_what_is_there_and_what_is_not() -> None:
    runner = CliRunner()
    help_text = runner.invoke(app, ["--help"]).output
    assert all(f" {name} " in help_text for names in _ROOMS.values() for name in names)
    unknown = runner.invoke(app, ["serch"])
    assert unknown.exit_code == 2 and "search" in unknown.output
    assert runner.invoke(app, ["duplicates", "--help"]).exit_code == 0
