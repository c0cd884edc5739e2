"""``skipped.jsonl``: the files that could not be read, for people and scripts."""

from __future__ import annotations

import json

from openitr.collection.lines import from_db
from openitr.collection.writing import Writer

NAME = "skipped.jsonl"


def write_skipped(writer: Writer) -> None:
    """Replace the file by what the database says; each line has file, reason and remedy."""
    part = writer.path / f"{NAME}.part"
    rows = writer.db.execute(
        "SELECT roots.path, skipped.path, reason, remedy FROM skipped JOIN roots ON roots.id = root ORDER BY 1, 2"
    )
    with part.open("w", encoding="utf-8") as file:
        for root, path, reason, remedy in rows:
            whole = f"{from_db(root)}/{from_db(path)}"
            # Plain ASCII with escapes: a file name that is no valid text is named all the same.
            file.write(json.dumps({"file": whole, "reason": reason, "remedy": remedy}) + "\n")
    part.replace(writer.path / NAME)
