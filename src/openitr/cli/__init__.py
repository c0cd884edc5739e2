"""The command line: parse, call, print. Each command imports what it needs when it runs."""

from __future__ import annotations


def main() -> None:
    """Entry point of the ``openitr`` command."""
    from openitr.cli.app import app

    app(prog_name="openitr")
