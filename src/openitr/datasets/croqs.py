"""CroQS: queries, groups of the pictures they find, and the query that people suggest for each group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openitr.datasets.decoding import json_file
from openitr.errors import DatasetError

_GET = "https://github.com/Ruggero1912/CroQS-benchmark"


@dataclass(frozen=True)
class CroqsGroup:
    """One kind of picture among the results of a query.

    Args:
        name: Of the group in the file.
        items: COCO ids of its pictures, each once.
        caption: The query that a person suggests for it.
    """

    name: str
    items: tuple[int, ...]
    caption: str


@dataclass(frozen=True)
class CroqsQuery:
    """A query with the groups of its results.

    Args:
        query: As it was asked.
        groups: Of its results.
    """

    query: str
    groups: tuple[CroqsGroup, ...]

    @property
    def items(self) -> tuple[int, ...]:
        """Pictures of all groups, each once."""
        return tuple(dict.fromkeys(one for group in self.groups for one in group.items))


def load_croqs(path: str | Path) -> list[CroqsQuery]:
    """Read ``CroQS_Benchmark_v1.0.0.json``: a list of ``{"query", "clusters": {name: {"items", "caption"}}}``.

    The layout is that of Ruggero1912/CroQS-benchmark (lib/CroQS.py); the file itself is not part of this package.

    Raises:
        DatasetError: The file is not there or holds something else; the message names the place.

    References:
        Pavone et al. 2025, arXiv:2412.13834.
    """
    try:
        rows = json_file(Path(path))
    except FileNotFoundError:
        raise DatasetError(f"{path} is not there", f"get it from {_GET}") from None
    if not isinstance(rows, list):
        raise DatasetError(f"{path} is no list of queries", f"get it from {_GET}")
    return [_query(row, f"{path}, query {number}") for number, row in enumerate(rows, 1)]


def _query(row: Any, where: str) -> CroqsQuery:
    clusters = _field(row, "clusters", dict, where)
    return CroqsQuery(
        _text(row, "query", where),
        tuple(_group(name, one, f"{where}, cluster {name!r}") for name, one in clusters.items()),
    )


def _group(name: str, row: Any, where: str) -> CroqsGroup:
    items = _field(row, "items", list, where)
    if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in items):
        raise DatasetError(f"{where}: an item is no COCO id", "ids are whole numbers")
    return CroqsGroup(name, tuple(dict.fromkeys(items)), _text(row, "caption", where))


def _field(row: Any, name: str, kind: type, where: str) -> Any:
    if not isinstance(row, dict) or not isinstance(row.get(name), kind):
        raise DatasetError(f"{where}: {name!r} is missing or no {kind.__name__}", "fetch the file again")
    return row[name]


def _text(row: Any, name: str, where: str) -> str:
    said: str = _field(row, name, str, where)
    if not said.strip():
        raise DatasetError(f"{where}: {name!r} is blank", "fetch the file again")
    return said
