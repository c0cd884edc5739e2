"""The command that trains: ``train``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from openitr.cli.idle import Idle
from openitr.cli.output import MEASURE, emit_json, err, errors_for_people, out, say, table
from openitr.cli.progress import clock
from openitr.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    from openitr.train import Step

# Options that only one task reads; "" trains a dual encoder.
_OF_TASK = {
    "": (
        *("texts", "micro", "patience", "lang", "label", "image_size", "freeze", "precision", "device", "board"),
        "resume",
    ),
    "cir": ("change", "keep"),
}


def train(
    context: typer.Context,
    data: Annotated[str, typer.Option("--data", help="A pair dataset: folder, CSV, Parquet, JSONL, COCO JSON, ...")],
    into: Annotated[Path, typer.Option("--out", help="Folder of the model; --resume goes on in it.")],
    objective: Annotated[
        str,
        typer.Option("--objective", help="What to train for: info-nce, siglip, one-to-k, small-loss:share=0.3, ..."),
    ] = "info-nce",
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="tiny (from scratch), projector (on the frozen towers), a trained folder, transformers:NAME, "
            "open_clip:ARCHITECTURE/PRETRAINED.",
        ),
    ] = "projector",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the pictures.")] = 10,
    batch: Annotated[int, typer.Option(min=2, help="Pictures per step.")] = 128,
    rate: Annotated[
        float | None, typer.Option(help="Highest learning rate (default: 1e-3, of a published model 1e-5).")
    ] = None,
    texts: Annotated[int, typer.Option(min=0, help="Texts drawn per picture and step; 0 takes all.")] = 1,
    micro: Annotated[
        int, typer.Option(min=0, help="Pictures in a tower at a time, with gradients of the whole batch; 0: all.")
    ] = 0,
    patience: Annotated[int, typer.Option(min=0, help="Stop after so many epochs without progress; 0: never.")] = 0,
    split: Annotated[str | None, typer.Option("--split", help="Split to train on (default: train, else all).")] = None,
    held: Annotated[
        str | None, typer.Option("--held", help="Split to measure on (default: val, else a tenth of the pairs).")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the texts.")] = "en",
    label: Annotated[str, typer.Option("--label", help="Metadata field that says which pictures mean the same.")] = "",
    image_size: Annotated[int, typer.Option(min=8, help="Side of the pictures of a tiny model, pixels.")] = 32,
    limit: Annotated[int, typer.Option(min=0, help="At most so many training pictures; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 0,
    freeze: Annotated[
        list[str] | None, typer.Option("--freeze", help="Parameters that stay as they are, by prefix: image., text.")
    ] = None,
    precision: Annotated[str, typer.Option(help="float32, or bfloat16 in the towers.")] = "float32",
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    board: Annotated[Path | None, typer.Option("--board", help="Folder for TensorBoard's curves.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted training stopped.")] = False,
    task: Annotated[
        str | None, typer.Option("--task", help="cir: a composer for `search --but`, on a model that stays as it is.")
    ] = None,
    change: Annotated[
        str | None, typer.Option("--change", help="With --task cir: attributes that change, commas between them.")
    ] = None,
    keep: Annotated[
        str, typer.Option("--keep", help="With --task cir: attributes that stay, with commas between them.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Train a model on your own pairs; `openitr index --model` takes the folder it writes.

    Examples:
      openitr train --data flickr8k --objective info-nce --model projector --out mine
      openitr train --data fashion --task cir --change baseColour --keep gender,articleType --out recolour
    """
    with errors_for_people():
        idle = Idle(context)
        if task is not None and task not in _OF_TASK:
            raise InputError(f"there is no task {task!r}", "use cir, or none to train a dual encoder")
        idle.among(_OF_TASK, task, "--task")
        if model != "tiny":
            idle.refuse(["image_size"], f"with --model {model}", "leave {} out: it is for --model tiny")
    if task is not None:
        from openitr.cli.composing import train_cir

        train_cir(
            data,
            into,
            change=change,
            keep=keep,
            # The default of the other training is one that is trained; a composer stands on one that stays as it is.
            model=model if "model" in idle else "default",
            objective=objective,
            epochs=epochs,
            batch=batch,
            rate=1e-3 if rate is None else rate,
            split=split,
            held=held,
            limit=limit,
            seed=seed,
            quiet=quiet,
            as_json=as_json,
        )
        return
    with errors_for_people():
        try:
            from openitr import train as room
        except ModuleNotFoundError as error:
            raise MissingExtra("trained models", "train") from error
        from openitr import datasets
        from openitr.train.published import is_published

        chosen = room.objective_named(objective, model=model)
        plan = room.Plan(
            epochs=epochs,
            batch=batch,
            # What a published model has learned is soon forgotten at the rate that suits new weights.
            rate=rate if rate is not None else 1e-5 if is_published(model) else 1e-3,
            texts=texts,
            micro=micro,
            patience=patience,
            seed=seed,
            freeze=tuple(freeze or ()),
            precision=cast(Any, precision),
        )
        with ExitStack() as open_:
            open_.enter_context(_to_be_resumed(into))
            shown = open_.enter_context(_progress(quiet))
            if board is not None:
                shown = _both(shown, open_.enter_context(room.Board(board)))
            done = room.train(
                datasets.read(data),
                chosen,
                model,
                into,
                plan,
                lang=lang,
                split=split,
                held=held,
                label=label,
                image_size=image_size,
                limit=limit,
                resume=resume,
                device=device,
                say=(lambda line: None) if quiet else say,
                progress=shown,
            )
        if as_json:
            emit_json(done.to_json())
            return
        rows = [[f"{row['epoch']:.0f}", f"{row['loss']:.4f}", f"{row['rsum']:.1f}"] for row in done.history.rows]
        table("", ["epoch", "loss", "RSUM held out"], rows, right=frozenset({0, 1, 2}))
        out.print(f"kept the weights of epoch {done.history.best}: RSUM {done.history.rsum:.1f} of 600")
        in_it = "" if lang == "en" else f" --lang {lang}"
        say(f"is it better than the one that ships? openitr compare default {into} --data {data}{in_it}")
        say(f"use it: openitr index PICTURES --into C --model {into}")


