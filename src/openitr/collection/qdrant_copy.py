"""A collection on a Qdrant server, whole enough to be made again from it.

NAME.items    a point per item, without a vector: what is known of it; point 0 says which folders and runs there are
NAME.RUN      a point per vector of a run

Both ways only what differs is sent, by checksum, so that an interrupted transfer goes on where it stopped, and a second
one brings the copy up to date. Thumbnails stay behind: they are made again from the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from openitr.collection.collection import Collection, Run
from openitr.collection.lines import to_db
from openitr.collection.places import find
from openitr.collection.transfer import Maker, put_row, row_of
from openitr.collection.writing import Writer
from openitr.embeddings import Ints, Kind
from openitr.errors import CollectionError, DamagedCollection, InputError
from openitr.index.base import Index
from openitr.index.points import SUM, checksums, library
from openitr.index.qdrant import QdrantIndex, answers_for_people, connect

FORMAT = 1
_BLOCK = 512
_PAGE = 5000
_ABOUT = 0
Told = Callable[[str, int, int], None]
"""Called with what is being sent, how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a transfer changed.

    Args:
        items, vectors: How many were sent, new ones and changed ones.
        removed: Points that the source has not, or no longer.
        checked: Points whose checksum was compared afterwards.
    """

    items: int
    vectors: int
    removed: int
    checked: int

    def to_json(self) -> dict[str, int]:
        """As plain data."""
        return asdict(self)


def name_for(text: str) -> str:
    """A name that Qdrant takes, from a collection's or a run's.

    >>> name_for("My photos/2026")
    'My-photos-2026'
    """
    return re.sub(r"[^\w-]+", "-", text).strip("-") or "collection"


def push(
    collection: Collection,
    where: str | os.PathLike[str] | Any,
    name: str,
    *,
    shards: int | None = None,
    replicas: int | None = None,
    told: Told | None = None,
) -> Sent:
    """Send a collection to a server, or bring the copy there up to date; all its runs, whatever their kind.

    Args:
        collection: The truth; it may be searched meanwhile, and written to (then send again).
        where: Address, or a client.
        name: What it is called there.
        shards: How many parts collections that are made are spread over.
        replicas: How many nodes keep each part.
        told: Told of progress.

    Raises:
        ServerError: Nobody answers.
        DamagedCollection: The copy is not the original: somebody else writes there.
    """
    client, own = _client(where)
    try:
        items = _Items(client, f"{name}.items", shards, replicas)
        runs = [collection.run(one) for one in collection.run_names()]
        items.write_about(_about(collection, runs, whole=False))
        sent, gone, checked = items.bring_up(collection, told)
        vectors = 0
        for run in runs:
            target = QdrantIndex(client, run_name(name, run.name), run.kind, run.dim, shards=shards, replicas=replicas)
            added, dropped = bring_up(run.index, target, told, run.name)
            if len(wrong := differing(run.index, target)):
                # Their checksums say otherwise: they were changed on the server.
                target.add(wrong, run.index.vectors(wrong))
                added += len(wrong)
                check(run.index, target)
            vectors, gone, checked = vectors + added, gone + dropped, checked + len(target)
        items.write_about(_about(collection, runs, whole=True))
        return Sent(sent, vectors, gone, checked)
    finally:
        if own:
            client.close()


def pull(
    where: str | os.PathLike[str] | Any, name: str, into: str | os.PathLike[str], *, told: Told | None = None
) -> Sent:
    """Make a collection of what :func:`push` sent; ids stay what they were.

    It is built beside its place and moved there when it is whole and checked; interrupted, the same call goes on.

    Raises:
        CollectionError: There is something at ``into`` already, or no whole collection of that name on the server.
        DamagedCollection: What arrived is not what was sent.
        ServerError: Nobody answers.
    """
    target = find(into)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CollectionError(f"{target} is not empty", "choose another place")
    client, own = _client(where)
    try:
        items = _Items(client, f"{name}.items", make=False)
        about = items.about()
        if about is None or not about.get("whole") or int(about.get("format", 0)) > FORMAT:
            raise CollectionError(f"the server holds no whole collection {name!r}", "send it again, or check the name")
        target.parent.mkdir(parents=True, exist_ok=True)
        workshop = target.parent / f".{target.name}.arriving"
        begun = (workshop / "collection.json").is_file()
        with Collection.open(workshop) if begun else Collection.create(workshop) as collection:
            sent = _fill(collection, client, name, items, about, told)
        if target.exists():
            target.rmdir()
        workshop.rename(target)
        return sent
    finally:
        if own:
            client.close()


def run_name(name: str, run: str) -> str:
    """What a run's vectors are called on the server."""
    return f"{name}.{name_for(run)}"


