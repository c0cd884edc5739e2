"""``openitr benchmarks``: published protocols, which of them have their data here, and the runner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openitr.cli.idle import Idle
from openitr.cli.output import MEASURE, emit_json, entries, err, errors_for_people, out, say, table
from openitr.errors import InputError

if TYPE_CHECKING:
    from openitr.evaluate.benchmarks import Benchmark

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Root = Annotated[
    str | None, typer.Option("--root", help="Folder of the files (default: looked for in the one OPENITR_DATA names).")
]

app = typer.Typer()


@app.callback(invoke_without_command=True)
def listing(context: typer.Context, as_json: Json = False) -> None:
    """Published benchmarks: what each asks, whether its data is here, and the runner.

    Without a command they are listed, with what their readers ever ran on.

    Examples:
      openitr benchmarks
      openitr benchmarks run flickr8k --root ~/data/flickr8k
    """
    with errors_for_people():
        if context.invoked_subcommand is None:
            list_(as_json)
        else:
            where = f"before {context.invoked_subcommand}"
            Idle(context).refuse(["as_json"], where, f"say it behind: {context.invoked_subcommand} ... {{}}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the protocols: the same as without a command."""
    with errors_for_people():
        from openitr.evaluate.benchmarks import BENCHMARKS

        home = _home()
        found = [(one, one.find(home)) for one in BENCHMARKS]
        if as_json:
            listed = [{**one.to_json(), "data_here": one.here(root), "root": _text(root)} for one, root in found]
            emit_json({"benchmarks": listed})
            return
        entries(
            [
                (one.name, f"{one.task}; data here: {one.here(root)}; ran on real data: {one.ran}", one.layout)
                for one, root in found
            ]
        )
        where = f"data is looked for in {home}" if home else "OPENITR_DATA names the folder in which data is looked for"
        say(f"{len(found)} benchmarks; {where}; openitr benchmarks show NAME says what one needs")


@app.command()
def show(name: Annotated[str, typer.Argument(help="Which; see `openitr benchmarks`.")], as_json: Json = False) -> None:
    """Print one protocol: files, hit, gallery, prompts, metrics, terms, published numbers.

    Example:  openitr benchmarks show circo
    """
    with errors_for_people():
        from openitr.evaluate.benchmarks import find

        one = find(name)
        document = one.to_json()
        if as_json:
            emit_json(document)
            return
        document["files"] = [f"{file.path}: {file.what}" for file in one.files]
        document["published"] = [f"{n.model}, {n.task}, {n.metric} {n.value:g} ({n.source})" for n in one.published]
        for key, value in document.items():
            for number, line in enumerate(_lines(value)):
                out.print(f"{key if not number else '':>17}  {line}", markup=False, soft_wrap=True)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="Which; see `openitr benchmarks`.")],
    root: Root = None,
    model: Annotated[str, typer.Option("--model", help="Which model; see `openitr models`.")] = "default",
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task or family of tasks; may be repeated.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Go on without pictures that cannot be read, and say how many.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run one protocol and print it with the numbers.

    Example:  openitr benchmarks run flickr8k --root ~/data/flickr8k
    """
    with errors_for_people():
        from openitr import encoders
        from openitr.evaluate.benchmarks import find, run_benchmark

        one = find(name)
        place = Path(root).expanduser() if root else _found(one)
        encoder = encoders.load(model)
        with err.status("reading", spinner="dots") as status:
            report = run_benchmark(
                one,
                place,
                encoder,
                tasks=task or (),
                allow_missing=allow_missing,
                progress=lambda line: status.update(line),
            )
        if as_json:
            emit_json(report.to_json())
            return
        columns, rows = report.table()
        table(one.title, columns, rows, right=frozenset(range(1, len(columns))))
        if report.rsum is not None:
            out.print(f"RSUM {report.rsum:.1f}")
        for published, ours in report.published():
            here = "not measured here" if ours is None else f"{ours:.1f} here"
            out.print(f"published: {published.model}, {published.task}, {published.metric} {published.value:g}; {here}")
            say(f"  from {published.source}")
        for key, value in report.to_json()["protocol"].items():
            for line in _lines(value):
                say(f"{key}: {line}")


def _found(one: Benchmark) -> Path:
    home = _home()
    place = one.find(home)
    if place is None:
        where = f"not in {home}" if home else "OPENITR_DATA is not set"
        raise InputError(f"the files of {one.name} are {where}", f"give --root; they are to be had from {one.get}")
    return place


def _home() -> Path | None:
    named = os.environ.get("OPENITR_DATA", "")
    return Path(named) if named else None


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _lines(value: Any) -> list[str]:
    if isinstance(value, list):
        return [line for one in value for line in _lines(one)] or ["none"]
    if isinstance(value, dict):
        return [", ".join(f"{key}: {one}" for key, one in value.items())]
    return ["no" if value is None else str(value)]


def register(app_: typer.Typer) -> None:
    """Add this room's commands."""
    app_.add_typer(app, name="benchmarks", rich_help_panel=MEASURE)
