"""What answers a collection's searches, and its way to a cluster and back: ``engine`` and ``migrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from openitr.cli.output import KEEP, emit_json, errors_for_people, out, say

if TYPE_CHECKING:
    from openitr.collection import Collection

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Workers = Annotated[
    str | None, typer.Option("--workers", help="Decoding processes (default: by the machine), or ray://host:10001.")
]
Use = Annotated[str | None, typer.Option("--engine", help="What answers from now on: flat, faiss or qdrant.")]
Url = Annotated[str, typer.Option("--url", help="Of the Qdrant server.")]
Shards = Annotated[int | None, typer.Option(min=1, help="Qdrant: parts that new collections are spread over.")]
Replicas = Annotated[int | None, typer.Option(min=1, help="Qdrant: nodes that keep each part.")]


def engine(
    collection: Annotated[str, typer.Argument(help="Collection: a directory or a name.")],
    use: Annotated[
        str | None, typer.Option("--use", help="flat: compare all; faiss: one-bit codes; qdrant: a cluster.")
    ] = None,
    url: Url = "",
    shards: Shards = None,
    replicas: Replicas = None,
    as_json: Json = False,
) -> None:
    """Say what answers a collection's searches, or choose it; the vectors on disk stay the truth.

    Indexing keeps what was chosen up to date.

    Examples:
      openitr engine photos --use faiss
      openitr engine photos --use qdrant --url http://cluster:6333 --shards 6 --replicas 2
    """
    with errors_for_people():
        from openitr.collection import Collection, engines

        with Collection.open(collection) as opened:
            if use is None and (url or shards or replicas):
                from openitr.errors import InputError

                raise InputError("an address without --use", "openitr engine photos --use qdrant --url ...")
            if use is not None:
                _choose(opened, use, url, shards, replicas)
            chosen = engines.chosen(opened.path)
            runs = {name: _how(opened.run(name).index.stats()) for name in opened.run_names()}
        if as_json:
            emit_json({"engine": chosen.name, "url": chosen.url or None, "runs": runs})
        else:
            out.print(f"{chosen.name} {chosen.url}".strip(), markup=False)
            for name, how in runs.items():
                out.print(f"  {name}: " + ", ".join(f"{key} {value}" for key, value in how.items()), markup=False)


def _how(stats: dict[str, Any]) -> dict[str, Any]:
    return {key: stats[key] for key in ("count", "bytes", "exact", "stale", "derived") if key in stats}


def _choose(collection: Collection, use: str, url: str, shards: int | None, replicas: int | None) -> None:
    from openitr.collection import engines

    chosen: Any = use
    say(_told(engines.use(collection, engines.Engine(chosen, url, "", shards, replicas), _Lines())))


def keep_up(library: Any, use: str | None, url: str, shards: int | None, replicas: int | None) -> None:
    """After indexing: choose an engine where one is named, else bring the chosen one up to date.

    Raises:
        InputError: An engine for a collection that is on a server of OpenITR.
    """
    from openitr.collection import engines
    from openitr.errors import InputError

    collection = getattr(library, "collection", None)
    if collection is None or not hasattr(collection, "store"):
        if use or url:
            raise InputError("the server has that collection", "choose its engine there: openitr engine NAME --use ...")
        return
    if use is not None or url:
        _choose(collection, use or "qdrant", url, shards, replicas)
    elif engines.chosen(collection.path).name != "flat":
        say(_told(engines.bring_up(collection, _Lines())))


def _told(done: dict[str, Any]) -> str:
    if "runs" in done:
        words = {
            "derived": "derived anew",
            "fresh": "up to date",
            "small": "too small to need it: the store answers alone",
        }
        return "; ".join(f"{name}: {words[what]}" for name, what in done["runs"].items()) or "no dense run"
    if "vectors" in done:
        return (
            f"{done['items']} items and {done['vectors']} vectors sent, {done['removed']} removed, "
            f"{done['checked']} checked"
        )
    return "the store answers alone"


class _Lines:
    """A line on standard error when a transfer comes to something new, and every ten seconds."""

    def __init__(self) -> None:
        self._what, self._last = "", 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        import time

        now = time.monotonic()
        if what != self._what or now - self._last > 10:
            self._what, self._last = what, now
            say(f"{what}: {done:,} of {total:,}")


def migrate(
    source: Annotated[str, typer.Argument(help="A collection, or http://host:6333/NAME on a Qdrant server.")],
    to: Annotated[str, typer.Option("--to", help="Where to: http://host:6333/NAME.")] = "",
    into: Annotated[str, typer.Option("--into", help="Where to: a new collection on this machine.")] = "",
    shards: Shards = None,
    replicas: Replicas = None,
    as_json: Json = False,
) -> None:
    """Copy a collection to a Qdrant server, or from there into a new one; no picture is encoded again.

    Interrupted, the same command goes on. At the end every vector is read back and compared.

    Examples:
      openitr migrate photos --to http://cluster:6333/photos --shards 6 --replicas 2
      openitr migrate http://cluster:6333/photos --into photos2
    """
    with errors_for_people():
        from openitr.collection import Collection
        from openitr.collection.qdrant_copy import named, pull, push
        from openitr.errors import InputError

        if bool(to) == bool(into):
            raise InputError("say where to, once", "--to http://host:6333/NAME, or --into COLLECTION")
        if to:
            server, name = named(to)
            with Collection.open(source) as collection:
                sent = push(collection, server, name, shards=shards, replicas=replicas, told=_Lines())
        else:
            sent = pull(*named(source), into, told=_Lines())
        if as_json:
            emit_json(sent.to_json())
        else:
            out.print(_told(sent.to_json()), markup=False)


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command(rich_help_panel=KEEP)(engine)
    app.command(rich_help_panel=KEEP)(migrate)
