"""Pair datasets: pictures with their texts, from the layouts in which they are published.

    >>> from openitr import datasets
    >>> data = datasets.read("flickr8k")                    # doctest: +SKIP
    >>> print(data.describe())                              # doctest: +SKIP

Names are loaded when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.datasets.layouts import LAYOUTS, read
    from openitr.datasets.pair import Pair
    from openitr.datasets.pairs import Coverage, PairDataset
    from openitr.datasets.sources import FileImage, ImageSource, MemoryImage

_HOMES = {
    "LAYOUTS": "layouts",
    "Coverage": "pairs",
    "FileImage": "sources",
    "ImageSource": "sources",
    "MemoryImage": "sources",
    "Pair": "pair",
    "PairDataset": "pairs",
    "read": "layouts",
}

__all__ = ["LAYOUTS", "Coverage", "FileImage", "ImageSource", "MemoryImage", "Pair", "PairDataset", "read"]

__getattr__ = lazily(__name__, _HOMES)
