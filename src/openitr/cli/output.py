"""How commands speak: answers on standard output, everything else on standard error.

Exit codes: 0 done, 1 failed, 2 the call was wrong. An empty answer is not a failure.
"""

from __future__ import annotations

import errno
import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from openitr.errors import InputError, NoSuchCollection, OpenITRError

# The headings under which `openitr --help` lists the commands.
FIND, KEEP, SERVE, MEASURE = "Find", "Keep", "Serve", "Measure and train"

# Extras that have a package for a purpose of their own, where several have it.
_MEANT = {"torch": "train", "scipy": "lexicon"}
_WIDEST = 10_000
_HALF = re.compile(r"[\ud800-\udfff]")


class _Speaker(Console):
    """A console whose reader may go away (``| head``): what it wanted has been printed, and nothing went wrong."""

    def on_broken_pipe(self) -> None:
        try:
            super().on_broken_pipe()
        except SystemExit as error:
            raise SystemExit(0) from error


out = _Speaker(highlight=False)
err = _Speaker(stderr=True, highlight=False)


def emit_json(document: Any, *, indent: int | None = 2) -> None:
    """One JSON document on standard output; ``indent=None`` puts it on one line.

    A file name that is no text holds half characters, which UTF-8 cannot write: JSON writes them as escapes.
    """
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    sys.stdout.write(_HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text) + "\n")


def table(title: str, columns: list[str], rows: list[list[Any]], *, right: frozenset[int] = frozenset()) -> None:
    """Print a table; columns whose number is in ``right`` are set to the right.

    Where it is too wide for a terminal the lines between columns go first; in a file or a pipe no cell is ever folded.
    """
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
    if out.is_terminal:
        if made.__rich_measure__(out, out.options.update(max_width=_WIDEST)).maximum > out.width:
            made.box, made.collapse_padding = None, True
        out.print(made)
        return
    wide = _Speaker(highlight=False, width=_WIDEST, file=io.StringIO())
    wide.print(made)
    for line in cast(io.StringIO, wide.file).getvalue().splitlines():
        out.print(line.rstrip(), soft_wrap=True, markup=False)


def measured(columns: list[str], rows: list[list[Any]], protocol: Mapping[str, Any]) -> None:
    """What a measurement found as a table of numbers, and below it how it was measured."""
    table("", columns, rows, right=frozenset(range(1, len(columns))))
    out.print("")
    say_protocol(protocol)


def say_protocol(protocol: Mapping[str, Any]) -> None:
    """How something was measured, a line each, on standard error; what is an empty list needs none."""
    for key, value in protocol.items():
        if key == "texts_per_image":
            least, most = value
            say(f"{key}: {least if least == most else f'{least} to {most}'}")
        elif not isinstance(value, list | tuple):
            say(f"{key}: {value}")
        elif value:
            say(f"{key}: {'; '.join(map(str, value))}")


def entries(rows: list[tuple[str, str, str]]) -> None:
    """Print a list of things that need a sentence each: name, what goes beside it, and the sentence below."""
    for name, beside, sentence in rows:
        out.print(f"[bold]{escape(name)}[/]  [dim]{escape(beside)}[/]", soft_wrap=True)
        out.print(Padding(escape(sentence), (0, 0, 0, 4)))


def say(line: str) -> None:
    """A line for people, on standard error; in a log it stays one line, so that paths stay whole."""
    err.print(escape(line), soft_wrap=not err.is_terminal)


def fail(error: OpenITRError) -> typer.Exit:
    """Print what was wrong and what to do; the exit to raise."""
    whole = not err.is_terminal
    err.print(f"[red]error:[/red] {escape(error.message)}", soft_wrap=whole)
    remedy = error.remedy
    if isinstance(error, NoSuchCollection) and remedy:
        remedy += "; `openitr info` lists those there are"
    if remedy:
        err.print(f"[dim]try:[/dim]   {escape(remedy)}", soft_wrap=whole)
    return typer.Exit(2 if isinstance(error, InputError) else 1)


def missing(error: ModuleNotFoundError) -> OpenITRError:
    """What people should know of a package that is not installed: the extra that brings it.

    >>> missing(ModuleNotFoundError("No module named 'pyarrow.parquet'", name="pyarrow.parquet")).remedy
    'pip install "openitr[parquet]"'
    """
    from importlib.metadata import PackageNotFoundError, requires

    package = (error.name or "").partition(".")[0]
    try:
        lines = [line.partition(";") for line in requires("openitr") or []]
    except PackageNotFoundError:
        lines = []
    extras = {
        found[1]
        for line, _, marker in lines
        if re.split(r"[\s<>=!~\[]", line)[0].lower() in (package.lower(), package.replace("_", "-").lower())
        and (found := re.search(r"extra == ['\"]([\w-]+)['\"]", marker))
    }
    # Groups of extras and the tools of developers have it as well.
    chosen = _MEANT.get(package) or min(extras - {"dev", "all", "systems"}, default="all")
    return OpenITRError(
        f"this needs {package or 'a package'}, which is not installed", f'pip install "openitr[{chosen}]"'
    )


GO_ON = "interrupted; what was committed is kept, run the same command again to go on"


@contextmanager
def errors_for_people(interrupted: str = "interrupted") -> Iterator[None]:
    """Turn what can go wrong into two lines and an exit code, never a traceback.

    Args:
        interrupted: What to say of a Ctrl-C; :data:`GO_ON` where the same command goes on.
    """
    try:
        yield
    except OpenITRError as error:
        raise fail(error) from error
    except ModuleNotFoundError as error:
        raise fail(missing(error)) from error
    except BrokenPipeError as error:
        # The reader went away (`| head`); what it wanted has been printed.
        sys.stdout = None
        raise typer.Exit(0) from error
    except KeyboardInterrupt as error:
        say(interrupted)
        raise typer.Exit(1) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            full = OpenITRError(
                "the disk is full", "make room and run the same command again: what was committed is kept"
            )
            raise fail(full) from error
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        raise fail(OpenITRError(what, "check the path, its permissions and the free space")) from error
