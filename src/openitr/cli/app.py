"""The ``openitr`` command and its options that stand before any sub-command."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import openitr

# Modules of this room to their commands, in the order of the help.
_ROOMS = {
    "build": ["index", "reindex"],
    "ask": ["search", "duplicates"],
    "chat": ["chat"],
    "suggest": ["suggest", "illustrate"],
    "terms": ["terms"],
    "keep": ["info", "verify", "remove", "export", "import"],
    "engine": ["engine", "migrate"],
    "serve": ["serve"],
    "mcp": ["mcp"],
    "measure": ["eval", "models", "doctor"],
    "compare": ["compare"],
    "diagnose": ["diagnose"],
    "benchmarks": ["benchmarks"],
    "systems": ["systems"],
    "size": ["size"],
    "advise": ["advise"],
    "train": ["train"],
}


class _Commands(MutableMapping[str, Any]):
    """Commands by name. Each is made when it is asked for: making all of them takes longer than a search."""

    def __init__(self, rooms: dict[str, list[str]]) -> None:
        self._homes = {name: room for room, names in rooms.items() for name in names}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            room = typer.Typer(rich_markup_mode="rich")
            import_module(f"openitr.cli.{self._homes[name]}").register(room)
            self._made.update(typer.main.get_group(room).commands)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._homes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


class _Group(TyperGroup):
    def __init__(self, **about: Any) -> None:
        super().__init__(**about)
        self.commands = _Commands(_ROOMS)


app = typer.Typer(
    name="openitr",
    cls=_Group,
    help="Index a folder of pictures; ask in words, by picture or on a page; measure and train.",
    epilog='Start: openitr index ~/Pictures --into photos, then openitr search photos "two dogs on grass"',
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"openitr {openitr.__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Index a folder of pictures; ask in words, by picture or on a page; measure and train."""