def bring_up(store: Index, target: QdrantIndex, told: Told | None = None, what: str = "vectors") -> tuple[int, int]:
    """Make one index the copy of another: what is missing or differs is sent, what is too much goes. How many each."""
    there, ids = target.sums(), store.ids()
    extra = np.setdiff1d(np.fromiter(there, np.int64, len(there)), ids)
    target.remove(extra)
    sent = 0
    for start in range(0, len(ids), _BLOCK):
        part = ids[start : start + _BLOCK]
        vectors = store.vectors(part)
        differs = [row for row, sum in enumerate(checksums(vectors)) if there.get(int(part[row])) != sum]
        if differs:
            target.add(part[differs], vectors[differs])
            sent += len(differs)
        if told:
            told(what, start + len(part), len(ids))
    return sent, len(extra)


def differing(store: Index, target: QdrantIndex) -> Ints:
    """Read every vector of the copy back; the ids of those that are not the original's."""
    ids, wrong = store.ids(), [np.zeros(0, np.int64)]
    if not np.array_equal(ids, target.ids()):
        raise DamagedCollection(f"{target.name} holds {len(target)} vectors for {len(ids)}", "send it again")
    for start in range(0, len(ids), _BLOCK):
        part = ids[start : start + _BLOCK]
        wrong.append(part[np.not_equal(checksums(store.vectors(part)), checksums(target.vectors(part)))])
    return np.concatenate(wrong)


def check(store: Index, target: QdrantIndex) -> int:
    """Compare every vector of two copies; how many.

    Raises:
        DamagedCollection: One is missing or differs.
    """
    if len(wrong := differing(store, target)):
        raise DamagedCollection(f"{target.name}: vector {wrong[0]} is not the one that was sent", "send it again")
    return len(target)


class _Items:
    """The Qdrant collection that holds what is known of items."""

    def __init__(
        self, client: Any, name: str, shards: int | None = None, replicas: int | None = None, *, make: bool = True
    ) -> None:
        self.client, self.name = client, name
        _, self._m = library()
        with answers_for_people(name):
            self.there = bool(client.collection_exists(name))
            if make and not self.there:
                client.create_collection(name, vectors_config={}, shard_number=shards, replication_factor=replicas)
                self.there = True

    def about(self) -> dict[str, Any] | None:
        """What point 0 says."""
        if not self.there:
            return None
        with answers_for_people(self.name):
            found = self.client.retrieve(self.name, [_ABOUT], with_payload=True)
        return cast("dict[str, Any]", found[0].payload) if found else None

    def write_about(self, about: Mapping[str, Any]) -> None:
        """Replace point 0."""
        self._send([(_ABOUT, about)])

    def _send(self, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        made = [self._m.PointStruct(id=id, vector={}, payload=dict(payload)) for id, payload in rows]
        with answers_for_people(self.name):
            self.client.upsert(self.name, made, wait=True)

    def pages(self, payload: bool | list[str]) -> Iterable[list[Any]]:
        """Points but point 0, a page at a time, by ascending id."""
        offset: Any = _ABOUT + 1
        while offset is not None:
            with answers_for_people(self.name):
                page, offset = self.client.scroll(
                    self.name, limit=_PAGE, offset=offset, with_payload=payload, with_vectors=False
                )
            yield page

    def bring_up(self, collection: Collection, told: Told | None) -> tuple[int, int, int]:
        """Send items that are missing or differ; how many, how many went, and how many are the same now."""
        there = self.sums()
        ids = collection.ids()
        hashes = dict(zip(ids.tolist(), collection.hashes()[2].tolist(), strict=False))
        gone = np.setdiff1d(np.fromiter(there, np.int64, len(there)), ids).tolist()
        for start in range(0, len(gone), _PAGE):
            with answers_for_people(self.name):
                chosen = self._m.PointIdsList(points=gone[start : start + _PAGE])
                self.client.delete(self.name, chosen, wait=True)
        sent, wanted = 0, dict[int, int]()
        for start in range(0, len(ids), _BLOCK):
            rows = [_payload(item, hashes.get(item.id, 0)) for item in collection.items(ids[start : start + _BLOCK])]
            wanted |= {row["id"]: row[SUM] for row in rows}
            fresh = [(row["id"], row) for row in rows if there.get(row["id"]) != row[SUM]]
            if fresh:
                self._send(fresh)
                sent += len(fresh)
            if told:
                told("items", min(len(ids), start + _BLOCK), len(ids))
        if self.sums() != wanted:
            raise DamagedCollection(
                f"{self.name} is not what was sent", "is somebody else writing there? send it again"
            )
        return sent, len(gone), len(wanted)

    def sums(self) -> dict[int, int]:
        """The checksum of each item that is there, by id."""
        return {int(one.id): int(one.payload.get(SUM, -1)) for page in self.pages([SUM]) for one in page}


def _payload(item: Any, phash: int) -> dict[str, Any]:
    """What is known of an item as JSON can say it, with its checksum."""
    row = row_of(item, phash)
    raw = row.pop("path_bytes")
    row |= {"path_hex": raw.hex() if isinstance(raw, bytes) else ""}
    return row | {SUM: _sum(row)}


def _sum(row: Mapping[str, Any]) -> int:
    text = json.dumps({key: value for key, value in row.items() if key != SUM}, sort_keys=True)
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "little")


