"""OpenITR: image-text retrieval.

    >>> import openitr
    >>> photos = openitr.open("photos")                    # doctest: +SKIP
    >>> photos.search("two dogs", k=10)                    # doctest: +SKIP

The names below load on first use, so that ``import openitr`` stays under 200 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.client import Client
    from openitr.embeddings import DenseEmbeddings, LexiconEmbeddings, TokenEmbeddings
    from openitr.errors import OpenITRError
    from openitr.library import Library, create, open
    from openitr.types import Hit, Hits, Item, Part, Query

__version__ = "0.1.0"

_HOMES = {
    "Client": "client",
    "DenseEmbeddings": "embeddings",
    "Hit": "types",
    "Hits": "types",
    "Item": "types",
    "LexiconEmbeddings": "embeddings",
    "Library": "library",
    "OpenITRError": "errors",
    "Part": "types",
    "Query": "types",
    "TokenEmbeddings": "embeddings",
    "create": "library",
    "open": "library",
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

__getattr__ = lazily(__name__, _HOMES)
