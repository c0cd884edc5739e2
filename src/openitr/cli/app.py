"""The ``openitr`` command and its options that stand before any sub-command."""

from __future__ import annotations

from typing import Annotated

import typer

import openitr
from openitr.cli import (
    advise,
    ask,
    benchmarks,
    build,
    chat,
    compare,
    diagnose,
    engine,
    keep,
    mcp,
    measure,
    serve,
    size,
    suggest,
    systems,
    terms,
    train,
)

app = typer.Typer(
    name="openitr",
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


for room in (
    build,
    ask,
    chat,
    suggest,
    terms,
    keep,
    engine,
    serve,
    mcp,
    measure,
    compare,
    diagnose,
    benchmarks,
    systems,
    size,
    advise,
    train,
):
    room.register(app)
