"""Collections: items, vectors and thumbnails on disk, and how a folder gets in and out.

Names are loaded when they are used, so that a search does not pay for what indexing needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.collection.about import info
    from openitr.collection.collection import Collection, Run
    from openitr.collection.filters import parse_where
    from openitr.collection.ingesting import ingest
    from openitr.collection.places import data_folder, find
    from openitr.collection.report import IngestReport, Progress
    from openitr.collection.runs import add_run, drop_run, reindex
    from openitr.collection.transfer import export, import_
    from openitr.collection.verifying import Problem, verify

_HOMES = {
    "Collection": "collection",
    "IngestReport": "report",
    "Problem": "verifying",
    "Progress": "report",
    "Run": "collection",
    "add_run": "runs",
    "data_folder": "places",
    "drop_run": "runs",
    "export": "transfer",
    "find": "places",
    "import_": "transfer",
    "info": "about",
    "ingest": "ingesting",
    "parse_where": "filters",
    "reindex": "runs",
    "verify": "verifying",
}

__all__ = [
    "Collection",
    "IngestReport",
    "Problem",
    "Progress",
    "Run",
    "add_run",
    "data_folder",
    "drop_run",
    "export",
    "find",
    "import_",
    "info",
    "ingest",
    "parse_where",
    "reindex",
    "verify",
]

__getattr__ = lazily(__name__, _HOMES)
