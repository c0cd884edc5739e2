"""Files whose content we may have: touched ones and moved ones are told by their hash, without decoding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from openitr.collection.lines import to_db
from openitr.collection.roots import Scope
from openitr.collection.scan import Scan, Task
from openitr.collection.sidecars import Table
from openitr.collection.writing import Writer
from openitr.media.pool import DecodePool
from openitr.media.results import Hashed


@dataclass(frozen=True, slots=True)
class Settled:
    """What was settled by hashes alone."""

    touched: int = 0
    moved: int = 0
    removed: int = 0


def settle_known(writer: Writer, scan: Scan, pool: DecodePool, table: Table) -> Settled:
    """Give items whose file moved their new path, and those that were only touched their new time.

    All renames are resolved together and applied in one transaction, so that a chain (2 becomes 3, 1 becomes 2)
    keeps every id. An item whose path is taken over by another's content, and whose own content is nowhere, goes.
    """
    hashed = list(_hashed(pool, scan.scope, scan.tasks(known=True)))
    if not hashed:
        return Settled()
    db = writer.db
    touched: list[tuple[int, Task]] = []
    rest: list[tuple[Task, bytes]] = []
    settled: set[int] = set()
    for task, sha256 in hashed:
        row = db.execute(
            "SELECT id FROM items WHERE root = ? AND path = ? AND sha256 = ?",
            (scan.scope.root, to_db(task[0]), sha256),
        ).fetchone()
        if row:
            touched.append((row[0], task))
            settled.add(row[0])
        else:
            rest.append((task, sha256))
    moved: list[tuple[int, Task]] = []
    for task, sha256 in rest:
        rows = db.execute(
            "SELECT id FROM items JOIN temp.displaced ON item = id WHERE sha256 = ? ORDER BY id", (sha256,)
        )
        free = next((id for (id,) in rows if id not in settled), None)
        if free is not None:
            moved.append((free, task))
            settled.add(free)
    removed = _apply(writer, scan, table, touched, moved, settled)
    return Settled(len(touched), len(moved), removed)


def _hashed(pool: DecodePool, scope: Scope, tasks: Iterable[Task]) -> Iterator[tuple[Task, bytes]]:
    files = ((task, scope.folder.joinpath(*task[0].split("/"))) for task in tasks)
    for result in pool.hashes(files):
        if isinstance(result, Hashed):
            path, _, _, sidecar = result.key
            yield (path, result.size, result.mtime_ns, sidecar), bytes.fromhex(result.sha256)


def _apply(
    writer: Writer,
    scan: Scan,
    table: Table,
    touched: list[tuple[int, Task]],
    moved: list[tuple[int, Task]],
    settled: set[int],
) -> int:
    """Write it down; returns how many items lost their place to another one."""
    root = scan.scope.root
    with writer.batch() as db:
        lost = {
            id
            for _, task in moved
            for (id,) in db.execute("SELECT id FROM items WHERE root = ? AND path = ?", (root, to_db(task[0])))
            if id not in settled
        }
        writer.drop_items(list(lost))
        # Names that no file can have make room first, because paths are unique at every moment.
        db.executemany("UPDATE items SET path = ? WHERE id = ?", [(f"\0{id}", id) for id, _ in moved])
        for id, (path, size, mtime_ns, sidecar) in (*moved, *touched):
            folder, _, name = path.rpartition("/")
            db.execute(
                "UPDATE items SET root = ?, path = ?, folder = ?, name = ?, size = ?, mtime_ns = ? WHERE id = ?",
                (root, to_db(path), to_db(folder), to_db(name), size, mtime_ns, id),
            )
            writer.put_words(id, table.words(path, sidecar), sidecar)
            db.execute("DELETE FROM skipped WHERE root = ? AND path = ?", (root, to_db(path)))
    for _, task in (*moved, *touched):
        scan.done(task[0])
    return len(lost)
