"""The command ``diagnose``: what a model gets wrong, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from openitr.cli.idle import Idle
from openitr.cli.output import MEASURE, emit_json, err, errors_for_people, out, say

_COLOURS = {"bad": "red", "mind": "yellow", "open": "cyan", "fine": "green"}


def diagnose(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Which model; see `openitr models`.")] = "default",
    data: Annotated[
        str | None, typer.Option("--data", help="Pairs to look at; without it, drawn scenes stand in.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Which split (default: test, else val, else all).")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the texts.")] = "en",
    pictures: Annotated[int, typer.Option("--pictures", min=10, max=5000, help="How many to draw.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw.")] = 0,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Write diagnosis.html and diagnosis.json into this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Find out what a model gets wrong, in plain words, with numbers and what to do.

    Example:  openitr diagnose default --data flickr8k --out report
    """
    with errors_for_people():
        Idle(context).unless(data, "--data", "split", "lang")
        import json

        from openitr import datasets, encoders
        from openitr.diagnose import diagnose as examine
        from openitr.diagnose import page

        encoder = encoders.load(model)
        dataset = None if data is None else datasets.read(data)
        with err.status("encoding", spinner="dots") as status:
            found = examine(
                encoder,
                dataset,
                split=split,
                lang=lang,
                pictures=pictures,
                seed=seed,
                say=lambda line: status.update(line),
            )
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "diagnosis.html").write_text(page(found), encoding="utf-8")
            document = json.dumps(found.to_json(), ensure_ascii=False, indent=2)
            (folder / "diagnosis.json").write_text(document + "\n", encoding="utf-8")
            say(f"page: {folder / 'diagnosis.html'}")
        if as_json:
            emit_json(found.to_json())
            return
        for finding in found.findings:
            out.print(f"[bold {_COLOURS[finding.level]}]{finding.level}[/]  {escape(finding.title)}", soft_wrap=True)
            out.print(f"      {escape(finding.number)}", soft_wrap=True)
            if finding.do:
                out.print(f"      [dim]{escape(finding.do)}[/]", soft_wrap=True)
        if data is None:
            say("measured on drawn scenes; give --data for pictures of your own kind")


def register(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command(rich_help_panel=MEASURE)(diagnose)
