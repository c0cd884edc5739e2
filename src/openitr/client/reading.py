"""Answers of a server as the types that a local library gives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from openitr.types import Hit, Hits, Item, Query, Reason

if TYPE_CHECKING:
    from openitr.collection import IngestReport, Progress
    from openitr.search.duplicates import DuplicateGroup
    from openitr.search.suggest import Suggested


def item_of(document: Mapping[str, Any]) -> Item:
    """A picture; what a short answer leaves out is empty.

    >>> item_of({"id": 1, "root": 1, "path": "a.jpg", "width": 4, "height": 3}).name
    'a.jpg'
    """
    moment = document.get("mtime_ns")
    if moment is None:
        moment = int(datetime.fromisoformat(document["mtime"]).timestamp()) * 10**9 if "mtime" in document else 0
    facts = dict(document.get("facts") or {})
    if not facts and document.get("taken_at"):
        facts["taken_at"] = document["taken_at"]
    return Item(
        id=int(document["id"]),
        root=int(document["root"]),
        path=str(document["path"]),
        sha256=str(document.get("sha256", "")),
        size=int(document.get("size", 0)),
        mtime_ns=int(moment),
        width=int(document["width"]),
        height=int(document["height"]),
        format=str(document.get("format", "")),
        facts=facts,
        metadata=dict(document.get("metadata") or {}),
        captions=tuple(document.get("captions") or ()),
        notes=tuple(document.get("notes") or ()),
    )


def hits_of(document: Mapping[str, Any], query: Query) -> Hits:
    """The answer to a search; whole items where the server sent them."""
    found = [
        Hit(
            item=item_of(hit.get("item") or hit),
            score=float(hit["score"]),
            probability=float(hit["probability"]),
            bucket=hit["bucket"],
            why=tuple(Reason(r["stage"], float(r["score"]), r["text"]) for r in hit["why"]),
        )
        for hit in document["hits"]
    ]
    return Hits(query, found, float(document["took_ms"]), int(document["total"]), tuple(document.get("notes", ())))


def group_of(document: Mapping[str, Any]) -> DuplicateGroup:
    """Pictures that are the same, or look it."""
    from openitr.search.duplicates import DuplicateGroup

    items = [item_of(item) for item in document["items"]]
    keeper = next(item for item in items if item.id == document["keeper"])
    return DuplicateGroup(document["kind"], items, keeper, [str(item.get("why", "")) for item in document["items"]])


def progress_of(document: Mapping[str, Any]) -> Progress:
    """Where indexing on the server stands."""
    from openitr.collection import Progress

    return Progress(
        done=int(document["done"]),
        total=int(document["total"]),
        added=int(document.get("added", 0)),
        skipped=int(document.get("skipped", 0)),
        rate=float(document.get("rate", 0.0)),
        eta=float(document.get("eta", 0.0)),
        committed=int(document.get("committed", 0)),
        current=str(document.get("current", "")),
    )


def report_of(document: Mapping[str, Any]) -> IngestReport:
    """What indexing on the server changed."""
    from openitr.collection import IngestReport

    counts = {key: int(document[key]) for key in ("added", "updated", "unchanged", "moved", "removed", "skipped")}
    return IngestReport(
        **counts,
        seconds=float(document["seconds"]),
        images_per_second=float(document["images_per_second"]),
        notes=[str(note) for note in document.get("notes", ())],
    )


def suggested_of(document: Mapping[str, Any]) -> Suggested:
    """Suggestions."""
    from openitr.search.suggest import Suggested, Suggestion

    made = [
        Suggestion(
            str(one["query"]),
            tuple(str(words) for words in one["added"]),
            tuple(int(id) for id in one["ids"]),
            float(one["share"]),
            None if one.get("found") is None else float(one["found"]),
            tuple(str(note) for note in one.get("notes") or ()),
        )
        for one in document["suggestions"]
    ]
    hints = [None if document[name] is None else str(document[name]) for name in ("did_you_mean", "language")]
    notes = tuple(str(note) for note in document["notes"])
    return Suggested(str(document["query"]), tuple(made), int(document["results"]), hints[0], hints[1], notes)
