"""Tux Paint's stamps as small squares with one English name each: real drawings to train tiny towers on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openitr.embeddings import Ints
from openitr.errors import UnreadableImage
from openitr.media.prepare import Preparation
from openitr.systems.card import Budget
from openitr.types import ImageArray


@dataclass(frozen=True, eq=False)
class Stamps:
    """Stamps that are pictures of things.

    Args:
        pictures: (size, size, 3) uint8 each.
        names: One English text each, all different.
        labels: (n,) int64, the folder each came from ("animals/birds"), as a number.
        folders: Their names.
    """

    pictures: Sequence[ImageArray]
    names: Sequence[str]
    labels: Ints
    folders: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)


def stamps(budget: Budget, size: int = 32, *, least: int = 1) -> Stamps:
    """Read the PNG stamps outside the folders of symbols, each name once.

    Args:
        budget: Says where the data is.
        size: Side, pixels; the whole stamp is fitted in, borders in grey.
        least: Leave out folders with fewer stamps.

    Raises:
        DatasetError: The data is not there.
    """
    from openitr import datasets
    from openitr.media.images import decode

    prepare = Preparation(size, "pad")
    pictures, names, folders, seen = [], [], [], set[str]()
    for pair in datasets.read(budget.data("tuxpaint")):
        folder = str(pair.metadata.get("category", ""))
        text = (pair.texts.get("en") or ("",))[0].strip()
        if not pair.id.endswith(".png") or folder.startswith("symbols") or not text or text in seen:
            continue
        try:
            pictures.append(prepare(decode(pair.read(), shrink_to=size).array))
        except UnreadableImage:
            continue
        seen.add(text)
        names.append(text)
        folders.append(folder)
    counts = {folder: folders.count(folder) for folder in set(folders)}
    kept = [row for row, folder in enumerate(folders) if counts[folder] >= least]
    known = sorted({folders[row] for row in kept})
    labels = np.array([known.index(folders[row]) for row in kept], np.int64)
    return Stamps([pictures[row] for row in kept], [names[row] for row in kept], labels, known)
