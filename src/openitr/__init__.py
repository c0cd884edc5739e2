"""OpenITR: image-text retrieval.

    >>> import openitr
    >>> photos = openitr.open("photos")                    # doctest: +SKIP
    >>> photos.search("two dogs", k=10)                    # doctest: +SKIP

The names below load on first use, so that ``import openitr`` stays under 200 ms.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openitr.client import Client
    from openitr.embeddings import DenseEmbeddings, LexiconEmbeddings, TokenEmbeddings
    from openitr.errors import OpenITRError
    from openitr.library import Library, create, open
    from openitr.types import Hit, Hits, Item, Part, Query

__version__ = "0.1.0"

_HOMES = {
    "Client": "openitr.client",
    "DenseEmbeddings": "openitr.embeddings",
    "Hit": "openitr.types",
    "Hits": "openitr.types",
    "Item": "openitr.types",
    "LexiconEmbeddings": "openitr.embeddings",
    "Library": "openitr.library",
    "OpenITRError": "openitr.errors",
    "Part": "openitr.types",
    "Query": "openitr.types",
    "TokenEmbeddings": "openitr.embeddings",
    "create": "openitr.library",
    "open": "openitr.library",
}

__all__ = [
    "Client",
    "DenseEmbeddings",
    "Hit",
    "Hits",
    "Item",
    "LexiconEmbeddings",
    "Library",
    "OpenITRError",
    "Part",
    "Query",
    "TokenEmbeddings",
    "create",
    "open",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'openitr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