@contextmanager
def _to_be_resumed(into: Path) -> Iterator[None]:
    """Say of a Ctrl-C how to go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        from openitr.train.checkpoint import NAME

        saved = (into.expanduser() / NAME).exists()
        say(f"interrupted; {'the same command with --resume goes on' if saved else 'nothing was saved yet'}")
        raise typer.Exit(1) from error


def _both(shown: Callable[[Step], None] | None, board: Callable[[Step], None]) -> Callable[[Step], None]:
    """Both are told of every step."""

    def each(step: Step) -> None:
        board(step)
        if shown is not None:
            shown(step)

    return each


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Step], None] | None]:
    """A bar on a terminal, a line every ten seconds elsewhere; on standard error."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        began = last = 0.0
        first = 0

        def line(step: Step) -> None:
            nonlocal began, last, first
            now = time.monotonic()
            if not began:
                # Time to read the data, and steps of an earlier call, say nothing of the steps to come.
                began, first = now, step.done
            if step.done == step.total or now - last > 10:
                last = now
                spent = (now - began) / max(1, step.done - first)
                left = f", {clock(spent * (step.total - step.done))} left" if first < step.done < step.total else ""
                say(f"step {step.done} of {step.total}, {_fields(step)}{left}")

        yield line
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[at]}")]
    with Progress(*columns, TimeRemainingColumn(compact=True), console=err) as bar:
        task = bar.add_task("training", total=None, at="")
        yield lambda step: bar.update(task, completed=step.done, total=step.total, at=_fields(step))


def _fields(step: Step) -> str:
    rsum = "" if step.rsum != step.rsum else f", RSUM {step.rsum:.1f}"
    return f"epoch {step.epoch}, loss {step.loss:.3f}{rsum}"


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command(rich_help_panel=MEASURE)(train)
