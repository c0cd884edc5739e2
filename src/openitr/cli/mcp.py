"""The command that hosts of language models start: ``mcp``."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from openitr.cli.output import SERVE, errors_for_people, say


def mcp(
    collections: Annotated[list[str], typer.Argument(help="Collections; the first one answers when none is named.")],
) -> None:
    """Let a language model search collections: MCP tools over standard input and output.

    A host such as a chat application starts this command; see docs/clients.md. `openitr serve` has the same tools at
    the address /mcp.

    Example:  openitr mcp photos
    """
    with errors_for_people(), ExitStack() as stack:
        import openitr
        from openitr.errors import InputError
        from openitr.server.mcp import speak

        libraries = {}
        for given in collections:
            if given.startswith(("http://", "https://")):
                raise InputError(f"{given} is a server", f"let the host connect to {given.rstrip('/')}/mcp")
            name = Path(given).resolve().name if Path(given).is_dir() else Path(given).name
            if name in libraries:
                raise InputError(f"two collections are called {name}", "rename the folder of one of them")
            libraries[name] = stack.enter_context(openitr.open(given))
        if sys.stdin.isatty():
            say("waiting for an MCP host on standard input; Ctrl-C ends")
        speak(libraries)


def register(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command(rich_help_panel=SERVE)(mcp)
