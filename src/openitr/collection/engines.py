"""What answers searches of a collection's dense runs: the flat store alone, or something derived from it.

flat     every vector is compared; the default
faiss    compressed codes beside the store (:mod:`openitr.index.faiss_codes`), for large collections on one machine
qdrant   a copy on a server or cluster (:mod:`openitr.collection.qdrant_copy`), which brings all runs and items there

The choice stands in ``engine.json``. The store stays the truth under each of them: what was derived is made again when
it is stale, and what changed since is found in the store.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from openitr.errors import CollectionError, InputError, OpenITRError
from openitr.index.derived import DerivedIndex, Near
from openitr.index.flat import FlatIndex

if TYPE_CHECKING:
    from openitr.collection.collection import Collection
    from openitr.collection.kept import RunIndex
    from openitr.collection.qdrant_copy import Told

ENGINES = ("flat", "faiss", "qdrant")
_CHOICE, _HOME, _SERVED = "engine.json", "derived", "served.json"
# Fewer vectors are scanned in a few milliseconds; and a change of so much is worth deriving again.
_ENOUGH, _STALE = 20_000, 0.05


@dataclass(frozen=True, slots=True)
class Engine:
    """What answers.

    Args:
        name: "flat", "faiss" or "qdrant".
        url: Of the Qdrant server.
        collection: What the copy is called there.
        shards, replicas: Of Qdrant collections that are made.

    Raises:
        InputError: An engine that is unknown, Qdrant without an address, or one that is none.
    """

    name: Literal["flat", "faiss", "qdrant"] = "flat"
    url: str = ""
    collection: str = ""
    shards: int | None = None
    replicas: int | None = None

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise InputError(f"there is no engine {self.name!r}", f"use {', '.join(ENGINES)}")
        if (self.name == "qdrant") != bool(self.url):
            raise InputError(
                "the engine qdrant needs an address, and no other has one", "--engine qdrant --url http://host:6333"
            )
        if self.url and not self.url.startswith(("http://", "https://")):
            raise InputError(f"{self.url} is no address of a server", "as in http://host:6333")
        if any(number is not None and number < 1 for number in (self.shards, self.replicas)):
            raise InputError(f"{self.shards} shards, {self.replicas} replicas", "use 1 or more")


def chosen(path: Path) -> Engine:
    """The engine of a collection."""
    try:
        facts = json.loads((path / _CHOICE).read_text("utf-8"))
        return Engine(**{name: facts[name] for name in ("name", "url", "collection", "shards", "replicas")})
    except FileNotFoundError:
        return Engine()
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise CollectionError(
            f"{path / _CHOICE} cannot be read: {error}", "openitr engine COLLECTION --use flat"
        ) from error


def use(collection: Collection, engine: Engine, told: Told | None = None) -> dict[str, Any]:
    """Answer with an engine from now on; what it needs is made first, and goes when another is chosen.

    Returns:
        As :func:`bring_up`.
    """
    from openitr.collection.qdrant_copy import name_for

    if engine.name == "qdrant" and not engine.collection:
        engine = Engine(engine.name, engine.url, name_for(collection.path.name), engine.shards, engine.replicas)
    done = _made(collection, engine, told)
    if engine.name == "flat":
        (collection.path / _CHOICE).unlink(missing_ok=True)
    else:
        _write(collection.path / _CHOICE, asdict(engine))
    for folder in (collection.path / "runs").glob("*"):
        if engine.name != "faiss":
            shutil.rmtree(folder / _HOME, ignore_errors=True)
        if engine.name != "qdrant":
            (folder / _SERVED).unlink(missing_ok=True)
    return done


def bring_up(collection: Collection, told: Told | None = None) -> dict[str, Any]:
    """Derive again what is stale, after a collection changed; nothing for the flat engine.

    Returns:
        "engine", and per dense run what was done ("derived", "fresh", "small"); for Qdrant what was sent.
    """
    return _made(collection, chosen(collection.path), told)


def _made(collection: Collection, engine: Engine, told: Told | None) -> dict[str, Any]:
    if engine.name == "flat":
        return {"engine": "flat"}
    stores = {name: store for name in collection.run_names() if (store := store_of(collection.run(name).index))}
    if engine.name == "faiss":
        return {"engine": "faiss", "runs": {name: _derived(store) for name, store in stores.items()}}
    from openitr.collection.qdrant_copy import push

    covered = {name: (store.state().mark.generation, len(store.state().values)) for name, store in stores.items()}
    sent = push(collection, engine.url, engine.collection, shards=engine.shards, replicas=engine.replicas, told=told)
    for name, (generation, rows) in covered.items():
        _write(stores[name].folder / _SERVED, {"generation": generation, "rows": rows})
    return {"engine": "qdrant", **sent.to_json()}


def _derived(store: FlatIndex) -> str:
    from openitr.index.faiss_codes import FaissCodes

    if len(store) < _ENOUGH:
        return "small"
    home = store.folder / _HOME
    try:
        near = FaissCodes.open(home)
    except CollectionError:
        near = None
    if near is not None and DerivedIndex(store, near).stale <= _STALE:
        return "fresh"
    FaissCodes.derive(store, home)
    return "derived"


def store_of(index: RunIndex) -> FlatIndex | None:
    """The flat index under whatever answers; None where the run is of another kind."""
    inner = index.store if isinstance(index, DerivedIndex) else index
    return inner if isinstance(inner, FlatIndex) else None


def served(path: Path, run: str, index: RunIndex) -> RunIndex:
    """A run's index behind the engine of its collection; as it is where nothing was derived from it."""
    engine = chosen(path)
    store = store_of(index)
    if store is None or engine.name == "flat":
        return index
    near = _near(engine, run, store)
    return index if near is None else cast("RunIndex", DerivedIndex(store, near))


def _near(engine: Engine, run: str, store: FlatIndex) -> Near | None:
    if engine.name == "faiss":
        from openitr.index.faiss_codes import FaissCodes

        try:
            return FaissCodes.open(store.folder / _HOME)
        except CollectionError:
            # A damaged copy is no reason not to answer: `openitr verify` says so, and the next indexing makes it again.
            return None
    about = store.folder / _SERVED
    if not about.is_file():
        return None
    from openitr.collection.qdrant_copy import run_name
    from openitr.index.qdrant import QdrantIndex
    from openitr.index.served import ServedCopy

    facts = json.loads(about.read_text("utf-8"))
    copy = QdrantIndex(engine.url, run_name(engine.collection, run), "dense", store.dim)
    return ServedCopy(copy, int(facts["generation"]), int(facts["rows"]))


def stamp(path: Path, folder: Path) -> tuple[int, ...]:
    """Changes when another engine was chosen, or something was derived again."""
    found = []
    for file in (path / _CHOICE, folder / _HOME / "derived.json", folder / _SERVED):
        try:
            found.append(file.stat().st_mtime_ns)
        except OSError:
            found.append(0)
    return tuple(found)


def problems(path: Path, index: RunIndex) -> list[str]:
    """What is wrong with what was derived from a run, in words; nothing of it endangers the collection."""
    store = store_of(index)
    if store is None or chosen(path).name != "faiss":
        return []
    from openitr.index.faiss_codes import FaissCodes

    try:
        FaissCodes.open(store.folder / _HOME)
    except OpenITRError as error:
        return [error.message]
    return []


def _write(path: Path, facts: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(facts, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
