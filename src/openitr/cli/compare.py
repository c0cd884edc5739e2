"""The command ``compare``: several models on the same data, with tests."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from openitr.cli.output import MEASURE, emit_json, err, errors_for_people, out, say, say_protocol, table
from openitr.errors import InputError


def named(specs: list[str]) -> dict[str, list[str]]:
    """Models by the names they are called in tables.

    ``NAME=MODEL,MODEL,...`` names several runs of one method; anything else is one model, called by its own spec.

    >>> named(["default", "mine=runs/seed0,runs/seed1"])
    {'default': ['default'], 'mine': ['runs/seed0', 'runs/seed1']}
    """
    found: dict[str, list[str]] = {}
    for spec in specs:
        name, equals, models = spec.partition("=")
        if not equals or Path(spec).exists():
            name, models = spec, spec
            runs = [spec]
        else:
            runs = models.split(",")
        if not name or not all(runs):
            raise InputError(f"{spec!r} names no model", "write MODEL or NAME=MODEL,MODEL,...")
        if name in found:
            raise InputError(f"{name!r} comes twice", "give each its own name: first=MODEL second=MODEL")
        found[name] = runs
    return found


def compare(
    models: Annotated[list[str], typer.Argument(help="Two or more: MODEL, or NAME=MODEL,MODEL,... for several runs.")],
    data: Annotated[str, typer.Option("--data", help="A pair dataset, as for `openitr eval`.")],
    split: Annotated[
        str | None, typer.Option("--split", help="Which split (default: test, else val, else all).")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the texts.")] = "en",
    to: Annotated[
        Path | None, typer.Option("--out", help="Folder for report.md, report.tex, report.json and plot.svg.")
    ] = None,
    samples: Annotated[int, typer.Option("--samples", min=100, help="Bootstrap draws.")] = 1000,
    swaps: Annotated[int, typer.Option("--swaps", min=100, help="Random swaps of each test.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", help="Of draws and swaps.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Say which model is better, by how much, and whether that is more than chance.

    Example:  openitr compare default conse --data flickr8k --split val --out comparison
    """
    with errors_for_people():
        from openitr import datasets, encoders
        from openitr.evaluate import comparison_report
        from openitr.evaluate.comparison import compare as measure

        groups = named(models)
        dataset = datasets.read(data)
        entrants = {name: [encoders.load(spec) for spec in specs] for name, specs in groups.items()}
        with err.status("encoding", spinner="dots") as status:
            found = measure(
                dataset,
                entrants,
                split=split,
                lang=lang,
                samples=samples,
                swaps=swaps,
                seed=seed,
                progress=lambda line: status.update(line),
            )
        words = ["openitr", "compare", *models, "--data", data, "--split", str(found.protocol["split"])]
        words += ["--lang", lang, "--samples", str(samples), "--swaps", str(swaps), "--seed", str(seed)]
        command = shlex.join(words)
        written = comparison_report.write(found, to, command) if to else []
        if as_json:
            emit_json(comparison_report.to_json(found, command))
        else:
            columns, rows = comparison_report.table(found)
            table("", columns, rows, right=frozenset(range(1, len(columns))))
            out.print("")
            for line in found.verdicts():
                out.print(f"{line}.", markup=False, soft_wrap=True)
            say("")
            say_protocol(found.protocol)
        for path in written:
            say(f"wrote {path}")


def register(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command(rich_help_panel=MEASURE)(compare)
