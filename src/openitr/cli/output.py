"""How commands speak: answers on standard output, everything else on standard error.

Exit codes: 0 done, 1 failed, 2 the call was wrong. An empty answer is not a failure.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from openitr.errors import InputError, OpenITRError

# The headings under which `openitr --help` lists the commands.
FIND, KEEP, SERVE, MEASURE = "Find", "Keep", "Serve", "Measure and train"

_HALF = re.compile(r"[\ud800-\udfff]")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def emit_json(document: Any, *, indent: int | None = 2) -> None:
    """One JSON document on standard output; ``indent=None`` puts it on one line.

    A file name that is no text holds half characters, which UTF-8 cannot write: JSON writes them as escapes.
    """
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    sys.stdout.write(_HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text) + "\n")


def table(title: str, columns: list[str], rows: list[list[Any]], *, right: frozenset[int] = frozenset()) -> None:
    """Print a table; columns whose number is in ``right`` are set to the right."""
    made = Table(
        title=title or None,
        title_justify="left",
        show_header=any(columns),
        header_style="bold",
        show_edge=False,
        pad_edge=False,
    )
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(str(cell)) for cell in row))
    out.print(made)


def entries(rows: list[tuple[str, str, str]]) -> None:
    """Print a list of things that need a sentence each: name, what goes beside it, and the sentence below."""
    for name, beside, sentence in rows:
        out.print(f"[bold]{escape(name)}[/]  [dim]{escape(beside)}[/]", soft_wrap=True)
        out.print(Padding(escape(sentence), (0, 0, 0, 4)))


def say(line: str) -> None:
    """A line for people, on standard error."""
    err.print(escape(line))


def fail(error: OpenITRError) -> typer.Exit:
    """Print what was wrong and what to do; the exit to raise."""
    err.print(f"[red]error:[/red] {escape(error.message)}")
    if error.remedy:
        err.print(f"[dim]try:[/dim]   {escape(error.remedy)}")
    return typer.Exit(2 if isinstance(error, InputError) else 1)


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Turn what can go wrong into two lines and an exit code, never a traceback."""
    try:
        yield
    except OpenITRError as error:
        raise fail(error) from error
    except BrokenPipeError as error:
        # The reader went away (`| head`); what it wanted has been printed.
        sys.stdout = None
        raise typer.Exit(0) from error
    except KeyboardInterrupt as error:
        say("interrupted; what was committed is kept, run the same command again to go on")
        raise typer.Exit(1) from error
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise fail(OpenITRError(what, "check the path, its permissions and the free space")) from error
