"""What answers a collection's searches, and its way to a cluster and back: ``engine`` and ``migrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from openitr.cli.idle import Idle
from openitr.cli.output import GO_ON, KEEP, emit_json, errors_for_people, out, say
from openitr.errors import InputError

if TYPE_CHECKING:
    from openitr.collection import Collection
    from openitr.collection.engines import Engine

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Workers = Annotated[
    str | None, typer.Option("--workers", help="Decoding processes (default: by the machine), or ray://host:10001.")
]
Use = Annotated[str | None, typer.Option("--engine", help="What answers from now on: flat, faiss or qdrant.")]
Url = Annotated[str, typer.Option("--url", help="Of the Qdrant server.")]
Shards = Annotated[int | None, typer.Option(min=1, help="Qdrant: parts that new collections are spread over.")]
Replicas = Annotated[int | None, typer.Option(min=1, help="Qdrant: nodes that keep each part.")]


def engine(
    context: typer.Context,
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
    with errors_for_people(GO_ON):
        wanted = engine_of(Idle(context), use, url, shards, replicas, "--use")
        from openitr.collection import Collection, engines

        with Collection.open(collection) as opened:
            if wanted is not None:
                _choose(opened, wanted)
            chosen = engines.chosen(opened.path)
            runs = {name: _how(opened.run(name).index.stats()) for name in opened.run_names()}
        if as_json:
            emit_json({"engine": chosen.name, "url": chosen.url or None, "runs": runs})
        else:
            out.print(f"{chosen.name} {chosen.url}".strip(), markup=False)
            for name, how in runs.items():
                out.print(f"  {name}: {_worded(how)}", markup=False, soft_wrap=True)


def _how(stats: dict[str, Any]) -> dict[str, Any]:
    return {key: stats[key] for key in ("count", "bytes", "exact", "stale", "derived") if key in stats}


def _worded(how: dict[str, Any]) -> str:
    """What answers for a run, for people.

    >>> _worded({"count": 20000, "bytes": 61440000, "exact": True})
    '20,000 vectors, 61,440,000 bytes; the store answers, exactly'
    >>> derived = {"engine": "faiss", "bytes": 4096000}
    >>> _worded({"count": 20000, "bytes": 61440000, "exact": False, "stale": 0.031, "derived": derived})
    '20,000 vectors, 61,440,000 bytes; faiss proposes (4,096,000 bytes more), 3.1 % of the vectors came later'
    """
    said = f"{how['count']:,} vectors, {how['bytes']:,} bytes"
    if "derived" not in how:
        return f"{said}; the store answers, {'exactly' if how['exact'] else 'nearly exactly'}"
    derived = how["derived"]
    more = f" ({derived['bytes']:,} bytes more)" if derived.get("bytes") else ""
    late = f"{100 * how['stale']:.1f} % of the vectors came later" if how.get("stale") else "up to date"
    return f"{said}; {derived['engine']} proposes{more}, {late}"


def engine_of(
    idle: Idle, use: str | None, url: str, shards: int | None, replicas: int | None, flag: str
) -> Engine | None:
    """The engine that was asked for, before anything is done; None for that which is there.

    Args:
        idle: What was typed.
        use: The engine.
        url: Of a Qdrant server.
        shards: Of Qdrant.
        replicas: Of Qdrant.
        flag: Which option names an engine.

    Raises:
        InputError: An engine that is unknown or lacks its address, or options that do nothing beside it.
    """
    idle.unless(use, f"{flag} qdrant", "url", "shards", "replicas")
    if use is None:
        return None
    if use == "qdrant" and not url:
        raise InputError(f"{flag} qdrant needs the address of a server", f"{flag} qdrant --url http://host:6333")
    if use != "qdrant":
        idle.refuse(["url", "shards", "replicas"], f"with {flag} {use}", f"only {flag} qdrant has it; leave {{}} out")
    from openitr.collection.engines import Engine

    chosen: Any = use
    return Engine(chosen, url, "", shards, replicas)


def check_place(library: Any, wanted: Engine | None) -> None:
    """Raise :class:`InputError` where an engine is wanted of a collection that is on a server of OpenITR."""
    if wanted is not None and not is_here(library):
        raise InputError("the server has that collection", "choose its engine there: openitr engine NAME --use ...")


def is_here(library: Any) -> bool:
    """Whether a collection lies on this machine, rather than on a server of OpenITR."""
    return hasattr(getattr(library, "collection", None), "store")


def _choose(collection: Collection, wanted: Engine) -> None:
    from openitr.collection import engines

    say(_told(engines.use(collection, wanted, _Lines())))


def keep_up(library: Any, wanted: Engine | None) -> None:
    """After indexing: choose an engine where one is wanted, else bring the chosen one up to date."""
    from openitr.collection import engines

    if not is_here(library):
        return
    collection = library.collection
    if wanted is not None:
        _choose(collection, wanted)
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
    context: typer.Context,
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
    with errors_for_people(GO_ON):
        from openitr.collection import Collection
        from openitr.collection.qdrant_copy import named, pull, push

        if bool(to) == bool(into):
            raise InputError("say where to, once", "--to http://host:6333/NAME, or --into COLLECTION")
        Idle(context).unless(to, "--to", "shards", "replicas")
        if into and "://" not in source:
            raise InputError(
                f"{source} is on this machine; --into brings a collection here from a Qdrant server",
                f"to copy it: openitr export {source} --to FOLDER, then openitr import FOLDER --into {into}",
            )
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
