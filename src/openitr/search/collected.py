"""Duplicates of a whole collection: its hashes and thumbnails, and its files where pixels must be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from openitr.errors import OpenITRError
from openitr.search.duplicates import DuplicateGroup, find_duplicates
from openitr.search.lookalike import Looks
from openitr.types import Item

if TYPE_CHECKING:
    from openitr.collection import Collection, Run

_BLOCK = 512


def collection_duplicates(collection: Collection, run: Run, *, kind: str | None = None) -> list[DuplicateGroup]:
    """Groups of copies, near copies and similar pictures among the items that have a vector in a run."""
    ids, _, hashes = collection.hashes()
    inside = np.isin(ids, run.index.ids())
    ids, hashes = ids[inside], hashes[inside]
    items = collection.items(ids)
    looks = looks_of(collection, items)
    # The hash of the full picture, made while indexing, is finer than that of the thumbnail.
    kept = dict(zip(ids.tolist(), hashes.tolist(), strict=True))
    looks = Looks(np.array([kept[item.id] for item in items], np.int64), looks.contrast, looks.layout)

    def same_pixels(a: Item, b: Item) -> bool:
        from openitr.media import decode

        try:
            one, two = (decode(collection.file(item)).array for item in (a, b))
        except (OpenITRError, OSError):
            # A file that is gone or unreadable cannot be compared; the pair stays a near copy.
            return False
        return np.array_equal(one, two)

    return find_duplicates(items, run.index, looks, same_pixels=same_pixels, kind=kind)


def looks_of(collection: Collection, items: list[Item]) -> Looks:
    """How items look, from their thumbnails, a block at a time."""
    from openitr.media import decode

    hashes, contrast, layout = [np.empty(0, np.int64)], [np.empty(0, np.float32)], [np.empty((0, 8, 8, 3), np.float32)]
    for start in range(0, len(items), _BLOCK):
        pictures = []
        for item in items[start : start + _BLOCK]:
            try:
                pictures.append(decode(collection.thumbnail(item.id), shrink_to=64).array)
            except OpenITRError:
                # Grey has no contrast: such a picture takes part by its bytes alone.
                pictures.append(np.full((8, 8, 3), 127, np.uint8))
        looks = Looks.of(pictures)
        hashes.append(looks.hashes)
        contrast.append(looks.contrast)
        layout.append(looks.layout)
    return Looks(np.concatenate(hashes), np.concatenate(contrast), np.concatenate(layout))
