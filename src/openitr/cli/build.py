"""Commands that build a collection: ``index`` and ``reindex``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openitr.cli.engine import Replicas, Shards, Url, Use, Workers, check_place, engine_of, is_here, keep_up
from openitr.cli.idle import Idle
from openitr.cli.output import FIND, GO_ON, KEEP, emit_json, errors_for_people, out, say
from openitr.cli.progress import Reporter
from openitr.cli.skipped import say_skipped

if TYPE_CHECKING:
    from openitr.collection import IngestReport


def index(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of pictures; sub-folders are included.")],
    into: Annotated[
        str, typer.Option("--into", help="Collection: a directory, or a bare name under your data folder.")
    ],
    model: Annotated[
        str | None, typer.Option("--model", help="Model of a new collection; see `openitr models`.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Also build the run of a kind: dense, lexicon, late, or hybrid.")
    ] = None,
    workers: Workers = None,
    engine: Use = None,
    url: Url = "",
    shards: Shards = None,
    replicas: Replicas = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try files again that were skipped before.")] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Take pictures again that were removed from the collection.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Index a folder, or bring an indexed one up to date.

    Unchanged files are not opened again, moved ones keep their vectors, deleted ones go. It may be interrupted at
    any moment; the same command goes on where it stopped.

    Examples:
      openitr index ~/Pictures --into photos
      openitr index ~/Pictures --into photos --kind hybrid
      openitr index /nfs/archive --into archive --workers ray://head:10001 --engine qdrant --url http://cluster:6333
    """
    with errors_for_people(GO_ON):
        wanted = engine_of(Idle(context), engine, url, shards, replicas, "--engine")
        import openitr
        from openitr.collection.ray_workers import workers_of

        with openitr.create(into, model=model) as library:
            check_place(library, wanted)
            with Reporter(quiet=quiet) as reporter:
                report = library.index(
                    folder, kind=kind, workers=workers_of(workers), retry=retry, restore=restore, on_progress=reporter
                )
            keep_up(library, wanted)
            place = library.path if is_here(library) else None
            empty = not len(library)
        after = f"collection: {place or into}; ask it: openitr search {into} two dogs"
        if empty:
            after = f"no pictures were found in {folder}, and {into} holds none; look at the path"
        _print_report(report, as_json, place, after)


def reindex(
    collection: Annotated[str, typer.Argument(help="Collection.")],
    model: Annotated[str | None, typer.Option("--model", help="The model to build a new run with.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Build the run of a kind: dense, lexicon or late, with its own model.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the run (default: the model's).")] = None,
    workers: Workers = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Build a run with another model beside the old one, which stays searchable until the new one is whole.

    A run of another kind than the one that answers is asked by its kind: openitr search photos --kind late.

    Examples:
      openitr reindex photos --model conse
      openitr reindex photos --kind late
    """
    with errors_for_people(GO_ON):
        import openitr
        from openitr.collection.ray_workers import workers_of

        with openitr.open(collection) as library:
            with Reporter(quiet=quiet) as reporter:
                chosen = workers_of(workers)
                report = library.reindex(model, kind=kind, name=name, workers=chosen, on_progress=reporter)
            keep_up(library, None)
            place = library.path if is_here(library) else None
        what = f"has a {kind} run now: openitr search {collection} --kind {kind} ..." if kind else ""
        _print_report(report, as_json, place, f"{collection} {what or f'now answers with {name or model}'}")


def _print_report(report: IngestReport, as_json: bool, place: Path | None, after: str) -> None:
    facts = report.to_json()
    if as_json:
        emit_json(facts, indent=None)
        return
    counts = ", ".join(
        f"{facts[key]} {key}" for key in ("added", "updated", "moved", "removed", "unchanged", "skipped") if facts[key]
    )
    pace = f" ({facts['images_per_second']:.1f} images/s)" if facts["images_per_second"] else ""
    out.print(f"{counts or 'nothing to do'} in {facts['seconds']:.1f} s{pace}")
    for note in report.notes or ():
        say(f"note: {note}")
    if facts["skipped"]:
        say_skipped(place)
    say(after)


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command(rich_help_panel=FIND)(index)
    app.command(rich_help_panel=KEEP)(reindex)
