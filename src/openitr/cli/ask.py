"""Commands that ask: ``search`` and ``duplicates``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from openitr.cli.idle import Idle
from openitr.cli.output import FIND, emit_json, errors_for_people, out, say, table
from openitr.errors import InputError

if TYPE_CHECKING:
    from openitr.library import Library
    from openitr.search.hubness import Unhub
    from openitr.types import Hits, Query

_COLOURS = {"likely": "green", "maybe": "yellow", "rest": "dim"}


def search(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(help="Collection: a directory or a name.")],
    words: Annotated[list[str] | None, typer.Argument(help="What to look for; joined into one text.")] = None,
    text: Annotated[
        list[str] | None, typer.Option("--text", help='A further text, "2:golden retriever" weighs it.')
    ] = None,
    image: Annotated[
        list[str] | None, typer.Option("--image", help='A picture to look like; "0.5:cat.jpg" weighs it.')
    ] = None,
    but: Annotated[
        str | None, typer.Option("--but", help='What should be different from the picture, such as "in red".')
    ] = None,
    strength: Annotated[
        float, typer.Option("--strength", help="How much --but counts: 0 not at all, 1 as usual, at most 4.")
    ] = 1.0,
    composer: Annotated[
        str | None,
        typer.Option(
            "--composer", help="How --but is understood: pdv, weimocir, cirevl, or the folder of a trained one."
        ),
    ] = None,
    avoid: Annotated[list[str] | None, typer.Option("--not", help="What the hits should not show.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help='Filter: "folder=holidays", "width>=800", "tag=a|b", "taken_at>=2024-05".'),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many hits, 1 to 10000.")] = 20,
    offset: Annotated[int, typer.Option(help="Pass over so many of the best (paging).")] = 0,
    sort: Annotated[
        str, typer.Option(help="relevance, or date: newest first inside likely, maybe and rest.")
    ] = "relevance",
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="dense, lexicon or late: the run of that kind; hybrid: all, and what is written."),
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Which run, where a collection has several.")] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help='Ask with another model of the same pictures: "multilingual" for one of default.'),
    ] = None,
    boost: Annotated[
        list[str] | None, typer.Option("--boost", help='With --kind lexicon: a word that counts more, "red=3".')
    ] = None,
    forbid: Annotated[
        list[str] | None, typer.Option("--forbid", help="With --kind lexicon: a word that no hit may show.")
    ] = None,
    diverse: Annotated[float, typer.Option("--diverse", help="How much hits should differ, 0 to 1; try 0.3.")] = 0.0,
    unhub: Annotated[
        str | None, typer.Option("--unhub", help="Send back pictures that come up for everything: nnn or qb-norm.")
    ] = None,
    bank: Annotated[
        Path | None, typer.Option("--bank", help="With --unhub: a file of texts as people ask them here, one a line.")
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option(
            "--rerank", help="Look again at the best: logic, comclip, cotrr, or the folder of a trained fusion model."
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, for every hit.")] = False,
    paths: Annotated[
        bool, typer.Option("--paths", help="Print full paths of the likely hits only, one a line.")
    ] = False,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="Also write the hits as a page of thumbnails.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Search by words, by picture, or both.

    Hits come as likely, maybe and rest; when none is likely, the collection probably does not show it.

    Examples:
      openitr search photos two dogs running on grass
      openitr search photos --image cat.jpg --not indoors --where folder=holidays
      openitr search photos lisbon tram --kind hybrid
      openitr search photos a dog but no people
      openitr search photos --image dress.jpg --but "in red"
      openitr search photos a dog --kind lexicon --boost beach --forbid snow
      openitr search photos zwei Hunde im Schnee --model multilingual
    """
    with errors_for_people():
        idle = Idle(context)
        idle.unless(but, "--but", "strength", "composer")
        idle.unless(unhub, "--unhub", "bank")
        if but is not None and rerank is not None:
            raise InputError("--rerank looks at words, and --but changes a picture", "leave one of the two out")
        idle.unless(words or text, "words", "boost", "rerank")
        if as_json:
            idle.refuse(["paths"], "with --json", "every hit of the JSON has its path; leave one of the two out")
        if paths:
            idle.refuse(["explain"], "with --paths", "leave one of the two out")

        import openitr
        from openitr.search.word_weights import parse_terms

        with openitr.open(collection) as library:
            query = library.query(
                " ".join(words or []) or None,
                texts=text or (),
                images=image or (),
                negatives=avoid or (),
                where=where or (),
                k=k,
                offset=offset,
                sort=sort,
                terms=parse_terms(boost or (), forbid or ()),
            )
            if unhub is None:
                different: dict[str, Any] = {"but": but, "strength": strength, "composer": composer}
                how: dict[str, Any] = {"kind": kind, "run": run, "model": model, "diverse": diverse, "rerank": rerank}
                hits = library.search(query, images=image or (), **how, **different)
            else:
                from openitr.search.compose import Change

                change = None if but is None else Change.of(but, strength, composer, image or ())
                cure, known = cure_of(unhub), lines_of(bank)

                def cured(asked: Query) -> Hits:
                    chosen: dict[str, Any] = {"kind": kind, "run": run, "model": model, "diverse": diverse}
                    stages = library.pipeline(asked, **chosen, rerank=rerank, unhub=cure, bank=known)
                    return stages(asked)

                hits = cured(query) if change is None else change.answered(query, cured)
            if sheet is not None:
                from openitr.cli.sheet import contact_sheet

                title = ", ".join(map(str, hits.query.parts))
                sheet.write_text(contact_sheet(library, [(title, hits)], title="OpenITR"), encoding="utf-8")
                say(f"contact sheet: {sheet}")
            if as_json:
                emit_json(hits.to_json())
            elif paths:
                for hit in hits.likely():
                    typer.echo(str(library.file(hit.item)))
            else:
                # What model a server's collection was made with is the server's to know.
                if "://" not in collection and (told := unread(library, hits.query, kind, run, model)):
                    say(told)
                _print_hits(hits, explain)


