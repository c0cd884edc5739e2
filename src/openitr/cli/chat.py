"""``openitr chat``: a conversation about a picture, in the terminal or line by line with a program."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from openitr.cli.idle import Idle
from openitr.cli.output import FIND, emit_json, err, errors_for_people, out, say
from openitr.errors import InputError, OpenITRError

if TYPE_CHECKING:
    from openitr.search.dialogue import Session, Turn

_LONGEST = 64 * 1024
_KEPT = 8 * 1024 * 1024
_HELP = 'say what it shows, answer, or point: "like 3", "not 2 and 4", "not at night"; undo, quit'


def chat(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(help="Collection: a directory, a name, or a server's address.")],
    words: Annotated[list[str] | None, typer.Argument(help="What to begin with; joined into one text.")] = None,
    k: Annotated[int, typer.Option("-k", help="Hits per turn, 1 to 10000.")] = 10,
    kind: Annotated[str | None, typer.Option("--kind", help="dense, lexicon, late or hybrid, as for search.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="Which run, where a collection has several.")] = None,
    where: Annotated[list[str] | None, typer.Option("--where", help='Filter: "folder=holidays", "tag=a|b".')] = None,
    ask: Annotated[bool, typer.Option("--ask/--no-ask", help="Whether questions are asked.")] = True,
    lmm_url: Annotated[
        str | None, typer.Option("--lmm", help="Language model, instead of OPENITR_LMM_URL: its address, local:FOLDER.")
    ] = None,
    lmm_model: Annotated[
        str | None, typer.Option("--lmm-model", help="Its name there, instead of OPENITR_LMM_MODEL.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="A file to keep the conversation in, and to go on from.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per turn on standard output.")] = False,
) -> None:
    """Find a picture by talking about it.

    Say what it shows; answer what is asked, or not. "like 3" and "more like the second one" bring what is like a hit,
    "not 2 and 4" never shows those again, "not at night" turns away from what it names, undo takes a turn back.

    Examples:
      openitr chat photos a dog
      openitr chat photos --no-ask --where folder=holidays
      printf 'a dog\\nnot 1\\n' | openitr chat photos --json
    """
    with errors_for_people():
        idle = Idle(context)
        idle.unless(lmm_url or os.environ.get("OPENITR_LMM_URL"), "--lmm", "lmm_model")
        import openitr
        from openitr.collection.places import cache_folder
        from openitr.encoders.lmm import configured
        from openitr.search.dialogue import Session

        lmm = configured(lmm_url, lmm_model, cache=cache_folder() / "lmm")
        with openitr.open(collection) as library:
            if keep is not None and keep.exists():
                session = Session.resume(library, _read(keep), lmm=lmm, asks=None if ask else False)
                _as_it_began(idle, session, Session(library, k=k, kind=kind, run=run, where=where or ()), keep)
                say(f"going on with {keep}")
            else:
                chosen: dict[str, Any] = {"k": k, "kind": kind, "run": run, "where": where or ()}
                session = Session(library, lmm=lmm, asks=None if ask else False, **chosen)
            if not as_json:
                say(_HELP)
            if session.turns:
                _show(session.turns[-1], as_json)
            if words:
                _take(session, " ".join(words), as_json, keep)
            for line in _lines(as_json):
                if line.lower() in ("quit", "exit", "q"):
                    break
                _take(session, line, as_json, keep)


def _as_it_began(idle: Idle, session: Session, asked: Session, keep: Path) -> None:
    """Raise :class:`InputError` where something else is asked for than the conversation began with."""
    for name in ("k", "kind", "run", "where"):
        began = getattr(session, name)
        if getattr(asked, name) != began:
            what = f"it began with {json.dumps(began)}" if began else "it began without"
            idle.refuse([name], f"with {keep}: {what}", "leave {} out, or --keep another file")


def _lines(as_json: bool) -> Any:
    """What is typed or sent, line by line; blank lines are passed over."""
    talking = sys.stdin.isatty() and not as_json
    while True:
        if talking:
            err.print("[bold]you[/] ", end="")
        try:
            line = sys.stdin.readline(_LONGEST)
        except (KeyboardInterrupt, UnicodeDecodeError):
            return
        if not line:
            return
        if line.strip():
            yield line.strip()


def _take(session: Session, line: str, as_json: bool, keep: Path | None) -> None:
    """One turn; what cannot be done is said, and the conversation goes on."""
    try:
        turn = session.undo() if line.lower() == "undo" else session.say(line)
    except InputError as error:
        if as_json:
            emit_json({"error": error.message, "remedy": error.remedy}, indent=None)
            sys.stdout.flush()
        else:
            say(str(error))
        return
    _show(turn, as_json)
    if keep is not None:
        part = keep.with_name(keep.name + ".part")
        part.write_text(json.dumps(session.state(), ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(keep)


def _show(turn: Turn, as_json: bool) -> None:
    if as_json:
        emit_json(turn.to_json(), indent=None)
        sys.stdout.flush()
        return
    for note in turn.notes:
        say(f"note: {note}")
    out.print(f"[dim]searched:[/] {escape(turn.query)}", soft_wrap=True)
    for place, hit in enumerate(turn.hits, 1):
        out.print(f"{place:4}  {hit.probability:4.0%}  {escape(hit.path)}", soft_wrap=True)
    if not turn.hits:
        out.print("no hits")
    if turn.question is not None:
        out.print(f"[bold]{escape(turn.question.text)}[/]", soft_wrap=True)


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > _KEPT:
            raise InputError(f"{path} is too large for a conversation", "give a file that --keep wrote")
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        if isinstance(error, OpenITRError):
            raise
        raise InputError(f"{path} is no conversation", "give a file that --keep wrote, or another name") from error


def register(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command(rich_help_panel=FIND)(chat)
