"""What a collection holds, in numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from openitr.collection.collection import Collection


def info(collection: Collection) -> dict[str, Any]:
    """Counts, folders, runs, bytes on disk by part, and skipped files by reason, as plain data."""
    db = collection.store.read
    counts = dict(db.execute("SELECT root, count(*) FROM items GROUP BY root").fetchall())
    runs = []
    for name in collection.run_names():
        run = collection.run(name)
        runs.append(
            {
                "name": name,
                "state": run.state,
                "kind": run.kind,
                "model": run.spec,
                "dim": run.dim,
                "vectors": len(run.index),
                "fingerprint": run.fingerprint[:12],
            }
        )
    return {
        "path": str(collection.path),
        "items": len(collection),
        "format": collection.manifest.format,
        "created": collection.manifest.created,
        "roots": [
            {"id": number, "path": str(path), "items": counts.get(number, 0), "there": path.is_dir()}
            for number, path in collection.roots().items()
        ],
        "runs": runs,
        "captions": db.execute("SELECT count(*) FROM captions").fetchone()[0],
        "formats": dict(db.execute("SELECT format, count(*) FROM items GROUP BY format ORDER BY 2 DESC").fetchall()),
        "fields": collection.fields(),
        "skipped": dict(Counter(row["reason"] for row in collection.skipped()).most_common()),
        "bytes": sizes(collection.path),
    }


def sizes(folder: Path) -> dict[str, int]:
    """Bytes on disk of items, thumbnails and vectors."""

    def total(*patterns: str) -> int:
        return sum(p.stat().st_size for pattern in patterns for p in folder.glob(pattern) if p.is_file())

    return {"items": total("items.sqlite*"), "thumbnails": total("thumbs.sqlite*"), "vectors": total("runs/**/*")}
