"""The command that serves: ``serve``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from openitr.cli.output import SERVE, errors_for_people, out, say
from openitr.errors import InputError

_NAME = re.compile(r"[A-Za-z][\w-]{0,49}", re.ASCII)


def serve(
    collections: Annotated[list[str], typer.Argument(help="Collections; the first one answers when none is named.")],
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 is every address of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    read_only: Annotated[bool, typer.Option("--read-only", help="Nothing can be removed or indexed.")] = False,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="OPENITR_API_KEY",
            help="What clients must give; others on this machine see arguments, so the variable is safer.",
        ),
    ] = None,
    no_key: Annotated[
        bool, typer.Option("--no-key", help="Ask for no key, even where other machines can connect.")
    ] = False,
    allow_folder: Annotated[
        list[Path] | None, typer.Option(help="A folder that may be indexed from the page; may be repeated.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name this server is reached by, such as a proxy's.")
    ] = None,
    show_paths: Annotated[bool, typer.Option("--show-paths", help="Answers may name folders of this disk.")] = False,
    reranker: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FOLDER, a trained fusion model that requests may name; may be repeated."),
    ] = None,
    composer: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER, a trained composer that requests may name; may be repeated.")
    ] = None,
    rate_limit: Annotated[float, typer.Option(min=0, help="Requests per second and client; 0 is no limit.")] = 0,
    workers: Annotated[
        int,
        typer.Option(min=0, max=64, help="Processes beside the server that answer searches in words; one per core."),
    ] = 0,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve collections: a page to look at, an HTTP API and MCP tools.

    Example:  openitr serve photos --open
    """
    with errors_for_people():
        from contextlib import ExitStack

        # Requests share the cores; a product that spreads over all of them for one would make the others wait. Read
        # when NumPy is loaded, which has not happened yet.
        for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
            os.environ.setdefault(name, "1")

        import openitr
        from openitr.errors import MissingExtra
        from openitr.server.settings import Settings

        try:
            from openitr.server.listen import serve as run
        except ModuleNotFoundError as error:
            raise MissingExtra("The page and the API", "server") from error
        from openitr.search.compose.named import check_composer
        from openitr.search.rerank.named import check_reranker

        composers, rerankers = folders_of(composer, check_composer), folders_of(reranker, check_reranker)
        if no_key and api_key:
            raise InputError("a key and --no-key", "give one of them")
        local = host in ("localhost", "127.0.0.1", "::1")
        if not local and not api_key and not no_key:
            # Serving a network without a key by mistake is the one mistake that cannot be taken back.
            import secrets

            api_key = secrets.token_urlsafe(18)
            say(f"other machines can connect, so a key is needed: {api_key}")
            say("choose your own with OPENITR_API_KEY, or leave the door open with --no-key")
        elif not local and not api_key:
            more = "" if read_only else " and can remove them"
            say(f"warning: every machine that can connect sees all pictures{more}")
        settings = Settings(
            host=host,
            port=port,
            read_only=read_only,
            api_key=api_key or None,
            allow_folders=tuple(allow_folder or ()),
            allow_hosts=tuple(allow_host or ()),
            show_paths=show_paths,
            rate_limit=rate_limit,
            rerankers=rerankers,
            composers=composers,
            workers=workers,
        )
        with ExitStack() as stack:
            libraries = {}
            for given in collections:
                if given.startswith(("http://", "https://")):
                    raise InputError(f"{given} is served already", "give collections of this machine")
                library = stack.enter_context(openitr.open(given))
                name = Path(given).resolve().name if Path(given).is_dir() else Path(given).name
                if name in libraries:
                    raise InputError(f"two collections are called {name}", "rename the folder of one of them")
                libraries[name] = library

            def ready(address: str) -> None:
                out.print(address)
                say(f"serving {', '.join(libraries)}; Ctrl-C stops")
                if open_page:
                    typer.launch(address)

            run(libraries, settings, ready=ready)
        say("stopped")


def folders_of(given: list[str] | None, check: Callable[[str], str]) -> dict[str, Path]:
    """Folders by the names that requests will say.

    Args:
        given: NAME=FOLDER each.
        check: Raises for what is no such folder; gives words that have a meaning already back.

    Raises:
        InputError: No name, one that is taken, or no such folder.
    """
    found: dict[str, Path] = {}
    for text in given or ():
        name, _, folder = text.partition("=")
        if not _NAME.fullmatch(name) or not folder:
            raise InputError(f"{text!r} names no folder", "write NAME=FOLDER, the name in letters, digits, - and _")
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise InputError(f"there is no folder {folder}", "give the one that the training wrote")
        check(str(path))
        if name in found or _taken(name, check):
            raise InputError(f"{name} has a meaning already", "choose another name")
        found[name] = path.resolve()
    return found


def _taken(name: str, check: Callable[[str], str]) -> bool:
    """Whether it is one of the words that need no folder."""
    try:
        return check(name) == name and not Path(name).is_dir()
    except InputError:
        return False


def register(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command(rich_help_panel=SERVE)(serve)