def unread(
    library: Library, query: Query, kind: str | None = None, run: str | None = None, model: str | None = None
) -> str | None:
    """What to say of a question in a language that the model which answered was not made for; None for nothing."""
    from openitr.search.kinds import runs_for
    from openitr.search.suggest import foreign

    asked = runs_for(library.collection, kind, run)
    found = foreign(" ".join(part.text for part in query.parts), model or asked[0].spec)
    if found is None:
        return None
    # Only a run of the default model can be asked with the other one as it is.
    ready = found.reader is not None and len(asked) == 1 and asked[0].spec == "default"
    return f"{found.sentence}: --model {found.reader}" if ready else found.sentence


def cure_of(name: str) -> Unhub:
    """A cure for hubs by its name."""
    from typing import cast

    from openitr.search.hubness import Method, Unhub

    return Unhub(cast(Method, name))


def lines_of(bank: Path | None) -> list[str]:
    """Texts of a file, one a line; none without a file."""
    if bank is None:
        return []
    try:
        return [line.strip() for line in bank.read_text("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputError(f"{bank} is not UTF-8 text", "give a text file with a query on each line") from error


def _print_hits(hits: Hits, explain: bool) -> None:
    counts = {bucket: sum(hit.bucket == bucket for hit in hits) for bucket in _COLOURS}
    for note in hits.notes:
        say(f"note: {note}")
    if hits.query.negatives:
        say(f"not: {', '.join(map(str, hits.query.negatives))}")
    if not hits:
        out.print("nothing passes the filter" if not hits.total else "no further hits")
        return
    shown = None
    for place, hit in enumerate(hits, 1 + hits.query.offset):
        if hit.bucket != shown:
            shown = hit.bucket
            out.print(f"[bold {_COLOURS[shown]}]{shown}[/] ({counts[shown]})")
        out.print(f"{place:4}  {hit.probability:4.0%}  {hit.score:7.3f}  {escape(hit.path)}", soft_wrap=True)
        if explain:
            for line in hit.explain().splitlines():
                out.print(f"      [dim]{escape(line)}[/]", soft_wrap=True)
    if not counts["likely"] and not hits.query.offset:
        say("nothing here is likely to be what you asked for")
    say(f"{len(hits)} of {hits.total} pictures in {hits.took_ms:.0f} ms")


def duplicates(
    collection: Annotated[str, typer.Argument(help="Collection.")],
    kind: Annotated[str | None, typer.Option("--kind", help="Only copy, near or similar.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Find copies, near copies and similar pictures.

    A copy has the same bytes or pixels; a near copy was resized, recompressed or lightly edited (the perceptual
    hash and the embedding agree); similar pictures show the same scene by the embedding alone.
    """
    with errors_for_people():
        import openitr

        with openitr.open(collection) as library:
            groups = library.duplicates(kind=kind)
        if as_json:
            emit_json({"groups": [group.to_json() for group in groups]})
            return
        rows: list[list[Any]] = []
        for number, group in enumerate(groups, 1):
            for item in group.items:
                keep = "keep" if item.id == group.keeper.id else ""
                rows.append([number, group.kind, keep, f"{item.width}x{item.height}", item.path])
        if not rows:
            out.print("no duplicates")
            return
        table("", ["group", "kind", "", "pixels", "path"], rows, right=frozenset({0}))
        say(f"{len(groups)} groups; nothing was deleted, the files are yours to judge")


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    commands: tuple[Callable[..., None], ...] = (search, duplicates)
    for command in commands:
        app.command(rich_help_panel=FIND)(command)
