"""What a trainer draws from: pictures and texts in memory, as a tower takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from openitr.embeddings import Ints
from openitr.errors import DatasetError
from openitr.train.plan import Plan


@dataclass(eq=False)
class Examples:
    """Pictures and their texts, ready for a model.

    Args:
        pictures: (n, 3, h, w) uint8 pixels, or (n, d) float32 features.
        texts: (m, L) int64 ids, 0 for padding, or (m, d) float32 features.
        owner: (m,) int64, the picture of each text; texts of one picture lie together, in the order of the pictures.
        labels: (n,) int64, or None.
        content_hash: Of the data they come from.

    Raises:
        DatasetError: A picture without a text, or texts out of order.

    >>> examples = Examples(torch.zeros(2, 4), torch.zeros(3, 4), np.array([0, 0, 1]))
    >>> examples.text_rows(np.array([1, 0]), 0, np.random.default_rng(0)).tolist()
    [2, 0, 1]
    """

    pictures: Tensor
    texts: Tensor
    owner: Ints
    labels: Tensor | None = None
    content_hash: str = ""

    def __post_init__(self) -> None:
        self.owner = np.asarray(self.owner, np.int64)
        counts = np.bincount(self.owner, minlength=len(self.pictures))
        if len(self.owner) != len(self.texts) or len(counts) != len(self.pictures) or not counts.all():
            raise DatasetError(
                f"{len(self.pictures)} pictures and {len(self.texts)} texts: some picture has no text",
                "leave pictures without a text out of training",
            )
        if (np.diff(self.owner) < 0).any():
            raise DatasetError("the texts are not in the order of the pictures", "sort them by owner")
        self._first = np.concatenate([[0], counts.cumsum()])

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.pictures)

    def text_rows(self, rows: Ints, many: int, rng: np.random.Generator) -> Ints:
        """For each picture of ``rows``, ``many`` of its texts drawn without repeats; all of them for 0."""
        found = []
        for row in rows:
            there = np.arange(self._first[row], self._first[row + 1])
            found.append(there if not many or many >= len(there) else rng.choice(there, many, replace=False))
        return np.concatenate(found)

    def images(self, rows: Ints, plan: Plan | None = None, rng: np.random.Generator | None = None) -> Tensor:
        """Rows as a tower takes them; moved and mirrored when a plan and a source of randomness are given."""
        taken = self.pictures[torch.from_numpy(np.asarray(rows))]
        if taken.ndim != 4:
            return taken
        if plan is not None and rng is not None:
            taken = _moved(taken, plan, rng)
        return taken.float() / 127.5 - 1

    def some(self, rows: Ints) -> Examples:
        """The pictures of some rows, ascending, and their texts."""
        rows = np.sort(np.asarray(rows, np.int64))
        texts = self.text_rows(rows, 0, np.random.default_rng(0))
        return Examples(
            self.pictures[torch.from_numpy(rows)],
            self.texts[torch.from_numpy(texts)],
            np.searchsorted(rows, self.owner[texts]),
            None if self.labels is None else self.labels[torch.from_numpy(rows)],
            self.content_hash,
        )


def _moved(pixels: Tensor, plan: Plan, rng: np.random.Generator) -> Tensor:
    """Each picture shifted by up to ``plan.shift`` pixels, its edge repeated, and perhaps mirrored."""
    if plan.mirror:
        flip = torch.from_numpy(rng.random(len(pixels)) < 0.5)
        pixels = torch.where(flip[:, None, None, None], pixels.flip(3), pixels)
    if plan.shift:
        height, width = pixels.shape[2:]
        down, across = rng.integers(-plan.shift, plan.shift + 1, (2, len(pixels)))
        y = (torch.arange(height)[None] + torch.from_numpy(down)[:, None]).clamp(0, height - 1)
        x = (torch.arange(width)[None] + torch.from_numpy(across)[:, None]).clamp(0, width - 1)
        which = torch.arange(len(pixels))[:, None, None]
        pixels = pixels[which, :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)
    return pixels
