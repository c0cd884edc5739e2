"""The ``openitr`` command and its options that stand before any sub-command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, cast

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


class _Commands(Mapping[str, Any]):
    """Commands by name. Each is made when it is asked for: making all of them takes longer than a search."""

    def __init__(self, rooms: Mapping[str, Sequence[str]]) -> None:
        self._homes = {name: room for room, names in rooms.items() for name in names}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        home = self._homes[name]
        if name not in self._made:
            room = typer.Typer(rich_markup_mode="rich")
            import_module(f"openitr.cli.{home}").register(room)
            self._made.update(typer.main.get_group(room).commands)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


class _Group(TyperGroup):
    def __init__(self, **about: Any) -> None:
        super().__init__(**about)
        # Typer would let commands be added; here none are, so that the map above stays the whole truth.
        self.commands = cast(Any, _Commands(_ROOMS))


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
