"""``openitr info`` without a name: which collections lie in the user's data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openitr.cli.output import emit_json, say, table


def list_collections(as_json: bool) -> None:
    """Name, pictures, size and state of each; one that cannot be opened says why."""
    from openitr.collection.places import data_folder

    home = data_folder()
    found = [_about(path) for path in sorted(home.iterdir()) if _is_one(path)] if home.is_dir() else []
    if as_json:
        emit_json({"folder": str(home), "collections": found})
        return
    if not found:
        say(f"no collection in {home}; begin one: openitr index ~/Pictures --into photos")
        return
    rows = [
        [one["name"], one["error"] or f"{one['pictures']:,}", ", ".join(one["models"]), f"{one['bytes'] / 1e6:,.1f}"]
        for one in found
    ]
    table("", ["collection", "pictures", "models", "MB"], rows, right=frozenset({1, 3}))
    say(f"in {home}; others are named by their directory")


def _is_one(path: Path) -> bool:
    from openitr.collection.manifest import NAME

    return (path / NAME).is_file()


def _about(path: Path) -> dict[str, Any]:
    from openitr.collection import Collection
    from openitr.collection.about import sizes
    from openitr.errors import OpenITRError

    about: dict[str, Any] = {"name": path.name, "pictures": 0, "models": [], "bytes": sum(sizes(path).values())}
    try:
        with Collection.open(path) as collection:
            models = [collection.run(name).spec for name in collection.run_names()]
            return about | {"pictures": len(collection), "models": models, "error": ""}
    except OpenITRError as error:
        return about | {"error": error.message}
