"""``openitr systems``: the cards of published systems, and the experiments on them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from openitr.cli.idle import Idle
from openitr.cli.output import MEASURE, emit_json, entries, err, errors_for_people, fail, out, say, table
from openitr.errors import InputError, MissingExtra, OpenITRError

if TYPE_CHECKING:
    from openitr.systems import Card, Outcome

_SHOWN, _ERROR, _NOT_SHOWN = 0, 1, 3
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

app = typer.Typer()


@app.callback(invoke_without_command=True)
def listing(context: typer.Context, as_json: Json = False) -> None:
    """Published systems: what each claims, and the experiment in miniature that shows it here.

    Without a command they are listed.

    Examples:
      openitr systems
      openitr systems run cross-the-gap
    """
    with errors_for_people():
        if context.invoked_subcommand is None:
            list_(as_json)
        else:
            where = f"before {context.invoked_subcommand}"
            Idle(context).refuse(["as_json"], where, f"say it behind: {context.invoked_subcommand} ... {{}}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the systems that work here, with what each claims: the same as without a command."""
    with errors_for_people():
        from openitr import systems

        cards = systems.cards()
        if as_json:
            emit_json({"systems": [card.to_json() for card in cards]})
            return
        entries([(c.slug, f"{c.year}, {c.family}", c.claim) for c in cards])
        say(f"{len(cards)} systems; openitr systems run SLUG shows one")


@app.command()
def run(
    slugs: Annotated[list[str] | None, typer.Argument(help="Which systems; see `openitr systems`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Run every card.")] = False,
    seconds: Annotated[float, typer.Option(help="What each experiment may take on two quiet cores.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    as_json: Json = False,
) -> None:
    """Run experiments: claim and measurement side by side.

    Exit code 0: shown; 3: it ran and the claim does not show here; 1: an error.

    Example:  openitr systems run cross-the-gap
    """
    worst, documents = _SHOWN, []
    with errors_for_people():
        from openitr import systems

        if bool(slugs) == every:
            raise InputError("which systems?", "name some, or use --all")
        chosen = systems.cards() if every else [systems.find(slug) for slug in slugs or ()]
        for card in chosen:
            try:
                document, outcome = _measure(card, systems.Budget(seconds, seed))
            except OpenITRError as error:
                if len(chosen) == 1:
                    fail(error)
                    raise typer.Exit(_ERROR) from error
                say(f"{card.slug}: {error}")
                document, outcome = {"slug": card.slug, "claim": card.claim, "error": str(error)}, None
                worst = _ERROR
            documents.append(document)
            if outcome is not None and not outcome.shown and worst == _SHOWN:
                worst = _NOT_SHOWN
            if outcome is not None and not as_json:
                _print(card, outcome, document["seconds"])
        if as_json:
            emit_json(documents[0] if len(documents) == 1 else {"systems": documents})
        elif len(documents) > 1:
            _summary(documents)
    # One failure of many is still a failure of the command.
    if worst != _SHOWN:
        raise typer.Exit(worst)


def _measure(card: Card, budget: Any) -> tuple[dict[str, Any], Outcome]:
    began = time.monotonic()
    with err.status(f"{card.slug}: running", spinner="dots"):
        try:
            outcome = card.experiment(budget)
        except ModuleNotFoundError as error:
            raise MissingExtra("experiments", "systems") from error
    document = {
        "slug": card.slug,
        "claim": card.claim,
        "shown": outcome.shown,
        "measured": outcome.measured,
        "data": outcome.data,
        "seconds": round(time.monotonic() - began, 2),
        "checks": [check.to_json() for check in outcome.checks],
        "notes": list(outcome.notes),
        "seed": budget.seed,
    }
    return document, outcome


def _print(card: Card, outcome: Outcome, seconds: float) -> None:
    out.print(f"[bold]{escape(card.slug)}[/]  {escape(card.title)} ({card.year})", soft_wrap=True)
    out.print(f"claim     {escape(card.claim)}", soft_wrap=True)
    for check in outcome.checks:
        verdict = "[green]yes[/]" if check.passed else "[red]no[/] "
        aside = "" if check.counts else "  [dim](reported only)[/]"
        out.print(f"  {verdict}  {escape(check.claim)}{aside}", soft_wrap=True)
        numbers = ", ".join(f"{name} {value}" for name, value in check.to_json()["measured"].items())
        out.print(f"       [dim]{escape(numbers)}[/]", soft_wrap=True)
    out.print(f"data      {escape(outcome.data)}", soft_wrap=True)
    for note in outcome.notes:
        out.print(f"note      {escape(note)}", soft_wrap=True)
    shown = "[green]yes[/]" if outcome.shown else "[yellow]no[/]"
    out.print(f"shown     {shown}  in {seconds:.0f} s\n")


def _summary(documents: list[dict[str, Any]]) -> None:
    rows = [
        [d["slug"], "error" if "error" in d else "yes" if d["shown"] else "no", d.get("seconds", "")] for d in documents
    ]
    table("", ["system", "shown", "s"], rows, right=frozenset({2}))


def register(top: typer.Typer) -> None:
    """Add this room's commands."""
    top.add_typer(app, name="systems", rich_help_panel=MEASURE)
