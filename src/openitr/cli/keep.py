"""Commands that keep a collection: ``info``, ``verify``, ``remove``, ``export`` and ``import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from openitr.cli.engine import is_here
from openitr.cli.output import KEEP, emit_json, errors_for_people, out, say, table
from openitr.cli.skipped import say_skipped

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Name = Annotated[str, typer.Argument(help="Collection: a directory or a name.")]


def info(
    collection: Annotated[
        str | None, typer.Argument(help="Collection: a directory or a name; left out, those there are.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a collection holds: pictures, folders, runs, sizes, what was skipped; or which collections there are.

    Examples:
      openitr info
      openitr info photos
    """
    with errors_for_people():
        if collection is None:
            from openitr.cli.listing import list_collections

            list_collections(as_json)
            return
        import openitr

        with openitr.open(collection) as library:
            facts, here = library.info(), library.path if is_here(library) else None
        if as_json:
            emit_json(facts)
        else:
            table("", ["", ""], [[key, _short(value)] for key, value in _flat(facts)])
            if facts.get("skipped"):
                say_skipped(here)


def _flat(facts: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in facts.items():
        if isinstance(value, dict) and value and all(isinstance(inner, list) for inner in value.values()):
            rows.append((before + key, ", ".join(f"{name} ({' or '.join(inner)})" for name, inner in value.items())))
        elif isinstance(value, dict):
            rows += _flat(value, f"{before}{key} ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for part in value:
                head, *rest = part.items()
                rows.append((f"{before}{key} {head[1]}", ", ".join(f"{k} {_short(v)}" for k, v in rest)))
        else:
            rows.append((before + key, value))
    return rows


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and value >= 10_000:
        return f"{value:,}"
    return "none" if value in ("", None) else str(value)


def verify(collection: Name, as_json: Json = False) -> None:
    """Check that a collection is whole; exit code 1 when it is not, with what to do."""
    with errors_for_people():
        import openitr

        with openitr.open(collection) as library:
            problems = [problem.to_json() for problem in library.verify()]
        broken = [problem for problem in problems if problem["level"] == "error"]
        if as_json:
            emit_json({"whole": not broken, "problems": problems})
        else:
            for problem in problems:
                out.print(f"{problem['level']}: {problem['what']}", markup=False)
                if problem["remedy"]:
                    out.print(f"  try: {problem['remedy']}", markup=False)
            out.print("whole" if not broken else f"not whole: {len(broken)} problems")
    if broken:
        raise typer.Exit(1)


def remove(
    collection: Name,
    where: Annotated[list[str] | None, typer.Option("--where", help="Filter, as in `openitr search`.")] = None,
    ids: Annotated[list[int] | None, typer.Option("--id", help="Id of a picture; may be repeated.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Forget pictures; the files stay where they are.

    Example:  openitr remove photos --where "folder=screenshots"
    """
    with errors_for_people():
        import openitr
        from openitr.errors import QueryError

        if not where and not ids:
            raise QueryError("nothing was named", "give --where or --id")
        with openitr.open(collection) as library:
            chosen = library.select(ids=ids or (), where=where or ())
            if chosen and not yes and not as_json:
                typer.confirm(f"Forget {len(chosen)} pictures? The files stay.", abort=True, err=True)
            count = library.remove(chosen)
        if as_json:
            emit_json({"removed": count})
        else:
            out.print(f"{count} forgotten" if count else "nothing to forget: no picture is meant by that")
        if count and not as_json:
            say("indexing the folder leaves them out from now on; `openitr index --restore` takes them again")


def export(
    collection: Name,
    to: Annotated[Path, typer.Option("--to", help="A new or empty folder.")],
    files: Annotated[bool, typer.Option("--files", help="Copy the pictures too.")] = False,
    as_json: Json = False,
) -> None:
    """Write items, vectors and thumbnails as Parquet (and files), for other programs or another machine.

    Example:  openitr export photos --to backup
    """
    with errors_for_people():
        import openitr

        with openitr.open(collection) as library:
            written = library.export(to, files=files)
        if as_json:
            emit_json(written)
        else:
            out.print(f"{written['items']} pictures, {written['bytes']:,} bytes in {to}", markup=False)


def import_(
    source: Annotated[Path, typer.Argument(help="A folder that `openitr export` wrote.")],
    into: Annotated[str, typer.Option("--into", help="A new collection.")],
    as_json: Json = False,
) -> None:
    """Make a collection from an export, without encoding anything again."""
    with errors_for_people():
        from openitr.library import import_export

        with import_export(source, into) as library:
            count = len(library)
        if as_json:
            emit_json({"items": count})
        else:
            out.print(f"{count} pictures in {into}", markup=False)


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    for command in (info, verify, remove, export):
        app.command(rich_help_panel=KEEP)(command)
    app.command("import", rich_help_panel=KEEP)(import_)
