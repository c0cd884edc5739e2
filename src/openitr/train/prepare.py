"""A pair dataset to examples of pixels and word ids, and what is held out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from openitr.datasets.digest import content_stamp, digest
from openitr.datasets.pairs import PairDataset
from openitr.errors import DatasetError, UnreadableImage
from openitr.media.images import decode
from openitr.media.prepare import Preparation
from openitr.train.examples import Examples

Say = Callable[[str], None]


class Words(Protocol):
    """Texts to (n, L) int64 ids, 0 for padding."""

    def encode(self, texts: Sequence[str]) -> Tensor: ...


def part(
    data: PairDataset, *, split: str | None, held: str | None, lang: str, seed: int = 0
) -> tuple[PairDataset, PairDataset, str]:
    """What to train on, what to hold out, and in words how they were chosen. The test split is never touched.

    Args:
        data: The whole.
        split: To train on; "train" if there is one, else everything but val and test when None.
        held: To measure on; "val" if there is one, else a tenth of the training pairs (at most 500) when None.
        lang: Pairs without a text in it are left out.
        seed: Of the tenth.

    Raises:
        DatasetError: No such split or language, or too little to hold anything out.
    """
    view, there = data.language(lang), set(data.splits)
    chosen = view.split(*([split] if split else ["train"] if "train" in there else sorted(there - {"val", "test"})))
    if held is not None or ("val" in there and split != "val"):
        name = held or "val"
        return chosen, view.split(name), f"trained on {split or 'train'}, measured on {name}"
    if len(chosen) < 20:
        raise DatasetError(f"{len(chosen)} pairs are too few to hold a tenth of them out", "give 20 or more")
    out = {pair.id for pair in chosen.take(min(500, len(chosen) // 10), seed)}
    kept, aside = chosen.filter(lambda p: p.id not in out), chosen.filter(lambda p: p.id in out)
    return kept, aside, f"a tenth of {split or 'the training pairs'} held out (seed {seed})"


def read_pixels(data: PairDataset, preparation: Preparation, say: Say) -> tuple[Tensor, PairDataset, str]:
    """Decode and prepare every picture: (n, 3, s, s) uint8, the pairs that could be read, the content hash."""
    pixels, kept, stamps = [], [], []
    for row, pair in enumerate(data):
        raw: bytes | None = None
        try:
            raw = pair.read()
            pixels.append(preparation(decode(raw, shrink_to=preparation.size).array))
            kept.append(pair)
        except UnreadableImage as error:
            say(f"left out {pair.id}: {error.reason}")
        stamps.append(content_stamp(raw))
        if row % 500 == 499:
            say(f"pictures {row + 1:,} of {len(data):,}")
    if not pixels:
        raise DatasetError(f"no picture of {data.name or 'the dataset'} can be decoded", "check the files")
    stacked = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous()
    return stacked, PairDataset(kept, data.name), digest(data, stamps)


def labels_of(data: PairDataset, field: str) -> Tensor:
    """A metadata field as whole numbers, equal values equal, in the order of the dataset.

    Args:
        data: The pairs.
        field: Its name; dots lead into nested fields ("attributes.season").

    Raises:
        DatasetError: A pair without the field.
    """
    values: list[Any] = []
    for pair in data:
        value: Any = pair.metadata
        for name in [field] if field in pair.metadata else field.split("."):
            if not isinstance(value, Mapping) or name not in value:
                raise DatasetError(
                    f"{pair.id!r} has no metadata {field!r}", f"it has: {', '.join(pair.metadata) or 'none'}"
                )
            value = value[name]
        values.append(str(value))
    _, numbers = np.unique(values, return_inverse=True)
    return torch.from_numpy(numbers.astype(np.int64))


def pixel_examples(
    data: PairDataset, preparation: Preparation, tokenizer: Words, *, lang: str, label: str = "", say: Say
) -> Examples:
    """Pairs as pixels and ids.

    Args:
        data: Every pair with a text in ``lang``.
        preparation: How a picture becomes the tower's square.
        tokenizer: Words to ids.
        lang: Language of the texts.
        label: Metadata field that becomes the labels; none if empty.
        say: Told what is going on.
    """
    pixels, kept, content = read_pixels(data, preparation, say)
    texts, owner = kept.texts(lang)
    labels = labels_of(kept, label) if label else None
    return Examples(pixels, tokenizer.encode(texts), owner, labels, content)
