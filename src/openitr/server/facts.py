"""What is said of pictures in answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openitr.types import Item

if TYPE_CHECKING:
    from openitr.server.served import ServedCollection


def whole_item(served: ServedCollection, item: Item) -> dict[str, Any]:
    """Everything known of a picture; where it lies only if that may be shown."""
    facts: dict[str, Any] = {
        "id": item.id,
        "root": item.root,
        "path": item.path,
        "name": item.name,
        "sha256": item.sha256,
        "size": item.size,
        "mtime_ns": item.mtime_ns,
        "mtime": datetime.fromtimestamp(item.mtime_ns // 10**9, UTC).isoformat(),
        "width": item.width,
        "height": item.height,
        "format": item.format,
        "facts": dict(item.facts),
        "metadata": {k: v if isinstance(v, str | int | float) else list(v) for k, v in item.metadata.items()},
        "captions": list(item.captions),
        "notes": [served.house.discreet(note) for note in item.notes],
    }
    if isinstance(taken := item.facts.get("taken_at"), str):
        facts["taken_at"] = taken
    if served.house.settings.show_paths:
        facts["file"] = str(served.library.file(item))
    return facts
