"""Commands that measure: ``eval``, ``models`` and ``doctor``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openitr.cli.ask import cure_of, lines_of
from openitr.cli.idle import Idle
from openitr.cli.output import (
    KEEP,
    MEASURE,
    emit_json,
    entries,
    err,
    errors_for_people,
    measured,
    out,
    say_protocol,
    table,
)
from openitr.errors import InputError

if TYPE_CHECKING:
    from openitr.datasets import PairDataset
    from openitr.encoders.base import Encoder

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
# Options that only some tasks read; "" is the plain one, pictures and texts both ways.
_OF_TASK = {"": ("lang", "unhub", "bank"), "cir": ("change", "keep", "composer"), "negation": (), "chat": ()}


def evaluate(
    context: typer.Context,
    data: Annotated[
        str, typer.Argument(help="A pair dataset: folder, CSV, Parquet, JSONL, COCO JSON, tar shards, ...")
    ],
    model: Annotated[str, typer.Option("--model", help="Which model; see `openitr models`.")] = "default",
    split: Annotated[
        str | None, typer.Option("--split", help="Which split (default: test, else val, else all).")
    ] = None,
    lang: Annotated[
        str, typer.Option("--lang", help="Language of the texts; several with commas are compared.")
    ] = "en",
    unhub: Annotated[
        str | None, typer.Option("--unhub", help="Send back what comes up for everything: nnn or qb-norm.")
    ] = None,
    bank: Annotated[
        Path | None, typer.Option("--bank", help="With --unhub: a file of unrelated texts, one a line.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help='cir: a picture and what should be different; negation: "X but no Y", made from captions; '
            "chat: dialogues with a simulated user.",
        ),
    ] = None,
    change: Annotated[
        str | None, typer.Option("--change", help="With --task cir: the attribute that changes (baseColour).")
    ] = None,
    keep: Annotated[
        str, typer.Option("--keep", help="With --task cir: attributes that stay, with commas between them.")
    ] = "",
    composer: Annotated[
        list[str] | None, typer.Option("--composer", help="With --task cir: the folder of a trained composer as well.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval both ways and print the protocol with the numbers.

    Examples:
      openitr eval flickr8k --split val
      openitr eval flickr8k --split val --model multilingual --lang en,de,zh
      openitr eval flickr8k --split val --task negation
      openitr eval flickr8k --split val --task chat
      openitr eval cirr --task cir
      openitr eval fashion --task cir --change baseColour --keep gender,articleType
    """
    with errors_for_people():
        if task is not None and task not in _OF_TASK:
            tasks = ", ".join(filter(None, _OF_TASK))
            raise InputError(f"there is no task {task!r}", f"use {tasks}, or none for pictures and texts both ways")
        idle = Idle(context)
        idle.among(_OF_TASK, task, "--task")
        idle.unless(unhub, "--unhub", "bank")
        idle.unless(change, "--change", "keep")
    if task == "negation":
        from openitr.cli.negation import evaluate_negation

        evaluate_negation(data, model, split, as_json)
        return
    if task == "chat":
        from openitr.cli.chatting import evaluate_chats

        evaluate_chats(data, model, split, as_json)
        return
    if task is not None:
        from openitr.cli.composing import evaluate_cir

        evaluate_cir(data, model, split, change, keep, composer or (), as_json)
        return
    with errors_for_people():
        from openitr import datasets, encoders
        from openitr.evaluate import evaluate as measure

        cure = cure_of(unhub) if unhub is not None else None
        known = lines_of(bank)
        dataset = datasets.read(data)
        encoder = encoders.load(model)
        if "," in lang:
            _evaluate_languages(dataset, encoder, lang, split, as_json)
            return
        with err.status("encoding", spinner="dots") as status:
            report = measure(
                dataset,
                encoder,
                split=split,
                lang=lang,
                progress=lambda line: status.update(line),
                unhub=cure,
                bank=known,
            )
        if as_json:
            emit_json(report.to_json())
            return
        columns, rows = report.table()
        table("", columns, rows, right=frozenset(range(1, len(columns))))
        out.print(f"RSUM {report.rsum:.1f}")
        out.print("")
        say_protocol(report.to_json()["protocol"])


def _evaluate_languages(dataset: PairDataset, encoder: Encoder, lang: str, split: str | None, as_json: bool) -> None:
    """``--lang en,de,zh``: the same pictures in each language, one text a picture."""
    from openitr.evaluate.by_language import compare_languages

    languages = [one.strip() for one in lang.split(",") if one.strip()]
    with err.status("encoding", spinner="dots") as status:
        found = compare_languages(dataset, encoder, languages, split=split, progress=lambda line: status.update(line))
    if as_json:
        emit_json(found.to_json())
        return
    measured(*found.table(), found.protocol)


def models(as_json: Json = False) -> None:
    """List the models that can be used here with their terms, and what the others need.

    Examples:
      openitr models
      openitr index ~/Pictures --into photos --model multilingual
    """
    with errors_for_people():
        from openitr import encoders

        listed = encoders.available()
        if as_json:
            emit_json({"models": [asdict(model) for model in listed]})
            return
        for m in listed:
            size = f"{m.size_bytes / 1e6:.0f} MB" if m.size_bytes else ""
            state = "ready" if m.installed else f'needs pip install "openitr[{m.extra}]"'
            facts = [m.kind, f"{m.dim} numbers" if m.dim else "", size, state]
            entries([(m.name, ", ".join(filter(None, facts)), f"{m.summary} {m.terms}".strip())])


def doctor(as_json: Json = False) -> None:
    """Check this installation: versions, formats, extras, and that the default model answers."""
    with errors_for_people():
        from openitr.cli.health import examine

        findings = examine()
        if as_json:
            emit_json({"healthy": all(f.ok for f in findings), "findings": [f.to_json() for f in findings]})
        else:
            for finding in findings:
                mark = "[green]ok[/]" if finding.ok else "[red]no[/]"
                out.print(mark, end="  ")
                out.print(f"{finding.what}: {finding.value}", markup=False, soft_wrap=True)
                if finding.remedy:
                    out.print(f"    try: {finding.remedy}", markup=False, soft_wrap=True)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("eval", rich_help_panel=MEASURE)(evaluate)
    app.command(rich_help_panel=MEASURE)(models)
    app.command(rich_help_panel=KEEP)(doctor)