def _about(collection: Collection, runs: Sequence[Run], *, whole: bool) -> dict[str, Any]:
    roots = {str(number): os.fsencode(to_db(str(path))).hex() for number, path in collection.roots().items()}
    facts = ("name", "spec", "fingerprint", "kind", "dim", "state")
    return {
        "openitr": "collection",
        "format": FORMAT,
        "whole": whole,
        "roots": roots,
        "runs": [{name: getattr(run, name) for name in facts} for run in runs],
    }


def _fill(
    collection: Collection, client: Any, name: str, items: _Items, about: Mapping[str, Any], told: Told | None
) -> Sent:
    """Take over what is not here yet, then compare everything."""
    with collection.writing() as writer:
        with writer.batch() as db:
            for number, path in about["roots"].items():
                place = to_db(os.fsdecode(bytes.fromhex(path)))
                db.execute("INSERT OR IGNORE INTO roots VALUES (?, ?, '')", (int(number), place))
        arrived = _take_items(writer, items, told)
        vectors = checked = 0
        for run in about["runs"]:
            source = QdrantIndex(client, run_name(name, run["name"]), run["kind"], int(run["dim"]))
            vectors += _take_run(writer, run, source, told)
            if source.kind != "late":  # what a late index keeps is rounded anew, and so differs from what arrived
                checked += check(writer.index(run["name"]), source)
    return Sent(arrived, vectors, 0, checked + arrived)


def _take_items(writer: Writer, items: _Items, told: Told | None) -> int:
    here = {id for (id,) in writer.db.execute("SELECT id FROM items")}
    done = arrived = 0
    for page in items.pages(True):
        with writer.batch():
            for point in page:
                row = dict(point.payload)
                if _sum(row) != row.get(SUM) or int(row["id"]) != int(point.id):
                    raise DamagedCollection(f"{items.name}: item {point.id} is not what was sent", "send it again")
                if int(point.id) not in here:
                    put_row(writer, row | {"path_bytes": bytes.fromhex(row["path_hex"])})
                    arrived += 1
        done += len(page)
        if told:
            told("items", done, done)
    return arrived


def _take_run(writer: Writer, run: Mapping[str, Any], source: QdrantIndex, told: Told | None) -> int:
    name = str(run["name"])
    maker = Maker(str(run["spec"]), str(run["fingerprint"]), cast(Kind, run["kind"]), int(run["dim"]))
    writer.add_run(name, maker, "ready")
    ids = source.ids()
    missing: Ints = np.setdiff1d(ids, writer.index(name).ids())
    sums = source.sums()
    for start in range(0, len(missing), _BLOCK):
        part = missing[start : start + _BLOCK]
        vectors = source.vectors(part)
        if checksums(vectors) != [sums[int(id)] for id in part]:
            raise DamagedCollection(f"{source.name}: a vector is not the one that was sent", "send it again")
        with writer.batch():
            writer.put_vectors(name, part, vectors)
        if told:
            told(name, start + len(part), len(missing))
    if run["state"] == "active":
        writer.activate(name)
    return len(missing)


def _client(where: Any) -> tuple[Any, bool]:
    if isinstance(where, str | os.PathLike):
        return connect(where), True
    return where, False


def named(address: str) -> tuple[str, str]:
    """Server and name of ``http://host:6333/NAME``.

    Raises:
        InputError: There is no name in it.

    >>> named("http://cluster:6333/photos")
    ('http://cluster:6333', 'photos')
    """
    server, _, name = address.rstrip("/").rpartition("/")
    if not name or server.endswith((":/", ":")) or not server.startswith(("http://", "https://")):
        raise InputError(f"{address} is no address of a collection on a Qdrant server", "as in http://host:6333/photos")
    return server, name
